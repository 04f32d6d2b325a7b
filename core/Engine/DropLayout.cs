namespace LowLatency.Core.Engine;

/// <summary>Bodies of the records about messages that leave, wait or become ready. Little endian. The stream id is the queue's. See docs/journal.md.</summary>
/// <remarks>
/// <code>
/// Drop   0 i64 time   8 u8 reason   9 u8 1: schedule numbers, else sequences   10 zeroes   16 ranges
/// Defer  0 i64 time at which they came back   8 ranges
/// Due    0 pairs: i64 schedule number, i64 sequence
/// </code>
/// A range is a <see cref="Queues.SequenceRange"/>.
/// </remarks>
internal static class DropLayout
{
    internal const int TimeNs = 0;
    internal const int Reason = 8;
    internal const int OfScheduled = 9;
    internal const int Ranges = 16;

    internal const int DeferRanges = 8;

    internal const int DuePairLength = 16;
}
