using LowLatency.Transport.Server;

namespace LowLatency.Tests.Server;

/// <summary>A clock that stands still until it is told otherwise.</summary>
internal sealed class ManualClock : AgentClock
{
    private const long Start = 1_700_000_000_000_000_000;

    internal long ElapsedNs { get; private set; }

    internal void Advance(TimeSpan time) => ElapsedNs += (long)time.TotalNanoseconds;

    internal override DutyTime Read() => new(ElapsedNs, Start + ElapsedNs);
}
