using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>Properties of a queue to declare. What is <c>null</c> is not asked for.</summary>
public sealed record QueueOptions
{
    /// <summary>Definition and durable messages outlive the broker.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>For this connection only, and gone with it. Declared again, empty, after a reconnect.</summary>
    public bool Exclusive { get; init; }

    /// <summary>Gone with its last subscription.</summary>
    public bool AutoDelete { get; init; }

    /// <summary>Only ask whether it exists: fails with <see cref="Core.Engine.ErrorCode.NotFound"/> where it does not. Not repeated after a reconnect.</summary>
    public bool Passive { get; init; }

    /// <summary>Most messages that it holds, unsettled ones too. <c>x-max-length</c></summary>
    public long? MaxLength { get; init; }

    /// <summary>Most bytes (keys, headers, bodies) that it holds. <c>x-max-length-bytes</c></summary>
    public long? MaxBytes { get; init; }

    /// <summary>What becomes of a message for which there is no room. <c>x-overflow</c></summary>
    public Overflow? Overflow { get; init; }

    /// <summary>Time after which a message that nobody took expires, in whole milliseconds. <c>x-message-ttl</c></summary>
    public TimeSpan? MessageTtl { get; init; }

    /// <summary>The queue is deleted when it was unused for so long. <c>x-expires</c></summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>Where messages go that are rejected, expire, or are dropped; empty for the default exchange. <c>x-dead-letter-exchange</c></summary>
    public string? DeadLetterExchange { get; init; }

    /// <summary>With which key; without it with the message's own. <c>x-dead-letter-routing-key</c></summary>
    public string? DeadLetterRoutingKey { get; init; }

    /// <summary>Messages have priorities 0 to this, at most 255; higher ones go first. <c>x-max-priority</c></summary>
    public int? MaxPriority { get; init; }

    /// <summary>One subscription at a time is given messages, the others stand by. <c>x-single-active-consumer</c></summary>
    public bool SingleActiveConsumer { get; init; }

    /// <summary>A message that comes back more often is dead-lettered. <c>x-delivery-limit</c></summary>
    public int? DeliveryLimit { get; init; }

    /// <summary>What comes back waits so long, doubled with each time. <c>x-redelivery-delay</c></summary>
    public TimeSpan? RedeliveryDelay { get; init; }

    /// <summary>Longest such wait. <c>x-redelivery-delay-max</c></summary>
    public TimeSpan? RedeliveryDelayMax { get; init; }

    /// <summary>Of messages with the same value of this header only the newest is kept; empty: with the same routing key. <c>x-last-value-key</c></summary>
    public string? LastValueKey { get; init; }

    /// <summary>Arguments that have no property here.</summary>
    public FieldTable? Arguments { get; init; }

    internal byte[] Table()
    {
        var table = new FieldTableWriter();
        Arguments.CopyTo(table);
        table.Integer("x-max-length", MaxLength, nameof(MaxLength), "messages");
        table.Integer("x-max-length-bytes", MaxBytes, nameof(MaxBytes), "bytes");
        if (Overflow is { } overflow)
            table.Add("x-overflow", overflow.Word());
        table.Milliseconds("x-message-ttl", MessageTtl, nameof(MessageTtl));
        table.Milliseconds("x-expires", Expires, nameof(Expires));
        table.Text("x-dead-letter-exchange", DeadLetterExchange);
        table.Text("x-dead-letter-routing-key", DeadLetterRoutingKey);
        table.Integer("x-max-priority", MaxPriority, nameof(MaxPriority), "as highest priority");
        if (SingleActiveConsumer)
            table.Add("x-single-active-consumer", true);
        table.Integer("x-delivery-limit", DeliveryLimit, nameof(DeliveryLimit), "returns");
        table.Milliseconds("x-redelivery-delay", RedeliveryDelay, nameof(RedeliveryDelay));
        table.Milliseconds("x-redelivery-delay-max", RedeliveryDelayMax, nameof(RedeliveryDelayMax));
        table.Text("x-last-value-key", LastValueKey);
        return table.Entries.ToArray();
    }
}
