using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

public class BroadcastRingTests
{
    private struct Trade
    {
        internal long Sequence;
        internal long Priced;
        internal long Checked;
    }

    private static BroadcastRing<Trade, BusySpinWait> Create(int capacity) => new(capacity, default);

    [Fact]
    public void ShouldHandOutPublishedEventsAsOneBatch()
    {
        using BroadcastRing<Trade, BusySpinWait> ring = Create(8);
        SequenceBarrier<BusySpinWait> consumer = ring.AddConsumer();
        Assert.True(ring.TryClaim(3, out long last));
        Assert.Equal(2, last);
        for (long sequence = 0; sequence <= last; sequence++)
            ring[sequence].Sequence = sequence * 10;
        Assert.False(consumer.TryPoll(out _, out _));
        ring.Publish(1);
        Assert.True(consumer.TryPoll(out long first, out long available));
        Assert.Equal((0, 1), (first, available));
        Assert.Equal(10, ring[1].Sequence);
        ring.Publish(last);
        Assert.Equal(1, consumer.WaitFor(0)); // What it knows is enough: the producer's line is not read.
        Assert.Equal(2, consumer.WaitFor(2));
        consumer.MarkConsumed(2);
        Assert.False(consumer.TryPoll(out first, out available));
        Assert.Equal((3, 2), (first, available));
    }

    [Fact]
    public void ShouldSayFullAtOnceAndClaimNothingThen()
    {
        using BroadcastRing<Trade, BusySpinWait> ring = Create(4);
        SequenceBarrier<BusySpinWait> consumer = ring.AddConsumer();
        Assert.True(ring.TryClaim(3, out long last));
        ring.Publish(last);
        Assert.False(ring.TryClaim(2, out last));
        Assert.Equal(2, last);
        Assert.True(ring.TryClaim(out last));
        Assert.Equal(3, last);
        Assert.False(ring.TryClaim(out _));
        Assert.True(consumer.TryPoll(out _, out _));
        consumer.MarkConsumed(0);
        Assert.True(ring.TryClaim(out last));
        Assert.Equal(4, last);
        Assert.False(ring.TryClaim(out _));
    }

    [Fact]
    public void ShouldShowAnEventToADependentConsumerOnlyAfterTheOthers()
    {
        using BroadcastRing<Trade, BusySpinWait> ring = Create(4);
        SequenceBarrier<BusySpinWait> left = ring.AddConsumer();
        SequenceBarrier<BusySpinWait> right = ring.AddConsumer();
        SequenceBarrier<BusySpinWait> last = ring.AddConsumer(left, right);
        ring.TryClaim(2, out long sequence);
        ring.Publish(sequence);
        Assert.False(last.TryPoll(out _, out _));
        Assert.Equal(1, left.WaitFor(1));
        left.MarkConsumed(1);
        Assert.False(last.TryPoll(out _, out _));
        Assert.Equal(1, right.WaitFor(0));
        right.MarkConsumed(0);
        Assert.True(last.TryPoll(out _, out long available));
        Assert.Equal(0, available);
        last.MarkConsumed(0);
        ring.TryClaim(out sequence); // Now the other one lags.
        ring.Publish(sequence);
        Assert.Equal(2, right.WaitFor(2));
        right.MarkConsumed(2);
        Assert.True(last.TryPoll(out _, out available));
        Assert.Equal(1, available);
    }

    [Fact]
    public void ShouldGateTheProducerByTheLastConsumersOnly()
    {
        using BroadcastRing<Trade, BusySpinWait> ring = Create(2);
        SequenceBarrier<BusySpinWait> first = ring.AddConsumer();
        SequenceBarrier<BusySpinWait> second = ring.AddConsumer(first);
        SequenceBarrier<BusySpinWait> aside = ring.AddConsumer();
        ring.TryClaim(2, out long sequence);
        ring.Publish(sequence);
        foreach (SequenceBarrier<BusySpinWait> consumer in (SequenceBarrier<BusySpinWait>[])[first, second, aside])
        {
            Assert.False(ring.TryClaim(out _));
            consumer.WaitFor(0);
            consumer.MarkConsumed(0);
        }
        Assert.True(ring.TryClaim(out _));
    }

