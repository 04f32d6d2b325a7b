using System.Runtime.InteropServices;

namespace LowLatency.Core.Agents;

/// <summary>Holds the calling thread on one processor. Linux; elsewhere every call says no.</summary>
/// <remarks>Two spinning threads that the scheduler puts on one processor wait a time slice, some milliseconds, for each other.</remarks>
internal static unsafe partial class ThreadAffinity
{
    private const int MaskWords = 16; // 1,024 processors, as glibc's cpu_set_t.
    private const int WordBits = 64;

    /// <summary>Highest processor number that can be asked for.</summary>
    internal const int MaxProcessor = MaskWords * WordBits - 1;

    /// <summary>Lets the calling thread run on one processor only. Threads and processes that it starts inherit that.</summary>
    /// <param name="processor">From 0.</param>
    /// <returns>False: there is no such processor, this process may not use it, or the system has no such call.</returns>
    internal static bool TryPin(int processor)
    {
        if (processor is < 0 or > MaxProcessor)
            return false;
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[processor / WordBits] = 1UL << (processor % WordBits);
        return TrySet(mask);
    }

    /// <summary>Lets the calling thread run on every processor again.</summary>
    internal static bool TryUnpin()
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Fill(ulong.MaxValue);
        return TrySet(mask);
    }

    private static bool TrySet(ulong* mask) => OperatingSystem.IsLinux() && SetAffinity(0, MaskWords * sizeof(ulong), mask) == 0;

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint length, ulong* mask);
}
