namespace LowLatency.Core.Engine;

/// <summary>The wall clock as it stands in messages: Unix time in nanoseconds, in steps of 100. Read once per duty cycle, never by the engine.</summary>
internal static class UnixClock
{
    internal static long NowNs() => (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * 100;
}
