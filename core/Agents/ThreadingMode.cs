namespace LowLatency.Core.Agents;

/// <summary>How agents are given to threads.</summary>
public enum ThreadingMode
{
    /// <summary>All on one thread, in order: right for one or two cores.</summary>
    Shared,

    /// <summary>Each on its own thread.</summary>
    Dedicated,
}
