using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Rings;

/// <summary>The protocol of <see cref="SpscByteRing"/> over a choice of memory.</summary>
/// <remarks>
/// <c>consumed &lt;= committed (Tail) &lt;= staged &lt;= open end &lt;= consumed + capacity</c>. Positions grow for ever;
/// <c>position &amp; mask</c> is the offset. Only <c>Tail</c> and <c>Consumed</c> are shared, each with one writer.
/// </remarks>
internal unsafe struct SpscByteRingCore<TMemory>
    where TMemory : struct, ISharedMemory
{
    private readonly byte* _buffer;
    private readonly RingTrailer* _trailer;
    private readonly int _capacity;
    private readonly int _maxLength;
    private SpscProducerSide _producer;

    internal SpscByteRingCore(byte* buffer, int capacity)
    {
        _buffer = buffer;
        _trailer = RingMemory.Trailer(buffer, capacity);
        _capacity = capacity;
        _maxLength = RecordLayout.MaxLength(capacity);
    }

    internal readonly int Capacity => _capacity;

    internal readonly int MaxLength => _maxLength;

    internal readonly byte* Buffer => _buffer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* TryClaim(int type, int length)
    {
        if (type <= 0 || (uint)length > (uint)_maxLength)
            RecordLayout.ThrowClaim(type, length, _maxLength);
        if (_producer.OpenEnd != 0)
            ThrowClaimOpen();
        long start = _producer.Staged;
        int recordLength = RecordLayout.RecordLength(length);
        int offset = (int)start & (_capacity - 1);
        int toEnd = _capacity - offset;
        if (recordLength > toEnd)
            return ClaimAfterPadding(start, type, length);
        long end = start + recordLength;
        if (end - _producer.ConsumedCached > _capacity && !RefreshConsumed(end))
            return null;
        byte* record = _buffer + offset;
        *(long*)record = RecordLayout.Header(length, type);
        _producer.OpenEnd = end;
        return record + RecordLayout.HeaderLength;
    }

    internal void Stage()
    {
        if (_producer.OpenEnd != 0)
        {
            _producer.Staged = _producer.OpenEnd;
            _producer.OpenEnd = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Commit()
    {
        Stage();
        // Release: pairs with the acquire in Poll. Headers and bodies were stored before.
        TMemory.WriteRelease(&_trailer->Tail, _producer.Staged);
    }

    // Header and padding of the claim stay behind as bytes above every position: the next claim writes over them.
    internal void Abort() => _producer.OpenEnd = 0;

    internal int FreeBytes()
    {
        // Acquire: pairs with the release in Poll.
        _producer.ConsumedCached = TMemory.ReadAcquire(&_trailer->Consumed);
        long used = Math.Max(_producer.Staged, _producer.OpenEnd) - _producer.ConsumedCached;
        return _capacity - (int)used;
    }

    internal readonly long StagedPosition => _producer.Staged;

    internal long ReadConsumedPosition()
    {
        // Acquire: pairs with the release in Poll.
        _producer.ConsumedCached = TMemory.ReadAcquire(&_trailer->Consumed);
        return _producer.ConsumedCached;
    }

    internal readonly int Poll<THandler>(scoped ref THandler handler, int limit)
        where THandler : struct, IRecordHandler, allows ref struct
    {
        long start = _trailer->Consumed; // Own position: no other thread writes it.
        // Acquire: pairs with the release in Commit. Read at every poll, so that what was committed before is seen.
        long committed = TMemory.ReadAcquire(&_trailer->Tail);
        long position = start;
        int count = 0;
        try
        {
            while (count < limit && position < committed)
            {
                byte* record = _buffer + ((int)position & (_capacity - 1));
                long header = *(long*)record;
                int length = RecordLayout.Length(header);
                int type = RecordLayout.Type(header);
                // Before the call: a record whose handler throws counts as consumed.
                position += RecordLayout.RecordLength(length);
                if (type == RecordLayout.PaddingType)
                    continue;
                if (!handler.OnRecord(type, new ReadOnlySpan<byte>(record + RecordLayout.HeaderLength, length)))
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
            {
                // Release: pairs with the acquire in RefreshConsumed. The producer may now write over what was read.
                TMemory.WriteRelease(&_trailer->Consumed, position);
            }
        }
        return count;
    }

    internal readonly bool IsEmpty() => TMemory.ReadAcquire(&_trailer->Tail) == _trailer->Consumed;

    [MethodImpl(MethodImplOptions.NoInlining)] // Once per lap.
    private byte* ClaimAfterPadding(long start, int type, int length)
    {
        int toEnd = _capacity - ((int)start & (_capacity - 1));
        long end = start + toEnd + RecordLayout.RecordLength(length);
        if (end - _producer.ConsumedCached > _capacity && !RefreshConsumed(end))
            return null;
        *(long*)(_buffer + _capacity - toEnd) = RecordLayout.Header(toEnd - RecordLayout.HeaderLength, RecordLayout.PaddingType);
        *(long*)_buffer = RecordLayout.Header(length, type);
        _producer.OpenEnd = end;
        return _buffer + RecordLayout.HeaderLength;
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // Reads the consumer's cache line: only when the cached position says full.
    private bool RefreshConsumed(long end)
    {
        _producer.ConsumedCached = TMemory.ReadAcquire(&_trailer->Consumed);
        return end - _producer.ConsumedCached <= _capacity;
    }

    [DoesNotReturn]
    private static void ThrowClaimOpen() =>
        throw new InvalidOperationException("The ring has an open claim: stage, commit or abort it first.");
}
