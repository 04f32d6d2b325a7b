using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

public unsafe class SpscByteRingTests : ByteRingTests
{
    private sealed class Spsc(int capacity) : Subject
    {
        private readonly SpscByteRing _ring = new(capacity);

        internal override int Capacity => _ring.Capacity;
        internal override int MaxLength => _ring.MaxLength;
        internal override bool IsEmpty => _ring.IsEmpty;

        internal override bool TryWrite(int type, ReadOnlySpan<byte> body, bool commit)
        {
            byte* claim = _ring.TryClaim(type, body.Length);
            if (claim == null)
                return false;
            Assert.Equal(0, (long)claim % 8);
            body.CopyTo(new Span<byte>(claim, body.Length));
            if (commit)
                _ring.Commit();
            else
                _ring.Abort();
            return true;
        }

        internal override int Poll(ref RecordCollector handler, int limit) => _ring.Poll(ref handler, limit);

        public override void Dispose() => _ring.Dispose();
    }

    internal override Subject Create(int capacity) => new Spsc(capacity);

    private static List<int> PollTypes(SpscByteRing ring)
    {
        var records = new List<(int Type, byte[] Body)>();
        var handler = new RecordCollector(records);
        ring.Poll(ref handler, int.MaxValue);
        return records.ConvertAll(record => record.Type);
    }

    [Fact]
    public void ShouldShowStagedRecordsTogetherAtCommit()
    {
        using var ring = new SpscByteRing(256);
        ring.TryClaim(1, 4);
        ring.Stage();
        ring.TryClaim(2, 4);
        ring.Stage();
        Assert.Empty(PollTypes(ring));
        Assert.True(ring.IsEmpty);
        ring.TryClaim(3, 4);
        ring.Commit();
        Assert.False(ring.IsEmpty);
        Assert.Equal([1, 2, 3], PollTypes(ring));
    }

    [Fact]
    public void ShouldKeepStagedRecordsWhenTheOpenClaimIsAborted()
    {
        using var ring = new SpscByteRing(256);
        ring.TryClaim(1, 4);
        ring.Stage();
        ring.TryClaim(2, 4);
        ring.Abort();
        ring.Commit();
        Assert.Equal([1], PollTypes(ring));
    }

    [Fact]
    public void ShouldRefuseASecondOpenClaim()
    {
        using var ring = new SpscByteRing(256);
        ring.TryClaim(1, 4);
        Assert.Throws<InvalidOperationException>(() => ring.TryClaim(2, 4));
        ring.Commit();
        Assert.True(ring.TryClaim(2, 4) != null);
    }

    [Fact]
    public void ShouldDoNothingOnCloseWithoutAClaim()
    {
        using var ring = new SpscByteRing(64);
        ring.Stage();
        ring.Abort();
        ring.Commit();
        Assert.True(ring.IsEmpty);
        Assert.Equal(64, ring.FreeBytes());
    }

    [Fact]
    public void ShouldTellFreeBytes()
    {
        using var ring = new SpscByteRing(64);
        ring.TryClaim(1, 8);
        Assert.Equal(48, ring.FreeBytes());
        ring.Abort();
        Assert.Equal(64, ring.FreeBytes());
        ring.TryClaim(1, 8);
        ring.Commit();
        Assert.Equal(48, ring.FreeBytes());
        PollTypes(ring);
        Assert.Equal(64, ring.FreeBytes());
    }

    [Fact]
    public void ShouldSkipTheEndOfTheBufferWhenARecordDoesNotFit()
    {
        using var ring = new SpscByteRing(64);
        byte* first = ring.TryClaim(1, 16);
        ring.Commit();
        ring.TryClaim(2, 16);
        ring.Commit();
        Assert.Equal([1, 2], PollTypes(ring)); // At offset 48: 16 bytes are left.
        Assert.True(ring.TryClaim(3, 16) == first);
        ring.Commit();
        Assert.Equal([3], PollTypes(ring));
    }

    [Fact]
    public void ShouldNotAllocate()
    {
        using var ring = new SpscByteRing(4096);
        Cycle(ring);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(ring);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Cycle(SpscByteRing ring)
    {
        var handler = new Counter();
        for (int i = 0; i < 1000; i++)
        {
            ring.TryClaim(1, i % 500);
            ring.Stage();
            ring.TryClaim(2, 3);
            ring.Commit();
            ring.TryClaim(2, 3);
            ring.Abort();
            ring.FreeBytes();
            ring.Poll(ref handler, 10);
        }
    }
}
