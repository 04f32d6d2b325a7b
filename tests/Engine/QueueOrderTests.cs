using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>In which order messages go: rules O1 to O3 and Q8.</summary>
public sealed class QueueOrderTests : IDisposable
{
    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    [Fact]
    public void ShouldDeliverHigherPrioritiesFirst()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-priority", 5));
        foreach ((string body, byte priority) in new[] { ("a", (byte)1), ("b", (byte)9), ("c", (byte)5), ("d", (byte)0), ("e", (byte)1) })
            _broker.Publish("q", body, new ContentHeaderBuilder().Priority(priority).Build());
        _broker.Publish("q", "f");
        _broker.Restart();
        Assert.Equal(["b", "c", "a"], _broker.Take("q", 3));
        _broker.Settle("q", 2, SettleKind.Requeue, 2);
        _broker.Restart(sameHash: false);
        Assert.Equal(["b", "c", "a", "e", "d", "f"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldKeepTheNewestOfAKeyThatConsumersGiveBack()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", ""));
        foreach (string body in (string[])["m1", "m2", "m3"])
        {
            _broker.Publish("q", body);
            Assert.Equal([body], _broker.Take("q", 1));
        }
        _broker.Settle("q", 3, firstTag: 3);
        _broker.Settle("q", 1, SettleKind.Requeue, firstTag: 1);
        Assert.Equal(0, _broker.Queue("q").ReadyCount); // A newer one is with the consumer.
        _broker.Settle("q", 2, SettleKind.Requeue, firstTag: 2);
        Assert.Equal(["m2"], _broker.Take("q"));
    }

    [Fact]
    public void ShouldReplaceTheWaitingMessageWithTheSameKeyInItsPlace()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "symbol").Add("x-max-length", 3));
        _broker.Publish("q", "A1", Symbol("A"));
        _broker.Publish("q", "B1", Symbol("B"));
        _broker.Publish("q", "none");
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", "A2", Symbol("A"))); // Full, but it takes the place of one.
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "C1", Symbol("C")));
        Assert.Equal(3, _broker.Queue("q").Count);
        _broker.Restart();
        Assert.Equal(["A2", "B1", "none"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldNotGiveASequenceAgainThatWasAboveOneTakenInItsPlace()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "symbol"));
        _broker.Declare("other");
        _broker.Publish("q", "A1", Symbol("A"));
        _broker.Publish("q", "B1", Symbol("B"));
        Assert.Equal(["A1", "B1"], _broker.Take("q"));
        _broker.Settle("q", 2, firstTag: 2);
        _broker.Settle("q", 1, SettleKind.Requeue, firstTag: 1);
        _broker.Leave("q");
        string large = new('x', 100_000);
        // The record that gave the sequence of B1 goes with its segment.
        while (_broker.Engine.Core.Journal!.Log.OldestIndex == 0)
        {
            _broker.Publish("other", large);
            _broker.Drain("other");
            _broker.Publish("q", "A2", Symbol("A"));
        }
        _broker.Restart();
        Assert.Equal(3, _broker.Queue("q").Entries.Next);
    }

    [Fact]
    public void ShouldNotCountAMessageBesideTheOneOfTheOtherLogThatItReplaces()
    {
        _broker.Level = DurabilityLevel.Memory;
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "").Add("x-max-length-bytes", 4).Add("x-overflow", "drop-head")
            .Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Publish("q", "in memory");
        _broker.Engine.Events.Clear();
        _broker.Engine.OpenPublication(_broker.Session, "q", DurabilityLevel.Disk);
        _broker.Engine.Run();
        _broker.Engine.Publish(_broker.Session, _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication, 1, "on disk");
        _broker.Engine.Run();
        Assert.Equal(0, _broker.Queue("dead").Count); // What is replaced is never dead-lettered.
        Assert.Equal(["on disk"], _broker.Take("q"));
    }

    [Fact]
    public void ShouldKeepWhatARejectedMessageWouldHaveReplacedInTheOtherLog()
    {
        _broker.Declare("dead");
        _broker.Declare("full", QueueHarness.Arguments.Add("x-max-length", 0).Add("x-overflow", "reject-publish-dlx").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", ""));
        _broker.Publish("q", "on disk");
        _broker.Engine.Exchange(_broker.Session, "both", ExchangeKind.Fanout);
        _broker.Engine.Bind(_broker.Session, "both", "full");
        _broker.Engine.Bind(_broker.Session, "both", "q");
        _broker.Engine.Events.Clear();
        _broker.Engine.OpenPublication(_broker.Session, "q", DurabilityLevel.Memory, exchange: "both");
        _broker.Engine.Run();
        _broker.Engine.Publish(_broker.Session, _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication, 1, "in memory");
        _broker.Engine.Run();
        Assert.Equal((int)ErrorCode.QueueFull, _broker.Engine.Single<RejectedEvent>(EventType.Rejected).Code);
        Assert.Equal(["in memory"], _broker.Take("dead"));
        Assert.Equal(["on disk"], _broker.Take("q"));
    }

    [Fact]
    public void ShouldNotPutADeadLetterIntoThePlaceOfWhatLeavesWithIt()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "").Add("x-max-length", 1).Add("x-overflow", "drop-head")
            .Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Declare("other", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "drop-head")
            .Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "q"));
        _broker.Publish("other", "m1");
        _broker.Publish("other", "m2"); // m1 goes to q.
        _broker.Engine.Exchange(_broker.Session, "both", ExchangeKind.Fanout);
        _broker.Engine.Bind(_broker.Session, "both", "q");
        _broker.Engine.Bind(_broker.Session, "both", "other");
        _broker.Engine.Events.Clear();
        _broker.Engine.OpenPublication(_broker.Session, "another key", DurabilityLevel.Disk, exchange: "both");
        _broker.Engine.Run();
        // Pushes m1 out of q, and m2 out of the other, to q, with the key that m1 has.
        _broker.Engine.Publish(_broker.Session, _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication, 1, "m3");
        _broker.Engine.Run();
        _broker.Restart();
        Assert.Equal(["m1", "m3"], _broker.Take("dead"));
        Assert.Equal(["m2"], _broker.Take("q"));
    }

    [Fact]
    public void ShouldKeepWhatIsBehindALargeOneThatGoesFromThePlaceItTook()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "symbol").Add("x-max-length-bytes", 1000).Add("x-overflow", "drop-head"));
        foreach (string symbol in (string[])["A", "B", "C", "D"])
            _broker.Publish("q", symbol + "1", Symbol(symbol));
        _broker.Publish("q", "B2" + new string('x', 1500), Symbol("B"));
        _broker.Restart();
        Assert.Equal(["C1", "D1"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldDropAnOlderValueThatComesBack()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", ""));
        _broker.Publish("q", "1");
        Assert.Equal(["1"], _broker.Take("q", 1));
        _broker.Publish("q", "2");
        Assert.Equal(2, _broker.Queue("q").Count);
        _broker.Settle("q", 1, SettleKind.Requeue);
        Assert.Equal(1, _broker.Queue("q").Count);
        _broker.Restart();
        Assert.Equal(["2"], _broker.Take("q", 1));
        _broker.Publish("q", "3");
        _broker.Restart(sameHash: false);
        _broker.Advance(1);
        Assert.Equal(1, _broker.Queue("q").Count);
        _broker.Restart();
        Assert.Equal(["3"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldReplaceWhereLogsDifferByDroppingTheOlder()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", ""));
        _broker.Publish("q", "on disk");
        _broker.Level = DurabilityLevel.Memory;
        int other = _broker.Engine.OpenSession();
        _broker.Engine.OpenPublication(other, "q", DurabilityLevel.Memory);
        _broker.Engine.Run();
        _broker.Engine.Publish(other, 1, 1, "in memory");
        _broker.Engine.Run();
        Assert.Equal(1, _broker.Queue("q").Count);
        Assert.Equal(["in memory"], _broker.Drain("q"));
        _broker.Restart();
        Assert.Equal(0, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldKeepSequencesOverARestart()
    {
        _broker.Declare("q");
        _broker.Publish("q", "1");
        _broker.Publish("q", "2");
        _broker.Drain("q");
        _broker.Restart();
        _broker.Publish("q", "3");
        _broker.Take("q");
        Assert.Equal(3ul, _broker.Engine.Single<DeliverEvent>(EventType.Deliver).QueueSequence);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(255)]
    public unsafe void ShouldKeepTheOrderOfANaiveList(int maxPriority)
    {
        using var pool = new EntryPool();
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var queue = new BrokerQueue(1, _broker.Engine.Core.Engine.Topology.Default, "q"u8.ToArray(), new QueueOptions { MaxPriority = maxPriority }, pool);
            var ready = new List<(int Priority, long Sequence)>();
            var unsettled = new List<(int Priority, long Sequence)>();
            for (int step = 0; step < 2000; step++)
            {
                switch (random.Next(5))
                {
                    case 0 or 1:
                        byte priority = queue.PriorityOf((byte)random.Next(256));
                        ready.Add((priority, queue.Entries.Next));
                        queue.Enqueue(queue.Entries.Next, 1, 10, priority, EntryMarks.None);
                        break;
                    case 2:
                        QueueEntry* entry = queue.PeekReady(out long first);
                        Assert.Equal(ready.Count == 0, entry == null);
                        if (entry == null)
                            break;
                        (int Priority, long Sequence) expected = ready.OrderByDescending(m => m.Priority).ThenBy(m => m.Sequence).First();
                        Assert.Equal(expected.Sequence, first);
                        queue.Take(entry, first);
                        ready.Remove(expected);
                        unsettled.Add(expected);
                        break;
                    case 3 when unsettled.Count > 0:
                        (int Priority, long Sequence) settled = unsettled[random.Next(unsettled.Count)];
                        unsettled.Remove(settled);
                        if (random.Next(2) == 0)
                        {
                            Assert.True(queue.TryReturn(settled.Sequence));
                            ready.Add(settled);
                        }
                        else
                        {
                            Assert.True(queue.TryRemove(settled.Sequence, out _));
                        }
                        break;
                    case 4 when ready.Count > 0:
                        (int Priority, long Sequence) expired = ready[random.Next(ready.Count)];
                        ready.Remove(expired);
                        Assert.True(queue.TryRemove(expired.Sequence, out _));
                        break;
                }
                Assert.Equal((ready.Count, unsettled.Count, 10L * (ready.Count + unsettled.Count)), (queue.ReadyCount, queue.UnsettledCount, queue.Bytes));
            }
            queue.Clear();
        }
    }

    private static byte[] Symbol(string value)
    {
        var builder = new ContentHeaderBuilder();
        builder.Headers.Add("symbol", value);
        return builder.Build().ToArray();
    }
}
