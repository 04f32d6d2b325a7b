namespace LowLatency.Transport.Wire;

/// <summary>Types of frames. On the wire: values are frozen. See docs/protocol.md.</summary>
internal enum FrameType : byte
{
    Hello = 1,
    Welcome = 2,
    Error = 3,
    Close = 4,
    Heartbeat = 5,
    Done = 6,
    Failed = 7,

    OpenPublication = 16,
    PublicationOpened = 17,
    ClosePublication = 18,
    Publish = 19,
    Confirm = 20,
    Rejected = 21,
    PublicationReady = 22,
    PublicationEnded = 23,
    CommitTransaction = 24,
    RollbackTransaction = 25,
    PublicationBlocked = 26,
    PublicationUnblocked = 27,

    Subscribe = 32,
    Subscribed = 33,
    Unsubscribe = 34,
    SubscriptionEnded = 35,
    Credit = 36,
    Deliver = 37,
    Settle = 38,
    Get = 39,
    DeliverConflated = 40,
    SubscriptionActive = 41,
    Recover = 42,
    SetMaxUnacked = 43,

    DeclareQueue = 48,
    QueueDeclared = 49,
    DeleteQueue = 50,
    DeclareExchange = 51,
    DeleteExchange = 52,
    Bind = 53,
    Unbind = 54,
    PurgeQueue = 55,
    DeclareVirtualHost = 56,
    DeleteVirtualHost = 57,

    Batch = 64,
}
