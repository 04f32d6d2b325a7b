namespace LowLatency.Core.Journal;

/// <summary>Told when a log has rolled to a new segment, before the first ordinary record in it.</summary>
internal interface ISegmentRollHandler
{
    /// <summary>Writes the base state from which recovery can start at this segment: records from <see cref="RecordType.SnapshotBegin"/> to <see cref="RecordType.SnapshotEnd"/>.</summary>
    /// <returns>Whether the snapshot is whole. <c>false</c> (no room for it now): recovery will start at an older segment, which stays.</returns>
    /// <remarks>Engine thread, inside <see cref="RecordLog.TryClaim"/>. May claim and commit, nothing else of log or journal. A snapshot may run
    /// into further segments. Once a claim finds no room all others of the call find none either.</remarks>
    bool OnSegmentRolled(RecordLog log);
}
