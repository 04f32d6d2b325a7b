namespace LowLatency.Core.Journal;

/// <summary>What a log can do now.</summary>
internal enum JournalState
{
    Open,

    /// <summary>The next segment could not be created. The preparer tries again; what is there stays usable.</summary>
    NoSpace,

    /// <summary>A sync or a write failed. For ever: the durable position does not move again.</summary>
    Failed,
}
