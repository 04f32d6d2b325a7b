using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

/// <summary>The one-producer ring in every order with up to three preemptions.</summary>
public unsafe class SpscInterleavingTests
{
    private const int Capacity = 64;

    /// <summary>The core in a class, so that both threads share the producer's fields.</summary>
    private sealed class Ring(byte* buffer)
    {
        internal SpscByteRingCore<ExploredMemory> Core = new(buffer, Capacity);
    }

    private static int Explore(int before, int records, int batch, bool commitBeforeBody, int preemptions)
    {
        byte* buffer = RingMemory.Allocate(Capacity);
        try
        {
            return Interleaving.ExploreAll(2, preemptions, () =>
            {
                DirectMemory.Clear(buffer, (int)RingMemory.BytesFor(Capacity));
                var ring = new Ring(buffer);
                for (int i = 0; i < before; i++)
                {
                    Write(ring, 0, 8, commitBeforeBody: false);
                    ring.Core.Commit();
                    Poll(ring, new RingHistory());
                }
                var history = new RingHistory();
                Action producer = () =>
                {
                    for (int first = 1; first <= records; first += batch)
                    {
                        int began = history.Begin();
                        var written = new List<long>();
                        for (int value = first; value < first + batch; value++)
                        {
                            if (Write(ring, value, 16, commitBeforeBody))
                                written.Add(value);
                        }
                        ring.Core.Commit();
                        history.End(-1, began);
                        foreach (long value in written)
                        {
                            history.Begin();
                            history.End(value, began);
                        }
                    }
                };
                Action consumer = () =>
                {
                    Poll(ring, history);
                    Poll(ring, history);
                };
                return ([producer, consumer], () =>
                {
                    while (Poll(ring, history) != 0)
                    {
                    }
                    history.Check();
                });
            });
        }
        finally
        {
            RingMemory.Free(buffer);
        }
    }

    private static bool Write(Ring ring, long value, int length, bool commitBeforeBody)
    {
        byte* aborted = ring.Core.TryClaim(77, length);
        if (aborted != null)
            ExploredMemory.WriteRelease((long*)aborted, 77);
        ring.Core.Abort();
        byte* body = ring.Core.TryClaim((int)value + 1, length);
        if (body == null)
            return false;
        if (commitBeforeBody)
            ring.Core.Commit();
        for (int word = 0; word < length / 8; word++)
            ExploredMemory.WriteRelease((long*)body + word, value);
        ring.Core.Stage();
        return true;
    }

    private static int Poll(Ring ring, RingHistory history)
    {
        bool mustFind = history.MustFind();
        var reader = new HistoryReader(history);
        int count = ring.Core.Poll(ref reader, 10);
        if (count == 0 && mustFind)
            throw new InvalidOperationException("A poll missed a record that was ready.");
        return count;
    }

    [Theory]
    [InlineData(0, 3, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(2, 4, 2)]
    public void ShouldBeAQueueInEveryOrder(int before, int records, int batch) =>
        Assert.True(Explore(before, records, batch, commitBeforeBody: false, preemptions: 3) > 100);

    [Fact]
    public void ShouldFindACommitBeforeTheBody() =>
        Assert.Throws<InvalidOperationException>(() => Explore(0, 1, 1, commitBeforeBody: true, preemptions: 2));
}
