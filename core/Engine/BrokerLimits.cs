namespace LowLatency.Core.Engine;

/// <summary>Every limit of a broker, with its default. What happens at each is chosen: see the comment.</summary>
public sealed record BrokerLimits
{
    /// <summary>Open sessions, connections and in-process clients together. At the limit: a new one is refused with <see cref="ErrorCode.LimitReached"/>.</summary>
    public int MaxSessions { get; init; } = 4096;

    /// <summary>Open publications of a session. At the limit: the open fails.</summary>
    public int MaxPublicationsPerSession { get; init; } = 1024;

    /// <summary>Open subscriptions of a session. At the limit: the subscribe fails.</summary>
    public int MaxSubscriptionsPerSession { get; init; } = 1024;

    /// <summary>Virtual hosts. At the limit: the declare fails.</summary>
    public int MaxVirtualHosts { get; init; } = 256;

    /// <summary>Keys that wait for a conflating subscription. At the limit: a new key takes the place of the one that waited longest.</summary>
    public int MaxConflationKeys { get; init; } = 1_000_000;

    /// <summary>Bytes of what a session's transaction holds, at most a quarter of a segment. At the limit: the transaction fails.</summary>
    public int MaxTransactionBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Messages that wait on a direct reply-to address. At the limit: publishes to it are rejected with <see cref="ErrorCode.QueueFull"/>.</summary>
    public long DefaultReplyLength { get; init; } = 65_536;

    /// <summary>Queues of the broker. At the limit: the declare fails.</summary>
    public int MaxQueues { get; init; } = 100_000;

    /// <summary>Exchanges of the broker. At the limit: the declare fails.</summary>
    public int MaxExchanges { get; init; } = 10_000;

    /// <summary>Bindings of the broker. At the limit: the bind fails.</summary>
    public int MaxBindings { get; init; } = 1_000_000;

    /// <summary>Named publishers whose sequence is kept. At the limit: opening a publication under a new name fails.</summary>
    public int MaxPublishers { get; init; } = 100_000;

    /// <summary>Largest body of a message in bytes. Above: the connection is closed with <see cref="ErrorCode.ContentTooLarge"/>.</summary>
    public int MaxBodyLength { get; init; } = 1024 * 1024;

    /// <summary>Unconfirmed messages of a publication. Above what was granted: the connection is closed.</summary>
    public int MaxWindow { get; init; } = 65_536;

    /// <summary>Credit in messages that a subscription can have at once, delivered and unsettled included. Above: the connection is closed with <see cref="ErrorCode.CreditExceeded"/>.</summary>
    public int MaxCreditMessages { get; init; } = 65_536;

    /// <summary>Messages of a queue, waiting and unsettled, where the queue's declaration says nothing. At the limit: publishes are rejected with <see cref="ErrorCode.QueueFull"/>.</summary>
    public long DefaultQueueLength { get; init; } = 10_000_000;

    /// <summary>Anonymous memory for transient messages in bytes. At the limit: publishes at level memory are rejected with <see cref="ErrorCode.MemoryLimit"/>.</summary>
    public long MaxTransientBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Ingress ring in bytes, a power of two, at least four times the largest publish command. Full: connections are not read.</summary>
    public int IngressCapacity { get; init; } = 8 * 1024 * 1024;

    /// <summary>Egress ring of one transport agent or in-process client in bytes, a power of two. Full: deliveries wait in their queues.</summary>
    public int EgressCapacity { get; init; } = 1024 * 1024;

    /// <summary>Commands that the engine takes in one batch.</summary>
    public int EngineBatch { get; init; } = 512;

    /// <summary>Time for the first frame of a connection, in milliseconds. Later: closed with <see cref="ErrorCode.Timeout"/>.</summary>
    public int HandshakeTimeoutMs { get; init; } = 5000;

    /// <summary>Longest heartbeat interval agreed with a client, in milliseconds. Silence of two intervals: closed with <see cref="ErrorCode.Timeout"/>.</summary>
    public int HeartbeatMs { get; init; } = 10_000;

    /// <summary>Bytes that wait to be sent on one connection beside its deliveries' references. Full: its commands are not read and its events wait.</summary>
    public int SendBufferLength { get; init; } = 256 * 1024;

    /// <summary>Largest frame in bytes: a publish with the largest body, key and headers.</summary>
    public int MaxFrameLength => MaxBodyLength + 255 + ushort.MaxValue + 72;
}
