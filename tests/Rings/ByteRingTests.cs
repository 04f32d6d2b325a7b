using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace LowLatency.Tests.Rings;

/// <summary>What both byte rings promise, on one thread.</summary>
public abstract class ByteRingTests
{
    internal abstract class Subject : IDisposable
    {
        internal abstract int Capacity { get; }
        internal abstract int MaxLength { get; }
        internal abstract bool IsEmpty { get; }

        /// <summary>Claims, fills and commits, or aborts.</summary>
        internal abstract bool TryWrite(int type, ReadOnlySpan<byte> body, bool commit);

        internal abstract int Poll(ref RecordCollector handler, int limit);

        public abstract void Dispose();
    }

    internal abstract Subject Create(int capacity);

    [Fact]
    public void ShouldAgreeWithAQueueUnderRandomOperations()
    {
        // Each number is one operation; FsCheck shrinks the list of a failure.
        Prop.ForAll(ArbMap.Default.ArbFor<uint[]>(), (Action<uint[]>)AgreeWithAQueue)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(600));
    }

    private void AgreeWithAQueue(uint[] operations)
    {
        using Subject ring = Create(64 << (operations.Length % 4));
        var model = new Queue<(int Type, byte[] Body)>();
        int used = 0;
        foreach (uint raw in operations)
        {
            uint operation = raw * 2654435761; // FsCheck's numbers are small: spread them.
            int length = (int)((operation >> 8) % (uint)(ring.MaxLength + 1));
            switch (operation % 8)
            {
                case < 4:
                    byte[] body = new byte[length];
                    new Random((int)operation).NextBytes(body);
                    int type = 1 + (int)(operation >> 20);
                    if (ring.TryWrite(type, body, commit: true))
                    {
                        model.Enqueue((type, body));
                        used += 8 + length;
                        Assert.True(used <= ring.Capacity, "The ring took more than it holds.");
                    }
                    else
                    {
                        // A refusal is honest: even an aborted record and a wrap waste less than the rest.
                        Assert.True(used > 0 || !ring.IsEmpty, "An empty ring refused a record.");
                    }
                    break;
                case 4:
                    ring.TryWrite(1, new byte[length], commit: false);
                    break;
                default:
                    Poll(ring, model, ref used, limit: (int)((operation >> 12) % 7), refuseAt: (int)((operation >> 16) % 9));
                    break;
            }
        }
        while (model.Count > 0)
            Assert.NotEqual(0, Poll(ring, model, ref used, limit: 1000, refuseAt: -1));
        Poll(ring, model, ref used, limit: 1000, refuseAt: -1); // What may be left is aborted.
        Assert.True(ring.IsEmpty);
        Assert.Equal(0, used);
        Assert.True(ring.TryWrite(1, new byte[ring.MaxLength], commit: true), "An empty ring refused the longest record.");
    }

    private static int Poll(Subject ring, Queue<(int Type, byte[] Body)> model, ref int used, int limit, int refuseAt)
    {
        var records = new List<(int Type, byte[] Body)>();
        var handler = new RecordCollector(records, refuseAt);
        int count = ring.Poll(ref handler, limit);
        Assert.Equal(records.Count, count);
        int expected = Math.Min(limit, model.Count);
        if (refuseAt >= 0)
            expected = Math.Min(expected, refuseAt);
        Assert.Equal(expected, count);
        foreach ((int type, byte[] body) in records)
        {
            (int expectedType, byte[] expectedBody) = model.Dequeue();
            Assert.Equal(expectedType, type);
            Assert.Equal(expectedBody, body);
            used -= 8 + body.Length;
        }
        return count;
    }

    [Fact]
    public void ShouldSayFullAtOnceAndTakeRecordsAgainAfterAPoll()
    {
        using Subject ring = Create(64);
        for (int i = 0; i < 4; i++)
            Assert.True(ring.TryWrite(1, new byte[8], commit: true));
        Assert.False(ring.TryWrite(1, new byte[8], commit: true));
        Assert.False(ring.TryWrite(1, [], commit: true));
        var handler = new RecordCollector([]);
        Assert.Equal(1, ring.Poll(ref handler, 1));
        Assert.True(ring.TryWrite(1, new byte[8], commit: true));
        Assert.False(ring.TryWrite(1, new byte[8], commit: true));
    }

    [Fact]
    public void ShouldKeepARefusedRecordForTheNextPoll()
    {
        using Subject ring = Create(128);
        for (byte i = 0; i < 3; i++)
            ring.TryWrite(1 + i, [i], commit: true);
        var records = new List<(int Type, byte[] Body)>();
        var refusing = new RecordCollector(records, refuseAt: 1);
        Assert.Equal(1, ring.Poll(ref refusing, 10));
        var taking = new RecordCollector(records);
        Assert.Equal(2, ring.Poll(ref taking, 10));
        Assert.Equal([1, 2, 3], records.Select(record => record.Type));
    }

    [Fact]
    public void ShouldCountARecordWhoseHandlerThrowsAsConsumed()
    {
        using Subject ring = Create(64);
        for (byte i = 0; i < 4; i++)
            ring.TryWrite(1 + i, new byte[8], commit: true);
        var records = new List<(int Type, byte[] Body)>();
        var throwing = new RecordCollector(records, throwAt: 1);
        Assert.Throws<InvalidOperationException>(() => ring.Poll(ref throwing, 10));
        Assert.True(ring.TryWrite(5, new byte[8], commit: true), "The space of the record that threw is free.");
        var taking = new RecordCollector(records);
        Assert.Equal(3, ring.Poll(ref taking, 10));
        Assert.Equal([1, 2, 3, 4, 5], records.Select(record => record.Type));
    }

    [Fact]
    public void ShouldPollNothingWithALimitOfZero()
    {
        using Subject ring = Create(64);
        ring.TryWrite(1, [1], commit: true);
        var handler = new RecordCollector([]);
        Assert.Equal(0, ring.Poll(ref handler, 0));
        Assert.False(ring.IsEmpty);
    }

    [Fact]
    public void ShouldRefuseTypesAndLengthsOutOfRange()
    {
        using Subject ring = Create(64);
        Assert.Equal(16, ring.MaxLength);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.TryWrite(0, [], commit: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.TryWrite(-1, [], commit: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.TryWrite(1, new byte[17], commit: true));
        Assert.True(ring.IsEmpty);
        Assert.True(ring.TryWrite(int.MaxValue, new byte[16], commit: true));
    }

    [Fact]
    public void ShouldDisposeTwice()
    {
        Subject ring = Create(64);
        ring.Dispose();
        ring.Dispose();
    }
}
