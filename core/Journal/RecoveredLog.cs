namespace LowLatency.Core.Journal;

/// <summary>What recovery hands to the journal.</summary>
internal sealed record RecoveredLog(RecordLog Log, FileSegmentSource Source, RecoveryReport Report);
