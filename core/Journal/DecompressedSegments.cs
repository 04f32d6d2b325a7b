namespace LowLatency.Core.Journal;

/// <summary>The compressed segments of a log of which something is in memory. Any thread.</summary>
internal sealed class DecompressedSegments
{
    private readonly Lock _lock = new();
    private readonly List<CompressedSegmentFile> _files = [];
    private long _bytes;
    private long _uses;

    /// <summary>What is in memory of all of them.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>How often memory was taken for one of them, since the start.</summary>
    internal long TakenCount { get; private set; }

    internal long NextUse() => Interlocked.Increment(ref _uses);

    internal void Count(long bytes) => Interlocked.Add(ref _bytes, bytes);

    internal void CopyTo(List<CompressedSegmentFile> target)
    {
        target.Clear();
        lock (_lock)
            target.AddRange(_files);
    }

    internal void Add(CompressedSegmentFile file)
    {
        lock (_lock)
        {
            _files.Add(file);
            TakenCount++;
        }
    }

    internal void Remove(CompressedSegmentFile file)
    {
        lock (_lock)
            _files.Remove(file);
    }
}
