namespace LowLatency.Core.Journal;

/// <summary>A <see cref="RecordLog"/> over anonymous memory and what keeps it supplied. Nothing in it outlives the process.</summary>
internal sealed class TransientLog : IDisposable
{
    /// <summary>Small, so that one message which stays keeps little memory.</summary>
    internal const int DefaultSegmentSize = 4 * 1024 * 1024;

    private const long FirstIndexBase = RecordLog.TransientBit;
    private const int FirstOffset = 0;

    private readonly MemorySegmentSource _source;

    /// <param name="maxBytes">Limit of the memory taken, in bytes: at least two segments.</param>
    /// <param name="readers">The threads that read in place; shared with the journal.</param>
    /// <param name="segmentSize">Bytes of a segment: a power of two. A body can have a quarter of it.</param>
    internal TransientLog(long maxBytes, ReaderRegistry readers, int segmentSize = DefaultSegmentSize)
    {
        if (!SegmentLayout.IsSize(segmentSize))
            throw new ArgumentOutOfRangeException(nameof(segmentSize), segmentSize, "A power of two from 1 MiB to 1 GiB.");
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 2L * segmentSize);
        _source = new MemorySegmentSource(segmentSize, maxBytes, maxSpares: 2);
        Log = new RecordLog(segmentSize, FirstOffset, reserve: 0, epoch: 0, isTransient: true);
        Preparer = new PreparerAgent("transient-preparer", Log, _source, readers);
        Segment first = _source.TryPrepare(FirstIndexBase / segmentSize, out string failure) ?? throw new InvalidOperationException(failure);
        Log.Start(first, FirstOffset);
        Segment second = _source.TryPrepare(first.Index + 1, out failure) ?? throw new InvalidOperationException(failure);
        Log.OfferNext(second);
    }

    internal RecordLog Log { get; }

    internal PreparerAgent Preparer { get; }

    /// <summary>Bytes taken from the system. Preparer's thread, or when it does not run.</summary>
    internal long Allocated => _source.Allocated;

    /// <summary>Gives the memory back. Engine, preparer and readers have ended.</summary>
    public void Dispose() => _source.FreeAll();
}
