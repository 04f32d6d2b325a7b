namespace LowLatency.Transport.Sockets;

/// <summary>What a poller saw of one socket. A hint: the socket's own answer to receive or send decides.</summary>
/// <param name="Key">The key that the socket was added with.</param>
/// <param name="Readiness">What may be done without blocking.</param>
internal readonly record struct PollEvent(int Key, PollReadiness Readiness);

[Flags]
internal enum PollReadiness
{
    None = 0,

    /// <summary>Bytes, a connection to accept, the peer's end of stream or an error can be received.</summary>
    Readable = 1,

    /// <summary>Bytes can be sent, or a pending connect has its result.</summary>
    Writable = 2,
}
