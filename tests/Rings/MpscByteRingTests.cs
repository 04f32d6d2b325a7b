using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

public unsafe class MpscByteRingTests : ByteRingTests
{
    private sealed class Mpsc(int capacity) : Subject
    {
        private readonly MpscByteRing _ring = new(capacity);

        internal override int Capacity => _ring.Capacity;
        internal override int MaxLength => _ring.MaxLength;
        internal override bool IsEmpty => _ring.IsEmpty;

        internal override bool TryWrite(int type, ReadOnlySpan<byte> body, bool commit)
        {
            if (!_ring.TryClaim(type, body.Length, out RingClaim claim))
                return false;
            Assert.Equal(0, (long)claim.Pointer % 8);
            Assert.Equal(body.Length, claim.Length);
            body.CopyTo(claim.Body);
            if (commit)
                Assert.True(claim.Commit());
            claim.Dispose();
            return true;
        }

        internal override int Poll(ref RecordCollector handler, int limit) => _ring.Poll(ref handler, limit);

        public override void Dispose() => _ring.Dispose();
    }

    internal override Subject Create(int capacity) => new Mpsc(capacity);

    private static List<int> PollTypes(MpscByteRing ring)
    {
        var records = new List<(int Type, byte[] Body)>();
        var handler = new RecordCollector(records);
        ring.Poll(ref handler, int.MaxValue);
        return records.ConvertAll(record => record.Type);
    }

    private static void Write(MpscByteRing ring, int type, int length)
    {
        Assert.True(ring.TryClaim(type, length, out RingClaim claim));
        claim.Body.Fill(0xFF); // What a stale header would look like at its worst.
        Assert.True(claim.Commit());
    }

    [Fact]
    public void ShouldHoldBackRecordsBehindAnOpenClaim()
    {
        using var ring = new MpscByteRing(256);
        Assert.True(ring.TryClaim(1, 4, out RingClaim open));
        Write(ring, 2, 4);
        Assert.Empty(PollTypes(ring));
        Assert.True(ring.IsBlocked);
        Assert.True(open.Commit());
        Assert.False(ring.IsBlocked);
        Assert.Equal([1, 2], PollTypes(ring));
    }

    [Fact]
    public void ShouldGiveAnEmptyClaimWhenFull()
    {
        using var ring = new MpscByteRing(64);
        for (int i = 0; i < 4; i++)
            Write(ring, 1, 8);
        Assert.False(ring.TryClaim(1, 8, out RingClaim claim));
        Assert.True(claim.Pointer == null);
        Assert.True(claim.Body.IsEmpty);
        Assert.False(claim.Commit());
        claim.Abort();
        Assert.Equal(4, PollTypes(ring).Count);
    }

    [Fact]
    public void ShouldCloseAClaimOnceOnly()
    {
        using var ring = new MpscByteRing(64);
        Assert.True(ring.TryClaim(1, 8, out RingClaim claim));
        RingClaim copy = claim;
        Assert.True(claim.Commit());
        Assert.False(claim.Commit());
        Assert.False(copy.Commit());
        copy.Dispose();
        Assert.Equal([1], PollTypes(ring));
        Assert.True(ring.IsEmpty);
    }

    [Fact]
    public void ShouldAbortAClaimThatIsDisposedOf()
    {
        using var ring = new MpscByteRing(64);
        Assert.True(ring.TryClaim(1, 8, out RingClaim claim));
        using (claim)
            claim.Body.Fill(1);
        Write(ring, 2, 8);
        Assert.Equal([2], PollTypes(ring));
    }

    [Fact]
    public void ShouldLetRecordsPassAnAbandonedClaimAfterUnblock()
    {
        using var ring = new MpscByteRing(64);
        Assert.False(ring.Unblock());
        Assert.True(ring.TryClaim(1, 8, out RingClaim abandoned));
        Write(ring, 2, 8);
        Assert.Empty(PollTypes(ring));
        Assert.True(ring.Unblock());
        Assert.False(ring.Unblock());
        Assert.False(abandoned.Commit());
        Assert.Equal([2], PollTypes(ring));
        Assert.False(ring.Unblock());
    }

    [Fact]
    public void ShouldNotUnblockACommittedRecord()
    {
        using var ring = new MpscByteRing(64);
        Write(ring, 1, 8);
        Assert.False(ring.Unblock());
        Assert.Equal([1], PollTypes(ring));
    }

    [Fact]
    public void ShouldRefuseALateCommitWhoseSpaceHasAClaimOfTheSameShape()
    {
        using var ring = new MpscByteRing(64);
        Assert.True(ring.TryClaim(1, 8, out RingClaim late));
        byte* place = late.Pointer;
        Assert.True(ring.Unblock());
        PollTypes(ring);
        for (int i = 0; i < 3; i++)
        {
            Write(ring, 1, 8);
            PollTypes(ring);
        }
        Assert.True(ring.TryClaim(1, 8, out RingClaim present));
        Assert.True(present.Pointer == place);
        Assert.False(late.Commit());
        Assert.Empty(PollTypes(ring));
        present.Body.Fill(9);
        Assert.True(present.Commit());
        Assert.Equal([1], PollTypes(ring));
    }

    [Fact]
    public void ShouldNeverTakeOldBytesForAHeader()
    {
        using var ring = new MpscByteRing(64);
        // Bodies full of words that would be valid headers, read at every offset: each shift moves the records by 8 bytes.
        for (int i = 0; i < 200; i++)
        {
            Assert.True(ring.TryClaim(1, 16, out RingClaim claim));
            for (int word = 0; word < 2; word++)
                ((long*)claim.Pointer)[word] = RecordLayout.Header(0, 99);
            claim.Commit();
            Assert.Equal([1], PollTypes(ring));
            Assert.Empty(PollTypes(ring));
            if (i % 3 == 0)
            {
                Write(ring, 2, 0);
                Assert.Equal([2], PollTypes(ring));
            }
            Assert.True(ring.TryClaim(3, 8, out RingClaim open)); // Nothing behind it may be seen.
            Assert.Empty(PollTypes(ring));
            open.Abort();
            Assert.Empty(PollTypes(ring));
        }
    }

    [Fact]
    public void ShouldNotAllocate()
    {
        using var ring = new MpscByteRing(4096);
        Cycle(ring);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(ring);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Cycle(MpscByteRing ring)
    {
        var handler = new Counter();
        for (int i = 0; i < 1000; i++)
        {
            if (ring.TryClaim(1, i % 500, out RingClaim claim))
                claim.Commit();
            if (ring.TryClaim(1, 3, out RingClaim aborted))
                aborted.Abort();
            ring.TryClaim(1, 3, out _);
            ring.Poll(ref handler, 10);
            ring.Unblock();
            ring.Poll(ref handler, 10);
        }
    }
}
