namespace LowLatency.Transport.Sockets;

/// <summary>Result of one accept.</summary>
internal enum AcceptStatus
{
    Accepted,

    /// <summary>No connection waits.</summary>
    NoneWaiting,

    /// <summary>One waited but was lost; there may be more.</summary>
    Lost,

    /// <summary>The system has no descriptor or memory for it: it still waits. Try again later.</summary>
    OutOfResources,
}
