namespace LowLatency.Server.Simulation;

/// <summary>What a step of a run may be.</summary>
internal enum SimulationAction
{
    /// <summary>The engine works off some commands.</summary>
    Batch,
    Publish,

    /// <summary>A client reads events.</summary>
    Poll,
    Settle,

    /// <summary>A client connects, or opens a publication.</summary>
    Open,
    Subscribe,
    Credit,
    Declare,
    Bind,
    Flush,
    Prepare,

    /// <summary>The engine hears of the durable position.</summary>
    TellDurable,

    /// <summary>A client closes a publication or a subscription.</summary>
    Close,
    Disconnect,

    /// <summary>A queue or exchange is deleted.</summary>
    Delete,

    /// <summary>A client does what costs it the connection.</summary>
    BreakRule,

    /// <summary>A publisher comes back on another connection before the first is known to be dead.</summary>
    TakeOver,

    /// <summary>The disk is full, or has room again.</summary>
    FillDisk,
    FailSync,
    Kill,
    CutPower,

    /// <summary>The broker stops in order and starts again.</summary>
    Stop,

    /// <summary>A client asks for messages.</summary>
    Get,

    /// <summary>A client gives everything back.</summary>
    Recover,

    /// <summary>A client bounds what it has unsettled.</summary>
    LimitUnacked,

    /// <summary>A queue is emptied.</summary>
    Purge,

    /// <summary>A client commits its transaction, or forgets it.</summary>
    Commit,

    /// <summary>Large messages go through one queue, so that segments fill and little of them stays.</summary>
    Flow,

    // Below: what a run has or has not, rather than a step of its own.

    /// <summary>More than one virtual host, declared and deleted.</summary>
    Hosts,

    /// <summary>Bindings from exchange to exchange.</summary>
    ExchangeBindings,

    /// <summary>Alternate exchanges.</summary>
    Alternates,

    /// <summary>Consistent-hash exchanges.</summary>
    Hashes,

    /// <summary>Auto-delete queues and exchanges.</summary>
    AutoDelete,

    /// <summary>Exclusive queues.</summary>
    Exclusive,

    /// <summary>Queues that the broker names.</summary>
    Unnamed,

    /// <summary>Queues with a single active consumer.</summary>
    SingleActive,

    /// <summary>Subscriptions of different priority.</summary>
    ConsumerPriorities,

    /// <summary>Subscriptions that settle nothing.</summary>
    NoAck,

    /// <summary>Subscriptions that are alone.</summary>
    ExclusiveConsumers,
    Browse,
    Conflate,

    /// <summary>Subscriptions that are closed but for what is unsettled.</summary>
    KeepUnsettled,

    /// <summary>Direct reply-to.</summary>
    ReplyTo,
    Priorities,

    /// <summary>Messages and queues with a time to live.</summary>
    TimeToLive,

    /// <summary>Messages that are delivered later.</summary>
    Schedules,

    /// <summary>Queues that make wait what comes back.</summary>
    RedeliveryDelays,
    DeliveryLimits,

    /// <summary>Queues that go when nobody uses them.</summary>
    QueueExpiry,

    /// <summary>Queues that do something else than to reject when they are full, and bounds in bytes.</summary>
    Overflow,
    DeadLetters,
    LastValues,

    /// <summary>Time that jumps by seconds and hours.</summary>
    TimeJumps,

    /// <summary>Messages with a level or a wish of their own.</summary>
    MessageLevels,

    /// <summary>Publishes and settles that wait for a commit.</summary>
    Transactions,
}
