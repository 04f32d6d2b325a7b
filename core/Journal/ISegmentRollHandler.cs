namespace LowLatency.Core.Journal;

/// <summary>Told when a log has rolled to a new segment, before the first ordinary record in it.</summary>
internal interface ISegmentRollHandler
{
    /// <summary>Begins to write the base state from which recovery can start at this segment: records from <see cref="RecordType.SnapshotBegin"/> to <see cref="RecordType.SnapshotEnd"/>.</summary>
    /// <remarks>Engine thread, inside <see cref="RecordLog.TryClaim"/>. May claim and commit, nothing else of log or journal. A snapshot may run
    /// into further segments: while it is open none begins with another. Once a claim finds no room all others of the call find none either.</remarks>
    SnapshotProgress OnSegmentRolled(RecordLog log);
}

/// <summary>How far the snapshot of a segment has come.</summary>
internal enum SnapshotProgress
{
    /// <summary>There is none, for want of room: recovery will start at an older segment, which stays.</summary>
    None,

    /// <summary>It goes on until <see cref="RecordLog.EndSnapshot"/>.</summary>
    Open,

    /// <summary>It is written.</summary>
    Whole,
}
