using System.Runtime.InteropServices;

namespace LowLatency.Bench.Native;

/// <summary>The system calls that floors are made of, with their results as they are: -1 and an error number for failure.</summary>
internal static partial class Libc
{
    internal const int Interrupted = 4;
    internal const int TryAgain = 11;
    internal const int DontWait = 0x40;
    internal const int SignalTerminate = 15;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "recv", SetLastError = true)]
    internal static unsafe partial nint Receive(int socket, byte* buffer, nint length, int flags);

    [LibraryImport(Library, EntryPoint = "send", SetLastError = true)]
    internal static unsafe partial nint Send(int socket, byte* buffer, nint length, int flags);

    [LibraryImport(Library, EntryPoint = "pwrite", SetLastError = true)]
    internal static unsafe partial nint Write(int file, byte* buffer, nint length, long offset);

    [LibraryImport(Library, EntryPoint = "fdatasync", SetLastError = true)]
    internal static partial int SyncData(int file);

    [LibraryImport(Library, EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int Allocate(int file, int mode, long offset, long length);

    [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int processId, int signal);

    [LibraryImport(Library, EntryPoint = "getppid")]
    [SuppressGCTransition] // The cheapest call there is, and here to be timed: without the runtime's own work around it.
    internal static partial int GetParentProcessId();

    /// <summary>What this thread spent on a core: <c>CLOCK_THREAD_CPUTIME_ID</c> of Linux.</summary>
    internal const int ThreadCpuClock = 3;

    [LibraryImport(Library, EntryPoint = "clock_gettime")]
    internal static unsafe partial int GetTime(int clock, long* secondsAndNanoseconds);

    internal const int AdviceHugePages = 14;

    [LibraryImport(Library, EntryPoint = "madvise")]
    internal static unsafe partial int Advise(void* address, nint length, int advice);

    /// <summary>Gives freed memory back to the kernel. Only in glibc.</summary>
    [LibraryImport(Library, EntryPoint = "malloc_trim")]
    internal static partial int TrimHeap(nint keep);

    [LibraryImport(Library, EntryPoint = "sched_yield")]
    internal static partial int Yield();

    /// <summary>An exception that says which call failed and why.</summary>
    internal static IOException Failed(string call)
        => new($"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
