using System.Runtime.InteropServices;
using System.Text;

namespace LowLatency.Core.Agents;

/// <summary>What the kernel is told of the calling thread. Linux; elsewhere nothing happens.</summary>
internal static unsafe partial class OsThread
{
    private const int MaxNameLength = 15;
    private const int SetNameOption = 15; // PR_SET_NAME
    private const int IdlePolicy = 5; // SCHED_IDLE

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

    /// <summary>Lets every other thread go first: whoever wakes takes the processor at once. With all processors busy it has some thousandths of one.</summary>
    internal static void StandBehindOthers()
    {
        int priority = 0; // struct sched_param
        if (OperatingSystem.IsLinux())
            _ = SetScheduler(0, IdlePolicy, &priority);
    }

    [LibraryImport("libc", EntryPoint = "sched_setscheduler")]
    private static partial int SetScheduler(int thread, int policy, int* priority);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint first, nuint second, nuint third, nuint fourth);
}
