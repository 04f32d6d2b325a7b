using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>Properties of messages to publish: a content header, built once and used for as many messages as share it.</summary>
/// <remarks>
/// <code>
/// var properties = new MessageProperties { Priority = 5, Expiration = TimeSpan.FromSeconds(30) };
/// properties.Table.Add("region", "EU");
/// publication.TryPublish(body, properties);
/// </code>
/// What is <c>null</c> is not there. One thread at a time; changed and used again it allocates nothing once its buffers have grown.
/// </remarks>
public sealed class MessageProperties
{
    private readonly ContentHeaderBuilder _builder = new();
    private readonly FieldTable _table = new();

    /// <summary>0 to 255, for queues with priorities.</summary>
    public byte? Priority { get; set; }

    /// <summary>Time after which the message expires where nobody took it, in whole milliseconds.</summary>
    public TimeSpan? Expiration { get; set; }

    /// <summary>The message is held back for so long. Table entry <c>x-delay</c>.</summary>
    public TimeSpan? Delay { get; set; }

    /// <summary>The message is held back until then. Table entry <c>x-deliver-at</c>, stronger than <see cref="Delay"/>.</summary>
    public DateTimeOffset? DeliverAt { get; set; }

    /// <summary>A name for the message.</summary>
    public string? MessageId { get; set; }

    /// <summary>Which request a reply is for.</summary>
    public string? CorrelationId { get; set; }

    /// <summary>Where replies go: a queue, or the address of a subscription to <see cref="Connection.ReplyQueue"/>.</summary>
    public string? ReplyTo { get; set; }

    /// <summary>What the body is, for example <c>application/json</c>.</summary>
    public string? ContentType { get; set; }

    /// <summary>How the body is encoded, for example <c>gzip</c>.</summary>
    public string? ContentEncoding { get; set; }

    /// <summary>When it was made, in whole seconds.</summary>
    public DateTimeOffset? Timestamp { get; set; }

    /// <summary>What kind of message it is.</summary>
    public string? Type { get; set; }

    /// <summary>Who made it.</summary>
    public string? UserId { get; set; }

    /// <summary>The program that made it.</summary>
    public string? AppId { get; set; }

    /// <summary>The header table.</summary>
    public FieldTable Table => _table;

    /// <summary>The content header. Valid until the next call, or change.</summary>
    /// <exception cref="ArgumentException">A text has more than 255 bytes of UTF-8.</exception>
    /// <exception cref="InvalidOperationException">All together have more than 65,535 bytes.</exception>
    public ReadOnlySpan<byte> Headers => Build();

    private ReadOnlySpan<byte> Build()
    {
        _builder.Clear();
        Set(ContentProperty.ContentType, ContentType);
        Set(ContentProperty.ContentEncoding, ContentEncoding);
        if (Priority is { } priority)
            _builder.Priority(priority);
        Set(ContentProperty.CorrelationId, CorrelationId);
        Set(ContentProperty.ReplyTo, ReplyTo);
        if (Expiration is { } expiration)
            _builder.Expiration((long)expiration.TotalMilliseconds);
        Set(ContentProperty.MessageId, MessageId);
        if (Timestamp is { } timestamp)
            _builder.Timestamp((ulong)timestamp.ToUnixTimeSeconds());
        Set(ContentProperty.Type, Type);
        Set(ContentProperty.UserId, UserId);
        Set(ContentProperty.AppId, AppId);
        if (Delay is { } delay)
            _builder.Headers.Add("x-delay", (long)delay.TotalMilliseconds);
        if (DeliverAt is { } time)
            _builder.Headers.Add("x-deliver-at", time.ToUnixTimeMilliseconds());
        _builder.Headers.Append(_table.Entries);
        return _builder.Build();
    }

    private void Set(ContentProperty property, string? value)
    {
        if (value != null)
            _builder.Set(property, value);
    }
}
