namespace LowLatency.Core.Engine;

/// <summary>Codes of errors. Sent to clients: values are frozen. Where AMQP 0-9-1 (1.2, reply codes) has one, it is that one.</summary>
/// <remarks>4xx costs the operation, 5xx the connection, as AMQP's soft and hard errors; 6xx are the broker's own state.</remarks>
public enum ErrorCode : ushort
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The body is larger than the broker's limit.</summary>
    ContentTooLarge = 311,

    /// <summary>No queue is bound for the message, and the publisher asked to be told.</summary>
    NoRoute = 312,

    /// <summary>The broker ends the connection: its virtual host was deleted.</summary>
    ConnectionForced = 320,

    /// <summary>A name is empty, over 255 bytes, or not valid UTF-8.</summary>
    InvalidName = 402,

    /// <summary>The thing is there, but this client may not use it so.</summary>
    AccessRefused = 403,

    /// <summary>No exchange, queue or binding of that name.</summary>
    NotFound = 404,

    /// <summary>Another connection holds it.</summary>
    ResourceLocked = 405,

    /// <summary>It exists with other properties, or is in use.</summary>
    PreconditionFailed = 406,

    /// <summary>The queue is at its length bound.</summary>
    QueueFull = 410,

    /// <summary>A named limit of the broker is reached (queues, publications, subscriptions, credit).</summary>
    LimitReached = 411,

    /// <summary>A handle (publication, subscription) that is not open on this connection.</summary>
    UnknownHandle = 412,

    /// <summary>A tag that was never delivered on this subscription, or is settled already.</summary>
    UnknownDeliveryTag = 413,

    /// <summary>A durability level that does not exist.</summary>
    UnknownLevel = 414,

    /// <summary>An argument has a value outside its range.</summary>
    InvalidArgument = 415,

    /// <summary>More credit than the broker's limit allows.</summary>
    CreditExceeded = 416,

    /// <summary>The message would go round in dead-letter exchanges without end.</summary>
    DeadLetterCycle = 417,

    /// <summary>A content header or field table that is malformed.</summary>
    MalformedHeaders = 418,

    /// <summary>A frame that is malformed: length, padding, fields that do not add up.</summary>
    FrameError = 501,

    /// <summary>The first bytes are not this protocol.</summary>
    NotThisProtocol = 502,

    /// <summary>A frame type, or a kind of exchange, that does not exist.</summary>
    CommandInvalid = 503,

    /// <summary>A frame that is not allowed in this state.</summary>
    UnexpectedFrame = 505,

    /// <summary>The peer was silent for longer than the agreed heartbeat, or too slow in the handshake.</summary>
    Timeout = 506,

    /// <summary>A protocol version that this broker does not speak.</summary>
    UnsupportedVersion = 507,

    /// <summary>A frame larger than the broker's limit.</summary>
    FrameTooLarge = 508,

    /// <summary>More unconfirmed publishes than the granted window, or a sequence that goes backwards.</summary>
    WindowExceeded = 509,

    /// <summary>The client does not read what it asked for.</summary>
    SlowReader = 510,

    /// <summary>The same publisher name was opened again elsewhere; the older publication is closed.</summary>
    TakenOver = 511,

    /// <summary>The virtual host does not exist, or takes no more connections.</summary>
    NotAllowed = 530,

    /// <summary>A bug in the broker.</summary>
    InternalError = 541,

    /// <summary>The disk is full: the publish was not kept.</summary>
    DiskFull = 601,

    /// <summary>The journal failed: it promises nothing more until a restart.</summary>
    JournalFailed = 602,

    /// <summary>The broker is shutting down.</summary>
    ShuttingDown = 603,

    /// <summary>The memory bound of transient messages is reached.</summary>
    MemoryLimit = 604,

    /// <summary>Not connected to a broker.</summary>
    NotConnected = 605,
}
