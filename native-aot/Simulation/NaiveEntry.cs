namespace LowLatency.Server.Simulation;

internal enum NaiveEntryState
{
    Ready,

    /// <summary>Handed to a consumer and not settled.</summary>
    Unsettled,

    /// <summary>Came back and waits.</summary>
    Delayed,

    /// <summary>Its time has not come.</summary>
    Scheduled,
}

/// <summary>A message in a queue.</summary>
internal sealed record NaiveEntry(long Sequence, StoredMessage Message)
{
    internal NaiveEntryState State { get; init; }

    /// <summary>How often it came back.</summary>
    internal int Count { get; init; }

    /// <summary>Flagged because the end of the journal was lost once.</summary>
    internal bool Maybe { get; init; }

    /// <summary>Something happened to it while the journal took nothing: after a restart it may be gone, or have another count.</summary>
    internal bool IsUncertain { get; init; }

    /// <summary>Unix time in nanoseconds at which a delayed one is ready again.</summary>
    internal long DelayedUntilNs { get; init; }

    internal bool IsReady => State == NaiveEntryState.Ready;

    public override string ToString() =>
        $"{Sequence}: {Message} {State} count {Count}{(Maybe ? " maybe" : "")}{(IsUncertain ? " uncertain" : "")}{(State == NaiveEntryState.Delayed ? $" until {DelayedUntilNs}" : "")}";
}
