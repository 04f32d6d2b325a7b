using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

public unsafe class RingLayoutTests
{
    [Fact]
    public void ShouldKeepAPositionAloneOnItsCacheLines()
    {
        Assert.Equal(2 * 128 + 8, Unsafe.SizeOf<PaddedPosition>());
        Assert.Equal(128, (int)Marshal.OffsetOf<PaddedPosition>("_value"));
    }

    [Fact]
    public void ShouldKeepSharedPositionsOfARingApart()
    {
        Assert.Equal(512, sizeof(RingTrailer));
        Assert.Equal(128, (int)Marshal.OffsetOf<RingTrailer>(nameof(RingTrailer.Tail)));
        Assert.Equal(256, (int)Marshal.OffsetOf<RingTrailer>(nameof(RingTrailer.Consumed)));
        Assert.Equal(384, (int)Marshal.OffsetOf<RingTrailer>(nameof(RingTrailer.ConsumedCached)));
    }

    [Fact]
    public void ShouldPadTheSidesOfARingOnBothEnds()
    {
        Assert.Equal(128, (int)Marshal.OffsetOf<SpscProducerSide>(nameof(SpscProducerSide.Staged)));
        Assert.Equal(2 * 128 + 24, sizeof(SpscProducerSide));
        Assert.Equal(128, (int)Marshal.OffsetOf<BroadcastProducerSide>(nameof(BroadcastProducerSide.Claimed)));
        Assert.Equal(2 * 128 + 16, sizeof(BroadcastProducerSide));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(4096)]
    public void ShouldPutTheTrailerBehindTheRecordsOnItsOwnLines(int capacity)
    {
        byte* buffer = RingMemory.Allocate(capacity);
        byte* trailer = (byte*)RingMemory.Trailer(buffer, capacity);
        Assert.Equal(0, (long)buffer % 128);
        Assert.Equal(0, (long)trailer % 128);
        Assert.True(trailer >= buffer + capacity);
        Assert.Equal((nuint)(trailer - buffer + sizeof(RingTrailer)), RingMemory.BytesFor(capacity));
        Assert.Equal(-1, new ReadOnlySpan<byte>(buffer, (int)RingMemory.BytesFor(capacity)).IndexOfAnyExcept((byte)0));
        RingMemory.Free(buffer);
    }

    [Fact]
    public void ShouldStoreLengthThenTypeLittleEndian()
    {
        Span<byte> bytes = stackalloc byte[8];
        MemoryMarshal.Write(bytes, RecordLayout.Header(0x01020304, 0x0A0B0C0D));
        Assert.Equal([4, 3, 2, 1, 0x0D, 0x0C, 0x0B, 0x0A], bytes.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void ShouldTellHeaderStatesApart(int length)
    {
        long committed = RecordLayout.Header(length, 7);
        long claimed = RecordLayout.ClaimedHeader(length, lap: -5);
        long padding = RecordLayout.Header(length, RecordLayout.PaddingType);
        Assert.True(RecordLayout.IsCommitted(committed) && !RecordLayout.IsClaimed(committed));
        Assert.True(RecordLayout.IsCommitted(padding) && !RecordLayout.IsClaimed(padding));
        Assert.True(RecordLayout.IsClaimed(claimed) && !RecordLayout.IsCommitted(claimed));
        Assert.False(RecordLayout.IsCommitted(0) || RecordLayout.IsClaimed(0));
        Assert.Equal((length, 7), (RecordLayout.Length(committed), RecordLayout.Type(committed)));
        Assert.Equal((length, -5), (~RecordLayout.Length(claimed), RecordLayout.Type(claimed)));
        Assert.NotEqual(claimed, RecordLayout.ClaimedHeader(length, lap: -4));
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(1, 16)]
    [InlineData(8, 16)]
    [InlineData(9, 24)]
    [InlineData(128, 136)]
    public void ShouldAlignRecordsToEightBytes(int length, int recordLength) =>
        Assert.Equal(recordLength, RecordLayout.RecordLength(length));

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    [InlineData(100)]
    [InlineData(-64)]
    [InlineData(int.MinValue)]
    public void ShouldRefuseACapacityThatIsNoPowerOfTwoInRange(int capacity)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SpscByteRing(capacity));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MpscByteRing(capacity));
    }
}
