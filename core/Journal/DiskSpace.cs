namespace LowLatency.Core.Journal;

/// <summary>How much room the journal's file system has, and whether publications are to be held back.</summary>
/// <param name="IsLow">Less than the high mark; after that, until there is the mark and a segment more.</param>
/// <param name="FreeBytes">Free bytes, spare segments included.</param>
/// <param name="HighMark">The mark, in bytes.</param>
internal sealed record DiskSpace(bool IsLow, long FreeBytes, long HighMark)
{
    /// <summary>The mark where none is set: 2 GiB or four segments, but at most a tenth of the disk, or a small one would always be below it.</summary>
    internal static long DefaultHighMark(long diskBytes, int segmentSize) =>
        Math.Min(diskBytes / 10, Math.Max(2L * 1024 * 1024 * 1024, 4L * segmentSize));

    /// <summary>For operators and publishers.</summary>
    internal string Sentence =>
        $"{ByteText.Of(FreeBytes)} are free in the data folder's file system, below {ByteText.Of(HighMark)} (--disk-high): publishing is held back until there is more. Consume messages or free space.";
}
