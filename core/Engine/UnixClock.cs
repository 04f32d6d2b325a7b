using System.Globalization;

namespace LowLatency.Core.Engine;

/// <summary>The wall clock as it stands in messages: Unix time in nanoseconds, in steps of 100. Read once per duty cycle, never by the engine.</summary>
internal static class UnixClock
{
    internal static long NowNs() => (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * 100;

    /// <summary>A time for people, in UTC: <c>2026-11-21T14:30:05Z</c>.</summary>
    internal static string Text(long ns) => DateTime.UnixEpoch.AddTicks(ns / 100).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
