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
}
