using System.Diagnostics;

namespace LowLatency.Transport.Server;

/// <summary>The machine's clocks: one counter read per call; the calendar is looked at once a second.</summary>
/// <remarks>One thread. Between two looks, Unix time advances with the counter, so differences of near time stamps are exact.</remarks>
internal sealed class SystemClock : AgentClock
{
    private const long NsPerSecond = 1_000_000_000;
    private const long NsPerTick = 100; // Of DateTime.

    private static readonly double NsPerCount = (double)NsPerSecond / Stopwatch.Frequency;

    private readonly long _origin = Stopwatch.GetTimestamp();
    private long _unixAtOriginNs;
    private long _nextLookNs;

    internal override DutyTime Read()
    {
        long elapsedNs = (long)((Stopwatch.GetTimestamp() - _origin) * NsPerCount);
        if (elapsedNs >= _nextLookNs)
            LookAtCalendar(elapsedNs);
        return new DutyTime(elapsedNs, _unixAtOriginNs + elapsedNs);
    }

    private void LookAtCalendar(long elapsedNs)
    {
        _unixAtOriginNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * NsPerTick - elapsedNs;
        _nextLookNs = elapsedNs + NsPerSecond;
    }
}
