using LowLatency.Bench.Native;

namespace LowLatency.Bench.Machine;

/// <summary>Time that the calling thread spent on a core: what other programs did meanwhile is not in it.</summary>
internal static unsafe class ThreadClock
{
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>In nanoseconds. A system call: not for what takes less than microseconds. Where there is no such clock, the machine's.</summary>
    internal static long NowNs
    {
        get
        {
            if (!OperatingSystem.IsLinux())
                return MonotonicClock.NowNs;
            long* time = stackalloc long[2];
            return Libc.GetTime(Libc.ThreadCpuClock, time) == 0 ? time[0] * NsPerSecond + time[1] : MonotonicClock.NowNs;
        }
    }
}
