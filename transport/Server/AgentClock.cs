namespace LowLatency.Transport.Server;

/// <summary>Where a transport agent's time comes from.</summary>
internal abstract class AgentClock
{
    /// <summary>The agent's thread, once or twice per duty cycle.</summary>
    internal abstract DutyTime Read();
}
