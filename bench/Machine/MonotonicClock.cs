using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace LowLatency.Bench.Machine;

/// <summary>Nanoseconds of the machine's monotonic clock: the same for every process on it.</summary>
internal static class MonotonicClock
{
    private static readonly double NsPerTick = 1e9 / Stopwatch.Frequency;

    internal static long NowNs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Stopwatch.Frequency == 1_000_000_000 ? Stopwatch.GetTimestamp() : (long)(Stopwatch.GetTimestamp() * NsPerTick);
    }
}
