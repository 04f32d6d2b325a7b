using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <content>Which segments are still needed.</content>
internal sealed unsafe partial class RecordLog
{
    private long _oldestIndex = -1;
    private Segment? _retired;
    private bool _hasEmptySegment;

    /// <summary>Index of the oldest segment that is still in the log. Engine thread; for others a hint.</summary>
    internal long OldestIndex => Volatile.Read(ref _oldestIndex);

    /// <summary>Whether a segment may have become free since the last look. Engine thread.</summary>
    internal bool HasEmptySegment => _hasEmptySegment;

    /// <summary>References were counted anew: some segment may have none. Engine thread.</summary>
    internal void LookForEmptySegments() => _hasEmptySegment = true;

    /// <summary>Bytes of the log that are still needed, as the holders of references have counted them. Engine thread.</summary>
    internal long LiveBytes { get; private set; }

    /// <summary>Counts what keeps the segment of <paramref name="position"/> for a while, and is not live. Engine thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddReferences(long position, int count) => AddReferences(position, count, 0);

    /// <summary>Counts live messages in the segment of <paramref name="position"/>. Engine thread.</summary>
    /// <param name="bytes">What all of them count in <see cref="LiveBytes"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddReferences(long position, int count, long bytes)
    {
        Segment segment = _table.Find(position >> _shift)!;
        segment.References += count;
        segment.OwnBytes += bytes;
        LiveBytes += bytes;
    }

    /// <summary>As <see cref="AddReferences(long, int, long)"/>, for shares of one record.</summary>
    /// <param name="length">What that record would take with one of them.</param>
    internal void AddShares(long position, int count, long bytes, int length)
    {
        Segment segment = _table.Find(position >> _shift)!;
        segment.References += count;
        LiveBytes += bytes;
        segment.SharedReferences += count;
        segment.SharedBytes += bytes;
        segment.LongestShared = Math.Max(segment.LongestShared, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Release(long position) => Release(position, 0);

    /// <summary>One reference less, of those that are shares of a record.</summary>
    /// <param name="bytes">As they were added for it; -1 where the record is not at hand to say so: then what such references of its segment have on average.</param>
    /// <remarks>Over a segment both come to the same: the last one takes what is left.</remarks>
    internal void ReleaseShare(long position, long bytes)
    {
        Segment segment = _table.Find(position >> _shift)!;
        if (bytes < 0 || segment.SharedReferences == 1)
            bytes = segment.SharedBytes / segment.SharedReferences;
        bytes = Math.Min(bytes, segment.SharedBytes);
        segment.SharedReferences--;
        segment.SharedBytes -= bytes;
        LiveBytes -= bytes;
        if (--segment.References <= 0)
            OnEmpty(segment);
    }

    /// <summary>One reference less to the segment of <paramref name="position"/>. Engine thread.</summary>
    /// <param name="bytes">As they were added for this reference.</param>
    /// <remarks>Its record may be gone with the next call, save for readers that are inside their section.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Release(long position, long bytes)
    {
        LiveBytes -= bytes;
        Segment segment = _table.Find(position >> _shift)!;
        segment.OwnBytes -= bytes;
        if (--segment.References <= 0)
            OnEmpty(segment);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnEmpty(Segment segment)
    {
        if (segment.References < 0)
            throw new InvalidOperationException($"More messages were released than were live in the segment at {segment.Base}.");
        if (!_isTransient)
            _hasEmptySegment = true;
        else if (segment != _active)
            Retire(segment);
    }

    /// <summary>The first segment that is needed when everything up to <paramref name="durablePosition"/> is on disk.</summary>
    /// <remarks>
    /// Recovery starts at the segment that the newest marker names, so that one must begin with a whole snapshot, and nothing before it may be
    /// live. The snapshot must be on disk before a marker can be that names it. Or both are in the active segment: recovery finds
    /// the marker by following the records, the snapshot's first.
    /// </remarks>
    internal long FindOldestNeeded(long durablePosition)
    {
        _hasEmptySegment = false;
        long needed = _oldestIndex;
        for (long index = _oldestIndex; index < _active!.Index; index++)
        {
            if (_table.Find(index)!.References != 0)
                break;
            Segment next = _table.Find(index + 1)!;
            if (next.HasSnapshot && (next.SnapshotEnd <= durablePosition || (next == _active && next.SnapshotEnd <= next.Base + next.Length)))
                needed = index + 1;
            else if (next.HasSnapshot)
                _hasEmptySegment = true; // Look again when more is durable.
        }
        return needed;
    }

    /// <summary>Takes all segments before <paramref name="index"/> out of the log. Durable logs; engine thread.</summary>
    /// <param name="index">From <see cref="FindOldestNeeded"/>.</param>
    /// <param name="after">They may be used again when the log is durable up to here: it holds the marker that says they are not needed.</param>
    internal void RetireBefore(long index, long after)
    {
        while (_oldestIndex < index)
        {
            Segment segment = _table.Find(_oldestIndex)!;
            segment.RetireAfter = after;
            Retire(segment);
        }
    }

    /// <summary>Gives back every segment that the log has. Nobody may use the log any more.</summary>
    internal void DisposeSegments()
    {
        for (long index = _oldestIndex; _active != null && index <= _active.Index; index++)
            _table.Find(index)?.File?.Dispose();
        _next?.File?.Dispose();
        _offer?.File.Dispose();
    }

    /// <summary>The list of retired segments, newest first, which is the caller's now. Preparer.</summary>
    internal Segment? TakeRetired() => Volatile.Read(ref _retired) == null ? null : Interlocked.Exchange(ref _retired, null);

    private void Retire(Segment segment)
    {
        _table.Remove(segment);
        LeaveSlot(segment);
        Forwards.Forget(segment.Index);
        while (_oldestIndex < _active!.Index && _table.Find(_oldestIndex) == null)
            _oldestIndex++;
        GiveBack(segment);
    }

    /// <summary>Hands what is not in the log to the preparer, who takes it back when no reader sees it any more.</summary>
    private void GiveBack(Segment segment)
    {
        Segment? head;
        do
        {
            head = Volatile.Read(ref _retired);
            segment.NextRetired = head;
        }
        while (Interlocked.CompareExchange(ref _retired, segment, head) != head); // Full fence: pairs with ReaderSection.Enter.
        PreparerWake?.Wake();
    }
}
