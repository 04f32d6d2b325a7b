namespace LowLatency.Core.Agents;

/// <summary>Settings of <see cref="IdleMode.Adaptive"/>.</summary>
internal sealed class AdaptiveIdle
{
    /// <summary>How long to spin after the last work, in microseconds. 0 or more.</summary>
    internal int SpinUs { get; init; } = 20;

    /// <summary>Longest time parked, in milliseconds, so that agents with timers still run. At least 1.</summary>
    internal int ParkTimeoutMs { get; init; } = 50;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(SpinUs);
        ArgumentOutOfRangeException.ThrowIfLessThan(ParkTimeoutMs, 1);
    }
}
