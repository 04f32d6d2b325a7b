namespace LowLatency.Core.Journal;

/// <content>The end of the last ready segment: kept for what gives space back, or keeps a promise, while there is no other segment.</content>
/// <remarks>
/// <code>
/// │ messages …  │ moved records, snapshots │ acks, deletes, all other records │ markers that let segments go │
///               └ _messageEnd              └ _moveEnd                         └ _otherEnd                    └ size
/// </code>
/// Who is on the left never goes to the right; who is on the right may take what is on the left. With another segment ready, all of it is for everybody.
/// Moved records come beyond <c>_messageEnd</c> only where they give more back than they take: see <see cref="TryMoveIntoReserve"/>.
/// </remarks>
internal sealed unsafe partial class RecordLog
{
    /// <summary>Room for 64 markers: where all other room is gone, one that lets a segment go still has its own.</summary>
    internal const int MarkersLength = 4096;

    private readonly int _messageEnd;
    private readonly int _moveEnd;
    private readonly int _otherEnd;
    private long _emptied = long.MaxValue;
    private long _emptiesBefore;
    private long _missingBytes;

    /// <summary>Bytes of the last ready segment that messages leave for moved records.</summary>
    internal static int MovesLength(int segmentSize) => segmentSize / 16;

    /// <summary>The claims made while it is set are for markers that let segments go, or that begin or end a run.</summary>
    internal bool MayUseLast { get; set; }

    /// <summary>How often moved records were let into the reserve. Engine thread.</summary>
    internal long ReserveMoves { get; private set; }

    /// <summary>A run of segments is being emptied into the reserve, and some are left. Engine thread.</summary>
    internal bool IsEmptyingIntoReserve => _oldestIndex < _emptiesBefore && Next == null && FindOldestInUse() is { } oldest && oldest.Index < _emptiesBefore;

    /// <summary>As <see cref="CheckAppend"/>, for what an open snapshot has to say still: it may use the room for moved records, which have to wait for its end. Engine thread.</summary>
    internal AppendStatus CheckAppendSnapshot(int bodyLength)
    {
        AppendStatus status = CheckAppend(bodyLength, reserved: false);
        return status is AppendStatus.Appended or AppendStatus.Failed ? status : CheckRoom(bodyLength, _moveEnd);
    }

    /// <summary>The disk is full, and there is no room left to empty a segment: takes it from the reserve where that is sure to be given back.</summary>
    /// <returns>Whether the segment that <see cref="AskToEmpty"/> was called for last can be emptied now.</returns>
    /// <remarks>
    /// Looks for segments, the oldest first, that can go together: the one after them begins with a whole snapshot, and their files are room for another segment.
    /// What is live in them must fit, at the most that it can take, into what acks and deletes need not have. Engine thread.
    /// </remarks>
    internal bool TryMoveIntoReserve()
    {
        // An open snapshot may want that room, and says for each queue how much only when its turn comes.
        if (State != JournalState.NoSpace || Next != null || _snapshotSegment != null || _emptied < _emptiesBefore)
            return false;
        long room = _moveEnd - _offset;
        long missing = Volatile.Read(ref _missingBytes);
        for (long index = _oldestIndex; index < _active!.Index; index++)
        {
            Segment segment = _table.Find(index)!;
            room -= segment.MostToMove;
            if (room < 0)
                return false;
            // A file of full length is the next segment's. Of compressed ones it takes as many as make room for one.
            missing -= segment.Compressed is { } file ? file.FileLength : missing;
            if (missing > 0 || !_table.Find(index + 1)!.HasSnapshot)
                continue;
            if (_emptied > index)
                return false; // Those go without it, as soon as more is durable.
            _emptiesBefore = index + 1;
            ReserveMoves++;
            return true;
        }
        return false;
    }

    /// <summary>How far a record may reach that is appended now.</summary>
    private int EndFor(RecordType type, Segment? next)
    {
        if (next != null || MayUseLast)
            return _segmentSize;
        return type switch
        {
            RecordType.Message => _messageEnd,
            RecordType.Moved => _emptied < _emptiesBefore ? _moveEnd : _messageEnd,
            _ => _otherEnd,
        };
    }
}
