namespace LowLatency.Core.Journal;

/// <summary>Memory for one cold segment: so many of them are read at a time, whatever the length of the log.</summary>
/// <remarks>
/// <code>
/// engine:   Idle ▸ Wanted               Loaded ▸ noticed, used, passed ▸ Wanted (for another segment) or Idle
/// preparer:        Wanted ▸ Loaded, Unreadable or Gone
/// </code>
/// While it is wanted it is the preparer's, else the engine thread's. A segment knows its slot (<see cref="Segment.Slot"/>) as long as both belong together.
/// </remarks>
internal sealed class LoadSlot
{
    private int _state;
    private int _isReadAhead;

    /// <summary>Release and acquire: what else is in the slot belongs to who may act on its state.</summary>
    internal LoadState State
    {
        get => (LoadState)Volatile.Read(ref _state);
        set => Volatile.Write(ref _state, (int)value);
    }

    internal Segment? Segment { get; set; }

    /// <summary>Its index when it was asked for: it may be another segment's memory by now.</summary>
    internal long Index { get; set; }

    /// <summary>What was in the slot before, to be let go of.</summary>
    internal Segment? Before { get; set; }

    internal long BeforeIndex { get; set; }

    /// <summary>Nobody waits for it yet. Any thread.</summary>
    internal bool IsReadAhead
    {
        get => Volatile.Read(ref _isReadAhead) != 0;
        set => Volatile.Write(ref _isReadAhead, value ? 1 : 0);
    }

    /// <summary>Order of the requests.</summary>
    internal long Ticket { get; set; }

    /// <summary>The engine was told that it is loaded. Engine thread, as all that follows.</summary>
    internal bool IsNoticed { get; set; }

    /// <summary>Who waited for it has had a turn since.</summary>
    internal bool IsServed { get; set; }

    /// <summary>Who used it last went on to another segment.</summary>
    internal bool IsPassed { get; set; }

    /// <summary>It is read from its start to its end, and stays until then.</summary>
    internal bool IsPinned { get; set; }

    internal long LastUse { get; set; }

    /// <summary>Bytes brought into memory. Preparer.</summary>
    internal int LoadedTo { get; set; }

    /// <summary>Bytes whose checksums are right. Preparer.</summary>
    internal int CheckedTo { get; set; }
}

/// <summary>What a <see cref="LoadSlot"/> is doing.</summary>
internal enum LoadState
{
    /// <summary>Nothing is in it.</summary>
    Idle,

    /// <summary>The preparer is to bring it into memory.</summary>
    Wanted,

    /// <summary>It is in memory, and as it was written.</summary>
    Loaded,

    /// <summary>The disk does not give it back as it was written.</summary>
    Unreadable,

    /// <summary>It has left the log since.</summary>
    Gone,
}
