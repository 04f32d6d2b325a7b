using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Rings;

/// <summary>The protocol of <see cref="MpscByteRing"/> over a choice of memory.</summary>
/// <remarks>
/// <para><c>consumed &lt;= tail &lt;= consumed + capacity</c>. A producer moves the tail by compare-exchange, which makes the range its own,
/// then stores the claimed header, the body, and last the committed header. The consumer follows the headers and stops at the
/// first that is zero or claimed; what it has read it zeroes before it gives the space back, so that the word at any
/// offset above <c>tail</c> is zero: old bytes are never taken for a header. (Bodies are chosen by clients; no tag inside the buffer
/// could tell an old body from a header.)</para>
/// <para>As Agrona's ManyToOneRingBuffer: claim by the tail, negative length while open, zeroing by the consumer. Different: a claim
/// carries its lap and is closed by compare-exchange, so that a close that comes too late is refused.</para>
/// </remarks>
internal readonly unsafe struct MpscByteRingCore<TMemory>
    where TMemory : struct, ISharedMemory
{
    private readonly byte* _buffer;
    private readonly RingTrailer* _trailer;
    private readonly int _capacity;
    private readonly int _maxLength;
    private readonly int _lapShift;

    internal MpscByteRingCore(byte* buffer, int capacity)
    {
        _buffer = buffer;
        _trailer = RingMemory.Trailer(buffer, capacity);
        _capacity = capacity;
        _maxLength = RecordLayout.MaxLength(capacity);
        _lapShift = BitOperations.Log2((uint)capacity);
    }

    internal int Capacity => _capacity;

    internal int MaxLength => _maxLength;

    internal byte* Buffer => _buffer;

    internal bool TryClaim(int type, int length, out RingClaim claim)
    {
        if (type <= 0 || (uint)length > (uint)_maxLength)
            RecordLayout.ThrowClaim(type, length, _maxLength);
        int recordLength = RecordLayout.RecordLength(length);
        // Acquire: pairs with the release below by another producer, which had acquired it from the consumer. The zeroing of the
        // range came before.
        long consumed = TMemory.ReadAcquire(&_trailer->ConsumedCached);
        long start;
        int padding;
        while (true)
        {
            start = TMemory.ReadAcquire(&_trailer->Tail);
            int toEnd = _capacity - ((int)start & (_capacity - 1));
            padding = recordLength > toEnd ? toEnd : 0;
            long end = start + padding + recordLength;
            if (end - consumed > _capacity)
            {
                // Acquire: pairs with the release in Poll.
                consumed = TMemory.ReadAcquire(&_trailer->Consumed);
                if (end - consumed > _capacity)
                {
                    claim = default;
                    return false;
                }
                TMemory.WriteRelease(&_trailer->ConsumedCached, consumed);
            }
            if (TMemory.CompareExchange(&_trailer->Tail, end, start) == start)
                break;
        }
        if (padding != 0)
        {
            TMemory.WriteRelease(HeaderAt(start), RecordLayout.Header(padding - RecordLayout.HeaderLength, RecordLayout.PaddingType));
            start += padding;
        }
        long* header = HeaderAt(start);
        long claimed = RecordLayout.ClaimedHeader(length, (int)(start >> _lapShift));
        TMemory.WriteRelease(header, claimed);
        claim = new RingClaim((byte*)header + RecordLayout.HeaderLength, length, type, claimed);
        return true;
    }

    internal int Poll<THandler>(scoped ref THandler handler, int limit)
        where THandler : struct, IRecordHandler, allows ref struct
    {
        long start = _trailer->Consumed; // Own position: no other thread writes it.
        long position = start;
        int count = 0;
        try
        {
            // A lap at most: beyond it the headers are those of this poll, not yet zeroed.
            while (count < limit && position - start < _capacity)
            {
                long* record = HeaderAt(position);
                // Acquire: pairs with the compare-exchange that closed the claim.
                long header = TMemory.ReadAcquire(record);
                if (!RecordLayout.IsCommitted(header))
                    break;
                int length = RecordLayout.Length(header);
                int type = RecordLayout.Type(header);
                // Before the call: a record whose handler throws counts as consumed.
                position += RecordLayout.RecordLength(length);
                if (type == RecordLayout.PaddingType)
                    continue;
                if (!handler.OnRecord(type, new ReadOnlySpan<byte>((byte*)record + RecordLayout.HeaderLength, length)))
                {
                    position -= RecordLayout.RecordLength(length);
                    break;
                }
                count++;
            }
        }
        finally
        {
            if (position != start)
                Release(start, position);
        }
        return count;
    }

    internal bool IsEmpty() => !RecordLayout.IsCommitted(TMemory.ReadAcquire(HeaderAt(_trailer->Consumed)));

    internal bool IsBlocked() => RecordLayout.IsClaimed(TMemory.ReadAcquire(HeaderAt(_trailer->Consumed)));

    internal bool Unblock()
    {
        long* record = HeaderAt(_trailer->Consumed);
        long header = TMemory.ReadAcquire(record);
        // Zero: nobody claimed, or a producer is between moving the tail and storing its header, which is no place to stop for good.
        if (!RecordLayout.IsClaimed(header))
            return false;
        long padding = RecordLayout.Header(~RecordLayout.Length(header), RecordLayout.PaddingType);
        // The holder may be closing it right now: one of the two wins.
        return TMemory.CompareExchange(record, padding, header) == header;
    }

    private void Release(long start, long end)
    {
        int offset = (int)start & (_capacity - 1);
        int length = (int)(end - start);
        int first = Math.Min(length, _capacity - offset);
        TMemory.Clear(_buffer + offset, first);
        if (length > first)
            TMemory.Clear(_buffer, length - first);
        // Release: pairs with the acquire in TryClaim. The zeroes come before.
        TMemory.WriteRelease(&_trailer->Consumed, end);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long* HeaderAt(long position) => (long*)(_buffer + ((int)position & (_capacity - 1)));
}
