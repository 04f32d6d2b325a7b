using LowLatency.Core.Queues;
using Xunit;

namespace LowLatency.Tests.Queues;

public sealed unsafe class DispatchRingTests : IDisposable
{
    private readonly EntryPool _pool = new();

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 5_000)]
    [InlineData(3, 60_000)]
    [InlineData(4, 60_000)]
    [InlineData(5, 400_000)]
    public void ShouldHoldWhatAPlainDictionaryHolds(int seed, int most)
    {
        var random = new Random(seed);
        var ring = new DispatchRing(_pool);
        var model = new SortedDictionary<long, int>();
        for (int round = 0; round < 200; round++)
        {
            for (int i = random.Next(most / 20); i > 0; i--)
            {
                if (random.Next(2000) == 0)
                {
                    ring.Skip(ring.Next + random.Next(1, most));
                    continue;
                }
                long sequence = ring.Next;
                QueueEntry* entry = ring.Append(sequence);
                Assert.Equal(EntryState.Gone, entry->State);
                entry->Begin(sequence * 7, i, 0, EntryMarks.None);
                model.Add(sequence, i);
            }
            // From the front mostly, some out of turn, and at times all.
            int left = random.Next(8) == 0 ? 0 : random.Next(model.Count + 1);
            foreach (long sequence in model.Keys.Where(_ => random.Next(10) > 0).Take(model.Count - left).ToArray())
            {
                Assert.Equal(model[sequence], ring.Find(sequence)->PayloadLength);
                Remove(ring, sequence);
                model.Remove(sequence);
            }
            Assert.Equal(model.Count == 0 ? ring.Next : model.Keys.First(), ring.Head);
            var held = new List<long>();
            for (long sequence = ring.Head; sequence < ring.Next; sequence = ring.NextHeld(sequence + 1))
            {
                held.Add(sequence);
                Assert.Equal(sequence * 7, ring.Find(sequence)->Position);
            }
            Assert.Equal(model.Keys, held);
            Assert.True(ring.Find(ring.Head - 1) == null && ring.Find(ring.Next) == null);
        }
        ring.Clear();
        Assert.Equal(0, _pool.RentedBlocks);
    }

    [Fact]
    public void ShouldNotKeepWhatPassesByAForgottenMessage()
    {
        var ring = new DispatchRing(_pool);
        Append(ring, 1);
        for (long sequence = 2; sequence < 3_000_000; sequence++)
        {
            Append(ring, sequence);
            if (sequence > 1000)
                Remove(ring, sequence - 500);
        }
        Assert.Equal(1, ring.Head);
        Assert.InRange(_pool.RentedBlocks, 1, 40);
        Assert.Equal(2, ring.NextHeld(2)); // The first five hundred were never removed.
        for (long sequence = 1; sequence <= 500; sequence++)
            Remove(ring, sequence);
        Assert.Equal(2_999_500, ring.Head);
    }

    [Fact]
    public void ShouldTakeInWhatComesBackBeforeTheFirst()
    {
        var ring = new DispatchRing(_pool);
        ring.Reset(5_000_000);
        Append(ring, 5_000_000);
        Append(ring, 70);
        Append(ring, 2_000_000);
        Assert.Equal((70, 5_000_001), (ring.Head, ring.Next));
        Assert.Equal(2_000_000, ring.NextHeld(71));
        Remove(ring, 70);
        Assert.Equal(2_000_000, ring.Head);
        Remove(ring, 2_000_000);
        Remove(ring, 5_000_000);
        Assert.Equal(ring.Next, ring.Head);
        Append(ring, ring.Next);
        Assert.Equal(5_000_001, ring.Head);
        ring.Clear();
        Assert.Equal(0, _pool.RentedBlocks);
    }

    private static void Append(DispatchRing ring, long sequence) => ring.Append(sequence)->Begin(sequence, 1, 0, EntryMarks.None);

    private static void Remove(DispatchRing ring, long sequence)
    {
        ring.Find(sequence)->State = EntryState.Gone;
        ring.Remove(sequence);
    }
}
