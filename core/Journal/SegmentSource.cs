namespace LowLatency.Core.Journal;

/// <summary>Where the segments of a log come from and go to. Preparer thread.</summary>
internal abstract class SegmentSource
{
    /// <summary>Makes the segment of that index ready to be written.</summary>
    /// <param name="index">The one after the active segment's.</param>
    /// <param name="failure">A sentence, when there is none now.</param>
    /// <returns><c>null</c>: not now.</returns>
    /// <exception cref="StorageException">The disk failed: the log is at its end.</exception>
    internal abstract Segment? TryPrepare(long index, out string failure);

    /// <summary>Bytes that <see cref="TryPrepare"/> would have to find free beside what there is, when it failed.</summary>
    internal virtual long MissingBytes => long.MaxValue;

    /// <summary>Looks at the room on the disk, now and then.</summary>
    /// <returns>Whether the engine is to be told.</returns>
    internal virtual bool LookAtSpace() => false;

    /// <summary>Whether a retired segment may be used again as far as the disk is concerned.</summary>
    internal abstract bool IsReusable(Segment segment);

    /// <summary>Takes a segment that nobody reads any more.</summary>
    internal abstract void Recycle(Segment segment);

    /// <summary>How far ahead of the writer pages are worth touching, in bytes.</summary>
    internal abstract int PopulateAhead { get; }

    /// <summary>Touches pages ahead of the writer.</summary>
    /// <returns>0, or the error number of the disk.</returns>
    internal abstract int Populate(Segment segment, int offset, int length);

    /// <summary>Brings a part of a segment into memory.</summary>
    /// <returns>0, or the error number of the disk; <see cref="Errno.Again"/>: not now.</returns>
    internal abstract int Load(Segment segment, int offset, int length);

    /// <summary>Takes a part of a segment out of memory: it is on the disk.</summary>
    /// <returns>False: not yet.</returns>
    internal abstract bool TryRelease(Segment segment, int offset, int length);
}
