namespace LowLatency.Transport.Server;

/// <summary>Life of a connection, in order. No way back.</summary>
internal enum ConnectionState
{
    /// <summary>Accepted; the client's Hello is expected.</summary>
    Opening,

    /// <summary>Said Hello; the engine is asked for a session. What is sent meanwhile waits.</summary>
    Waiting,

    /// <summary>Has a session.</summary>
    Open,

    /// <summary>The client wants to end: its session is closed, the answer is sent when the engine has done everything before.</summary>
    Leaving,

    /// <summary>The last frame is on its way. What arrives is thrown away, so that the peer can read that frame.</summary>
    Closing,

    /// <summary>Gone.</summary>
    Closed,
}
