namespace LowLatency.Core.Journal;

/// <summary>What opening a journal found and did.</summary>
internal sealed record RecoveryReport
{
    /// <summary>There was no journal: this one is new.</summary>
    internal bool IsNew { get; init; }

    /// <summary>Segments that were read.</summary>
    internal int Segments { get; init; }

    /// <summary>Records given to the visitor.</summary>
    internal long Records { get; init; }

    /// <summary>Bytes of all valid records, markers and pads included.</summary>
    internal long Bytes { get; init; }

    /// <summary>Bytes after the last valid record, in its segment and in later ones, that were not zero: begun, never confirmed at level disk. Cut off.</summary>
    internal long TornTailBytes { get; init; }

    /// <summary>Position at which writing goes on.</summary>
    internal long TailPosition { get; init; }

    internal uint Epoch { get; init; }

    internal ulong JournalId { get; init; }

    internal ulong BrokerId { get; init; }

    /// <summary>The last run stopped in order, and its closing marker was the last record.</summary>
    internal bool WasClean { get; init; }

    /// <summary>The machine was not restarted since: everything that was stored is there, synced or not.</summary>
    internal bool SameBoot { get; init; }

    /// <summary>Files in the folder that are none of the journal's. Left alone.</summary>
    internal IReadOnlyList<string> UnknownFiles { get; init; } = [];

    /// <summary>What an operator should know.</summary>
    internal IReadOnlyList<string> Warnings { get; init; } = [];

    internal double ElapsedMs { get; init; }
}
