using System.Runtime.InteropServices;
using System.Text;

namespace LowLatency.Core.Agents;

/// <summary>What the kernel is told of the calling thread. Linux; elsewhere nothing happens.</summary>
internal static unsafe partial class OsThread
{
    private const int MaxNameLength = 15;
    private const int SetNameOption = 15; // PR_SET_NAME
    private const int IdlePolicy = 5; // SCHED_IDLE
    private const int TimeSharing = 0; // SCHED_OTHER
    private const ulong ShortestSliceNs = 100_000;

    /// <summary>Names it in <c>top -H</c>, <c>perf</c> and <c>/proc</c>: native AOT does not. At most 15 bytes of the name are kept.</summary>
    internal static void SetName(string name)
    {
        if (!OperatingSystem.IsLinux())
            return;
        byte* text = stackalloc byte[MaxNameLength + 1];
        int length = Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, MaxNameLength)), new Span<byte>(text, MaxNameLength));
        text[length] = 0;
        _ = ProcessControl(SetNameOption, (nuint)text, 0, 0, 0);
    }

    internal static void Stand(ThreadStanding standing)
    {
        if (standing == ThreadStanding.First)
            AskForShortSlices();
        else if (standing == ThreadStanding.Behind)
            StandBehindOthers();
    }

    /// <summary>Lets every other thread go first: whoever wakes takes the processor at once. With all processors busy it has some thousandths of one.</summary>
    private static void StandBehindOthers()
    {
        int priority = 0; // struct sched_param
        if (OperatingSystem.IsLinux())
            _ = SetScheduler(0, IdlePolicy, &priority);
    }

    /// <summary>Takes the processor when it wakes, from whoever has had it for a moment. It gets no more of it than others: it asks for shorter slices.</summary>
    /// <remarks>Linux 6.12 and later (sched_setattr(2)); before, and where the thread was given another policy, nothing happens. Else who runs there may go on until
    /// its own slice has ended, which the clock tick notices: up to 4 ms.</remarks>
    private static void AskForShortSlices()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            return;
        bool isX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;
        // Its nice value, and whatever else was set for it, stays.
        SchedulingAttributes attributes = default;
        if (SystemCall(isX64 ? 315 : 275, 0, &attributes, sizeof(SchedulingAttributes), 0) != 0 || attributes.Policy != TimeSharing)
            return;
        attributes.RuntimeNs = ShortestSliceNs;
        _ = SystemCall(isX64 ? 314 : 274, 0, &attributes, 0, 0);
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint thread, SchedulingAttributes* attributes, nint size, nint flags);

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, int* priority);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint first, nuint second, nuint third, nuint fourth);

    /// <summary>struct sched_attr of the kernel, in its first length.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingAttributes
    {
        internal uint Size;
        internal uint Policy;
        internal ulong Flags;
        internal int Nice;
        internal uint Priority;
        internal ulong RuntimeNs;
        internal ulong DeadlineNs;
        internal ulong PeriodNs;
    }
}
