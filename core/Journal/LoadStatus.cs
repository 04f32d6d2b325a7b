namespace LowLatency.Core.Journal;

/// <summary>Answer to who wants to read a cold segment.</summary>
internal enum LoadStatus
{
    /// <summary>It can be read without waiting for the disk.</summary>
    AtHand,

    /// <summary>It was asked for: the engine is told when it is there.</summary>
    Loading,

    /// <summary>All slots are taken by others: to be asked for again when they have had their turn.</summary>
    NoSlot,

    /// <summary>It cannot be read, and the journal has failed for that.</summary>
    Unreadable,
}
