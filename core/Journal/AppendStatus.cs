namespace LowLatency.Core.Journal;

/// <summary>Outcome of a claim in a <see cref="RecordLog"/>.</summary>
internal enum AppendStatus : byte
{
    Appended,

    /// <summary>The next segment is being prepared: try again after the preparer has worked.</summary>
    NotReady,

    /// <summary>The next segment could not be created: the disk, or the memory allowed, is full. Passes when there is room again.</summary>
    NoSpace,

    /// <summary>The journal failed and takes nothing more until a restart.</summary>
    Failed,

    /// <summary>The body is longer than <see cref="RecordLog.MaxBodyLength"/>.</summary>
    TooLarge,
}
