using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LowLatency.Core.Rings;

namespace LowLatency.Core.Journal;

/// <summary>An endless sequence of records in segments: appended by one thread, read in place by any.</summary>
/// <remarks>
/// <c>durable &lt;= published tail = tail &lt;= base + limit &lt;= base + size</c>. A position is segment index * segment size + offset; it never changes.
/// The same code writes journal files and anonymous memory (positions with <see cref="TransientBit"/>): what differs is where
/// segments come from. Here: append and read. Rolling is in RecordLog.Roll.cs, references and retirement in RecordLog.Retire.cs.
/// </remarks>
internal sealed unsafe partial class RecordLog
{
    /// <summary>Set in the positions of a log over anonymous memory.</summary>
    internal const long TransientBit = 1L << 62;

    private readonly int _segmentSize;
    private readonly int _shift;
    private readonly int _firstOffset;
    private readonly int _maxBodyLength;
    private readonly bool _isTransient;
    private readonly uint _epoch;
    private SegmentTable _table;

    // Written by preparer or flusher, a few times a second at most.
    private int _state;
    private string _failureText = "";
    private Segment? _next;

    // The engine thread's own.
    private byte* _memory;
    private long _base;
    private int _offset;
    private int _limit;
    private int _claimLength;
    private uint _seed;

    private PaddedPosition _publishedTail;

    /// <param name="segmentSize">Bytes of a segment, a power of two.</param>
    /// <param name="firstOffset">Offset of the first record in a segment.</param>
    /// <param name="reserve">Bytes at the end of the last ready segment that neither messages nor moved records may use; 0: all of it is for everybody.</param>
    /// <param name="epoch">Stands in every record.</param>
    /// <param name="isTransient">Anonymous memory: no CRCs, segments retire in any order.</param>
    internal RecordLog(int segmentSize, int firstOffset, int reserve, uint epoch, bool isTransient)
    {
        _segmentSize = segmentSize;
        _shift = BitOperations.Log2((uint)segmentSize);
        _firstOffset = firstOffset;
        _otherEnd = reserve == 0 ? segmentSize : segmentSize - MarkersLength;
        _moveEnd = _otherEnd - reserve;
        _messageEnd = reserve == 0 ? segmentSize : _moveEnd - MovesLength(segmentSize);
        _epoch = epoch;
        _isTransient = isTransient;
        _maxBodyLength = segmentSize / 4;
        _table = new SegmentTable(64);
    }

    /// <summary>Longest body in bytes: a quarter of a segment.</summary>
    internal int MaxBodyLength => _maxBodyLength;

    internal int SegmentSize => _segmentSize;

    internal bool IsTransient => _isTransient;

    /// <summary>Where the next record begins. Engine thread.</summary>
    internal long Tail => _base + _offset;

    /// <summary><see cref="Tail"/> for other threads: all records below are whole.</summary>
    internal long PublishedTail => _publishedTail.ReadAcquire();

    /// <summary>Any thread.</summary>
    internal JournalState State => (JournalState)Volatile.Read(ref _state);

    /// <summary>Why <see cref="State"/> is not open: a sentence for operators. Any thread.</summary>
    internal string FailureText => Volatile.Read(ref _failureText);

