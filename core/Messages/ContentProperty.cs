namespace LowLatency.Core.Messages;

/// <summary>The properties of a content header, in the order in which they stand (AMQP 0-9-1, 1.8.1 class basic). The first has the highest bit of the flags.</summary>
internal enum ContentProperty
{
    ContentType = 0,
    ContentEncoding,
    Headers,
    DeliveryMode,
    Priority,
    CorrelationId,
    ReplyTo,
    Expiration,
    MessageId,
    Timestamp,
    Type,
    UserId,
    AppId,
    ClusterId,
}
