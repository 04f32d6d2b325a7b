namespace LowLatency.Client;

/// <summary>Where a <see cref="Connection"/> is in its life.</summary>
public enum ConnectionState
{
    /// <summary>Not connected yet, for the first time.</summary>
    Connecting,

    /// <summary>Connected; what was declared and opened before is being sent again, in order, before anything new.</summary>
    Ready,

    /// <summary>The connection was lost; it tries again by itself.</summary>
    Reconnecting,

    /// <summary>The end: closed by its user, or by an error after which trying again is of no use.</summary>
    Closed,
}

/// <summary>Told when the state of a connection changes.</summary>
/// <param name="connection">The connection.</param>
/// <param name="state">Its new state.</param>
/// <param name="reason">Why it is not <see cref="ConnectionState.Ready"/>; <c>null</c> where nothing went wrong.</param>
/// <remarks>On the connection's thread (<see cref="ConnectionMode.Background"/>) or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
public delegate void ConnectionStateHandler(Connection connection, ConnectionState state, LowLatencyException? reason);
