using System.Runtime.CompilerServices;
using LowLatency.Core.Agents;

namespace LowLatency.Core.Journal;

/// <content>From one segment to the next, and what to do when there is none.</content>
internal sealed unsafe partial class RecordLog
{
    /// <summary>How far the preparer touches pages ahead of the tail, in bytes. It is woken every half of it.</summary>
    internal const int PopulateWindow = 2 * 1024 * 1024;

    private Segment? _active;
    private bool _snapshotDue;
    private Segment? _snapshotSegment;
    private bool _isRolling;
    private bool _isSnapshotBroken;

    /// <summary>Writes the snapshot at the start of each new segment. Set by the engine before its first record.</summary>
    internal ISegmentRollHandler? RollHandler { get; set; }

    /// <summary>Told after each roll, the handler's snapshot included.</summary>
    internal Journal? Owner { get; set; }

    /// <summary>Wakes the thread of the preparer. Set before the first record.</summary>
    internal WakeSignal? PreparerWake { get; set; }

    /// <summary>Woken when a segment became ready where there was none. Set before the first record.</summary>
    internal WakeSignal? OnSpace { get; set; }

    /// <summary>The segment that is written now. Any thread.</summary>
    internal Segment? Active => Volatile.Read(ref _active);

    /// <summary>The prepared one after it. Any thread.</summary>
    internal Segment? Next => Volatile.Read(ref _next);

    /// <summary>First segment of the log, or the one in which recovery found the end. Before the log is used.</summary>
    internal void Start(Segment segment, int offset)
    {
        _table.Add(segment);
        if (segment.Index < _oldestIndex || _oldestIndex < 0)
            _oldestIndex = segment.Index;
        Activate(segment, offset);
    }

    /// <summary>A segment before the active one. Before <see cref="Start"/>, in rising order.</summary>
    internal void AddOlder(Segment segment)
    {
        EnsureCapacity(segment.Index);
        _table.Add(segment);
        if (_oldestIndex < 0)
            _oldestIndex = segment.Index;
        if (segment.Compressed != null)
        {
            _coldBefore = segment.Index + 1;
            _isOpening = true;
        }
    }

    /// <summary>The next claim calls the roll handler first, as after a roll: the tail is at the start of a segment without a snapshot.</summary>
    internal void ScheduleSnapshot()
    {
        _snapshotDue = true;
        _limit = 0;
    }

    /// <summary>Gives the log its next segment. Preparer, when <see cref="Next"/> is <c>null</c>.</summary>
    internal void OfferNext(Segment segment)
    {
        Volatile.Write(ref _next, segment); // Release: pairs with the acquire in MakeRoom.
        Interlocked.CompareExchange(ref _state, (int)JournalState.Open, (int)JournalState.NoSpace);
        OnSpace?.Wake();
    }

    /// <summary>The next segment cannot be had now. Preparer.</summary>
    /// <param name="missing">Bytes that would have to be free for it beside what is.</param>
    internal void SetNoSpace(string text, long missing)
    {
        Volatile.Write(ref _missingBytes, missing);
        if (State != JournalState.Open)
            return;
        Volatile.Write(ref _failureText, text);
        Interlocked.CompareExchange(ref _state, (int)JournalState.NoSpace, (int)JournalState.Open);
    }

