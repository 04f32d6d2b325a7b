namespace LowLatency.Core.Agents;

/// <summary>What the thread of an agent runner does when its agent had nothing to do.</summary>
public enum IdleMode
{
    /// <summary>Looks again at once. A whole core of load, the lowest latency.</summary>
    Spin,

    /// <summary>Looks again after offering the core to other threads.</summary>
    Yield,

    /// <summary>Spins for a moment, then parks until woken: next to no load when idle.</summary>
    Adaptive,
}