    /// <summary>Makes room for one record. A claim that is not committed is given up by the next one.</summary>
    /// <param name="type">What it may use of the last ready segment: RecordLog.Reserve.cs.</param>
    /// <param name="streamId">Queue or other stream that the record is about; 0 for none.</param>
    /// <param name="bodyLength">Bytes of the body, up to <see cref="MaxBodyLength"/>.</param>
    /// <param name="position">Where the record is, for ever. 0 when not appended.</param>
    /// <param name="status">Why not, when not.</param>
    /// <returns>The body to fill, 32-byte aligned, the log's; <c>null</c> unless <paramref name="status"/> is <see cref="AppendStatus.Appended"/>.</returns>
    /// <remarks>Engine thread. No system call, no allocation. May roll to the next segment, and then call the roll handler first.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* TryClaim(RecordType type, uint streamId, int bodyLength, out long position, out AppendStatus status)
    {
        int needed = RecordLayout.AlignedLength(bodyLength);
        if ((uint)bodyLength > (uint)_maxBodyLength || needed > _limit - _offset || Volatile.Read(ref _state) == (int)JournalState.Failed)
        {
            status = MakeRoom(type, bodyLength, needed);
            if (status != AppendStatus.Appended)
            {
                position = 0;
                return null;
            }
        }
        byte* header = _memory + _offset;
        position = _base + _offset;
        // The zeroes behind the body, which its CRC covers. The body goes over the rest of them.
        if ((bodyLength & (RecordLayout.Alignment - 1)) != 0)
            Vector256<byte>.Zero.Store(header + needed - RecordLayout.Alignment);
        *(long*)(header + RecordLayout.Position) = position;
        *(uint*)(header + RecordLayout.Type) = (uint)type | ((uint)RecordLayout.Version << 16);
        *(uint*)(header + RecordLayout.Epoch) = _epoch;
        *(uint*)(header + RecordLayout.StreamId) = streamId;
        _claimLength = RecordLayout.HeaderLength + bodyLength;
        status = AppendStatus.Appended;
        return header + RecordLayout.HeaderLength;
    }

    /// <summary>Makes the claimed record part of the log. Not durable yet.</summary>
    /// <remarks>Engine thread. From here on the record survives the death of the process.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Commit()
    {
        byte* header = _memory + _offset;
        int length = _claimLength;
        if (length == 0)
            ThrowNoClaim();
        int aligned = (length + (RecordLayout.Alignment - 1)) & ~(RecordLayout.Alignment - 1);
        if (_inGroup)
        {
            CommitInGroup(header, length, aligned);
            return;
        }
        if (!_isTransient)
        {
            *(uint*)(header + RecordLayout.BodyCrc) =
                RecordLayout.ComputeBodyCrc(header + RecordLayout.HeaderLength, aligned - RecordLayout.HeaderLength);
            *(uint*)(header + RecordLayout.HeaderCrc) = RecordLayout.ComputeHeaderCrc(header, (uint)length, _seed);
        }
        // Release: who is killed between two stores leaves no length over a header that is not whole.
        Volatile.Write(ref *(int*)header, length);
        _offset += aligned;
        _claimLength = 0;
        _publishedTail.WriteRelease(_base + _offset); // Pairs with the acquire in PublishedTail.
    }

    /// <summary>Whether a claim would succeed now.</summary>
    /// <param name="bodyLength">Bytes of the body.</param>
    /// <param name="reserved"><c>false</c>: a message. <c>true</c>: anything else, which may use the reserve.</param>
    /// <remarks>Engine thread. Room in the next segment counts, though the snapshot that comes first there may take it.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool CanAppend(int bodyLength, bool reserved) => CheckAppend(bodyLength, reserved) == AppendStatus.Appended;

    /// <summary>As <see cref="CanAppend"/>, with the reason.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal AppendStatus CheckAppend(int bodyLength, bool reserved)
    {
        if ((uint)bodyLength <= (uint)_maxBodyLength && RecordLayout.AlignedLength(bodyLength) <= _limit - _offset &&
            Volatile.Read(ref _state) != (int)JournalState.Failed)
            return AppendStatus.Appended;
        return CheckRoom(bodyLength, reserved ? _otherEnd : _messageEnd);
    }

    /// <summary>The header of the record at a position that the engine gave out.</summary>
    /// <returns><c>null</c> when its segment is gone. Else valid until the reader leaves its section.</returns>
    /// <remarks>Any thread inside its <see cref="ReaderSection"/>. The position is not checked against record borders.</remarks>
    /// <exception cref="JournalException">Its segment is compressed, and cannot be read: the journal has failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Record(long position)
    {
        byte* memory = Volatile.Read(ref _table).Memory(position >> _shift);
        return memory == null ? RecordInCompressed(position) : memory + ((int)position & (_segmentSize - 1));
    }

    /// <summary>The segment under a position, or <c>null</c>. Any thread.</summary>
    internal Segment? FindSegment(long position) => Volatile.Read(ref _table).Find(position >> _shift);

    [DoesNotReturn]
    private static void ThrowNoClaim() => throw new InvalidOperationException("Commit without a claim.");
}
