using System.Diagnostics;

namespace LowLatency.Server.Demo;

/// <summary>Nanoseconds since an arbitrary moment, never backwards.</summary>
internal static class MonotonicClock
{
    private static readonly double NsPerTick = 1e9 / Stopwatch.Frequency;

    internal static long NowNs => (long)(Stopwatch.GetTimestamp() * NsPerTick);
}