    /// <summary>Ends appending for ever. Any thread.</summary>
    internal void Fail(string text)
    {
        if (State == JournalState.Failed)
            return;
        Volatile.Write(ref _failureText, text);
        Volatile.Write(ref _state, (int)JournalState.Failed);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private AppendStatus MakeRoom(RecordType type, int bodyLength, int needed)
    {
        _claimLength = 0;
        // A group has its room: what became of the journal meanwhile is told at its end, by the flusher.
        if (_inGroup)
        {
            if (needed > _limit - _offset)
                ThrowGroupOverrun(needed, _limit - _offset);
            return AppendStatus.Appended;
        }
        AppendStatus status = _isSnapshotBroken ? AppendStatus.NotReady : TryMakeRoom(type, bodyLength, needed);
        if (status != AppendStatus.Appended && _isRolling)
        {
            // A snapshot with a hole must not get an end: recovery would take it for a whole one.
            _isSnapshotBroken = true;
            _limit = 0;
        }
        return status;
    }

    private AppendStatus TryMakeRoom(RecordType type, int bodyLength, int needed)
    {
        if ((uint)bodyLength > (uint)_maxBodyLength)
            return AppendStatus.TooLarge;
        while (true)
        {
            if (State == JournalState.Failed)
                return AppendStatus.Failed;
            if (_snapshotDue)
                WriteSnapshot();
            Segment? next = Next; // Acquire: pairs with the release in OfferNext.
            // With another segment ready the reserve is there, and this one can be filled.
            if (needed <= EndFor(type, next) - _offset)
            {
                int ordinaryEnd = next != null ? _segmentSize : _messageEnd;
                int ahead = _offset + needed + PopulateWindow / 2;
                // Where pages are still to be touched ahead of here, this comes back after a while to have the preparer go on.
                bool isPopulated = _active!.PopulatedTo >= Math.Min(ahead, _segmentSize);
                _limit = isPopulated ? Math.Min(ordinaryEnd, Math.Max(_offset + needed, _active.PopulatedTo)) : Math.Min(ordinaryEnd, ahead);
                if (!isPopulated || next == null)
                    PreparerWake?.Wake();
                return AppendStatus.Appended;
            }
            if (next == null)
            {
                PreparerWake?.Wake();
                return State == JournalState.NoSpace ? AppendStatus.NoSpace : AppendStatus.NotReady;
            }
            Roll(next);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private AppendStatus CheckRoom(int bodyLength, int end)
    {
        if ((uint)bodyLength > (uint)_maxBodyLength)
            return AppendStatus.TooLarge;
        if (_inGroup)
            return RecordLayout.AlignedLength(bodyLength) <= _limit - _offset ? AppendStatus.Appended : AppendStatus.TooLarge;
        JournalState state = State;
        if (state == JournalState.Failed)
            return AppendStatus.Failed;
        if (Next != null || RecordLayout.AlignedLength(bodyLength) <= end - _offset)
            return AppendStatus.Appended;
        PreparerWake?.Wake();
        return state == JournalState.NoSpace ? AppendStatus.NoSpace : AppendStatus.NotReady;
    }

    private void Roll(Segment next)
    {
        WritePad();
        Segment old = _active!;
        EnsureCapacity(next.Index);
        _table.Add(next);
        // A snapshot that runs into this segment does not begin in it.
        _snapshotDue = !_isRolling && _snapshotSegment == null && !_isTransient;
        _hasEmptySegment = true;
        Activate(next, _firstOffset);
        Volatile.Write(ref _next, null); // After the active segment: the preparer makes the one after that.
        if (_isTransient && old.References == 0)
            Retire(old);
        PreparerWake?.Wake();
    }

    private void Activate(Segment segment, int offset)
    {
        _memory = segment.Memory;
        _base = segment.Index << _shift;
        _seed = segment.Seed;
        _offset = offset;
        _limit = offset;
        _claimLength = 0;
        _emptiesBefore = 0;
        if (_hotSegments > 0)
            _hotFrom = FirstHot(segment.Index) << _shift;
        Volatile.Write(ref _active, segment);
        _publishedTail.WriteRelease(_base + _offset);
    }

    /// <summary>Fills the segment to its end. A header always fits: records and segments are multiples of its length.</summary>
    private void WritePad()
    {
        int length = _segmentSize - _offset;
        if (length == 0)
            return;
        byte* header = _memory + _offset;
        *(long*)(header + RecordLayout.Position) = _base + _offset;
        *(uint*)(header + RecordLayout.BodyCrc) = Crc32C.Start; // Nobody reads the body.
        *(uint*)(header + RecordLayout.Type) = (uint)RecordType.Pad | ((uint)RecordLayout.Version << 16);
        *(uint*)(header + RecordLayout.Epoch) = _epoch;
        *(uint*)(header + RecordLayout.StreamId) = 0;
        *(uint*)(header + RecordLayout.HeaderCrc) = RecordLayout.ComputeHeaderCrc(header, (uint)length, _seed);
        Volatile.Write(ref *(int*)header, length);
        _offset = _segmentSize;
    }

    /// <summary>The snapshot that a roll began is whole: recovery may start at its segment. Engine thread.</summary>
    internal void EndSnapshot()
    {
        _snapshotSegment!.SnapshotEnd = Tail;
        _snapshotSegment.HasSnapshot = true;
        _snapshotSegment = null;
        _hasEmptySegment = true; // It may have kept those before it.
    }

    private void WriteSnapshot()
    {
        _snapshotDue = false;
        if (RollHandler == null)
            return;
        Segment segment = _active!;
        _isRolling = true;
        try
        {
            SnapshotProgress progress = RollHandler.OnSegmentRolled(this);
            _snapshotSegment = progress == SnapshotProgress.None ? null : segment;
            if (progress == SnapshotProgress.Whole)
                EndSnapshot();
        }
        finally
        {
            _isRolling = false;
            if (_isSnapshotBroken)
                _limit = _offset;
            _isSnapshotBroken = false;
        }
        Owner?.AfterRoll();
    }

    private void EnsureCapacity(long index)
    {
        long span = _oldestIndex < 0 ? 1 : index - _oldestIndex + 1;
        if (span > _table.Capacity)
            Volatile.Write(ref _table, _table.Grow((int)span));
    }
}
