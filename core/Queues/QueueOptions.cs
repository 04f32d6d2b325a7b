namespace LowLatency.Core.Queues;

/// <summary>What a queue's declaration says: its flags and its arguments, parsed. Times are milliseconds.</summary>
/// <remarks>See the rules Q, L, T, D and O of docs/model.md.</remarks>
internal sealed record QueueOptions
{
    internal bool Durable { get; init; }

    internal bool Exclusive { get; init; }

    internal bool AutoDelete { get; init; }

    /// <summary><c>x-max-length</c>, or the broker's default.</summary>
    internal long MaxLength { get; init; } = long.MaxValue;

    /// <summary><c>x-max-length-bytes</c>.</summary>
    internal long MaxBytes { get; init; } = long.MaxValue;

    /// <summary><c>x-overflow</c>.</summary>
    internal OverflowPolicy Overflow { get; init; }

    /// <summary><c>x-message-ttl</c>; -1 for none.</summary>
    internal long MessageTtlMs { get; init; } = -1;

    /// <summary><c>x-expires</c>; -1 for never.</summary>
    internal long ExpiresMs { get; init; } = -1;

    /// <summary><c>x-dead-letter-exchange</c>; null for none, empty for the default exchange.</summary>
    internal byte[]? DeadLetterExchange { get; init; }

    /// <summary><c>x-dead-letter-routing-key</c>; null for the message's own.</summary>
    internal byte[]? DeadLetterRoutingKey { get; init; }

    /// <summary><c>x-max-priority</c>; -1 where messages have none.</summary>
    internal int MaxPriority { get; init; } = -1;

    /// <summary><c>x-single-active-consumer</c>.</summary>
    internal bool SingleActiveConsumer { get; init; }

    /// <summary><c>x-delivery-limit</c>; -1 for none.</summary>
    internal int DeliveryLimit { get; init; } = -1;

    /// <summary><c>x-redelivery-delay</c>; 0 for none.</summary>
    internal long RedeliveryDelayMs { get; init; }

    /// <summary><c>x-redelivery-delay-max</c>.</summary>
    internal long RedeliveryDelayMaxMs { get; init; } = 60_000;

    /// <summary><c>x-last-value-key</c>: a header's name, empty for the routing key; null for none.</summary>
    internal byte[]? LastValueKey { get; init; }

    /// <summary>The table as it was declared.</summary>
    internal byte[] Arguments { get; init; } = [];
}

/// <summary>What happens to a message for which a queue has no room. Rules L2 to L5 of docs/model.md.</summary>
internal enum OverflowPolicy : byte
{
    RejectPublish = 0,
    DropHead,
    DeadLetter,
    RejectPublishDeadLetter,
    Block,
}
