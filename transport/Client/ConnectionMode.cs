namespace LowLatency.Client;

/// <summary>Whose thread does the work of a <see cref="Connection"/>.</summary>
public enum ConnectionMode
{
    /// <summary>A thread of the connection's own. Handlers run on it; all other members may be called from any thread.</summary>
    Background,

    /// <summary>The caller's one thread, in <see cref="Connection.Poll"/>. The lowest latency; the connection has no thread and no lock.</summary>
    Polled,
}