    [Fact]
    public void ShouldRefuseMisuse()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(0));
        using BroadcastRing<Trade, BusySpinWait> ring = Create(4);
        using BroadcastRing<Trade, BusySpinWait> other = Create(4);
        Assert.Throws<InvalidOperationException>(() => ring.TryClaim(out _));
        SequenceBarrier<BusySpinWait> foreign = other.AddConsumer();
        Assert.Throws<ArgumentException>(() => ring.AddConsumer(foreign));
        SequenceBarrier<BusySpinWait> consumer = ring.AddConsumer();
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.TryClaim(5, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.TryClaim(0, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.Publish(0));
        Assert.True(ring.TryClaim(out long sequence));
        Assert.Throws<InvalidOperationException>(() => ring.AddConsumer());
        ring.Publish(sequence);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.Publish(sequence));
        Assert.Throws<ArgumentOutOfRangeException>(() => consumer.MarkConsumed(sequence)); // Not handed out yet.
        consumer.WaitFor(sequence);
        consumer.MarkConsumed(sequence);
        Assert.Throws<ArgumentOutOfRangeException>(() => consumer.MarkConsumed(sequence - 1));
    }

    [Fact]
    public void ShouldNotAllocateAfterTheFirstClaim()
    {
        using var ring = new BroadcastRing<Trade, BlockingAdaptiveWait>(64, new BlockingAdaptiveWait());
        SequenceBarrier<BlockingAdaptiveWait> first = ring.AddConsumer();
        SequenceBarrier<BlockingAdaptiveWait> second = ring.AddConsumer(first);
        Cycle(ring, first, second);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(ring, first, second);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Cycle(
        BroadcastRing<Trade, BlockingAdaptiveWait> ring, SequenceBarrier<BlockingAdaptiveWait> first, SequenceBarrier<BlockingAdaptiveWait> second)
    {
        for (int i = 0; i < 1000; i++)
        {
            while (ring.TryClaim(3, out long last))
                ring.Publish(last);
            first.TryPoll(out long next, out _);
            first.MarkConsumed(first.WaitFor(next));
            second.TryPoll(out _, out long available);
            second.MarkConsumed(available);
        }
    }

    [Fact]
    public void ShouldRunADiamondOfConsumersSpinning() => RunDiamond(default(BusySpinWait), 10_000 * Stress.Scale);

    [Fact]
    public void ShouldRunADiamondOfConsumersYielding() => RunDiamond(default(YieldingWait), 300_000 * Stress.Scale);

    [Fact]
    public void ShouldRunADiamondOfConsumersBlocking() => RunDiamond(new BlockingAdaptiveWait(), 300_000 * Stress.Scale);

    private static void RunDiamond<TWait>(TWait strategy, int count)
        where TWait : struct, IWaitStrategy
    {
        using var ring = new BroadcastRing<Trade, TWait>(256, strategy);
        SequenceBarrier<TWait> pricer = ring.AddConsumer();
        SequenceBarrier<TWait> checker = ring.AddConsumer();
        SequenceBarrier<TWait> booker = ring.AddConsumer(pricer, checker);
        SequenceBarrier<TWait>[] consumers = [pricer, checker, booker];
        var random = new Random(7);
        Action<Action> Consumer(SequenceBarrier<TWait> barrier, Action<long> handle) => _ =>
        {
            try
            {
                for (long next = 0; next < count;)
                {
                    long last = barrier.WaitFor(next);
                    if (last < next)
                        throw new OperationCanceledException("Alerted.");
                    for (; next <= last; next++)
                        handle(next);
                    barrier.MarkConsumed(last);
                }
            }
            catch
            {
                Array.ForEach(consumers, consumer => consumer.Alert());
                throw;
            }
        };
        Stress.RunThreads(
            wait =>
            {
                try
                {
                    for (long next = 0; next < count;)
                    {
                        int batch = (int)Math.Min(random.Next(1, 20), count - next);
                        long last;
                        while (!ring.TryClaim(batch, out last))
                            wait();
                        for (; next <= last; next++)
                            ring[next].Sequence = next;
                        ring.Publish(last);
                    }
                }
                catch
                {
                    Array.ForEach(consumers, consumer => consumer.Alert());
                    throw;
                }
            },
            Consumer(pricer, sequence => ring[sequence].Priced = ring[sequence].Sequence * 3),
            Consumer(checker, sequence => ring[sequence].Checked = ring[sequence].Sequence * 7),
            Consumer(booker, sequence =>
            {
                Trade trade = ring[sequence];
                if ((trade.Sequence, trade.Priced, trade.Checked) != (sequence, sequence * 3, sequence * 7))
                    throw new InvalidOperationException($"Event {sequence} is {trade.Sequence}, {trade.Priced}, {trade.Checked}.");
            }));
        Assert.Equal(count - 1, booker.Consumed.ReadAcquire());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void ShouldEndAWaitWhenAlerted(int strategy)
    {
        switch (strategy)
        {
            case 0:
                AlertWaiter(default(BusySpinWait));
                break;
            case 1:
                AlertWaiter(default(YieldingWait));
                break;
            default:
                AlertWaiter(new BlockingAdaptiveWait());
                break;
        }
    }

    private static void AlertWaiter<TWait>(TWait strategy)
        where TWait : struct, IWaitStrategy
    {
        using var ring = new BroadcastRing<Trade, TWait>(8, strategy);
        SequenceBarrier<TWait> consumer = ring.AddConsumer();
        long result = 0;
        var thread = new Thread(() => result = consumer.WaitFor(0));
        thread.Start();
        consumer.Alert();
        Assert.True(thread.Join(10_000));
        Assert.Equal(-1, result);
        Assert.True(consumer.IsAlerted);
    }

    /// <summary>One event at a time, each after the consumer had time to block: a lost signal stops it until the deadline.</summary>
    [Fact]
    public void ShouldWakeABlockedConsumerForEveryEvent()
    {
        using var ring = new BroadcastRing<Trade, BlockingAdaptiveWait>(4, new BlockingAdaptiveWait());
        SequenceBarrier<BlockingAdaptiveWait> consumer = ring.AddConsumer();
        SequenceBarrier<BlockingAdaptiveWait> dependent = ring.AddConsumer(consumer);
        int count = 10_000 * Stress.Scale;
        Action<Action> Follow(SequenceBarrier<BlockingAdaptiveWait> barrier) => _ =>
        {
            for (long next = 0; next < count; next++)
            {
                Assert.True(barrier.WaitFor(next) >= next, "Alerted: the producer saw no progress.");
                barrier.MarkConsumed(next);
            }
        };
        Stress.RunThreads(
            wait =>
            {
                try
                {
                    for (long next = 0; next < count; next++)
                    {
                        Assert.True(ring.TryClaim(out long sequence));
                        Thread.SpinWait((int)(next % 200) * 10);
                        ring.Publish(sequence);
                        while (dependent.Consumed.ReadAcquire() < next)
                            wait();
                    }
                }
                finally
                {
                    consumer.Alert();
                    dependent.Alert();
                }
            },
            Follow(consumer),
            Follow(dependent));
    }
}
