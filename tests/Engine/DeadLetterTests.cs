using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Messages that leave through a dead-letter exchange: rules D1 to D6 as queues do them, and O4.</summary>
public sealed class DeadLetterTests : IDisposable
{
    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    private static FieldTableWriter To(string key) => QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", key);

    [Fact]
    public void ShouldMoveWhatIsRejectedWithAllOfACommandAtOnce()
    {
        _broker.Declare("dead");
        _broker.Declare("q", To("dead"));
        for (int i = 1; i <= 4; i++)
            _broker.Publish("q", $"m{i}");
        _broker.Take("q");
        _broker.Settle("q", 3, SettleKind.Reject, 2);
        Assert.Equal(2, _broker.Engine.Core.Engine.DeadLetteredCount);
        _broker.Restart(sameHash: false);
        Assert.Equal(["m2", "m3"], _broker.Drain("dead"));
        Assert.Equal(["m1", "m4"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldTellOfEveryDeathInTheHeaders()
    {
        _broker.Declare("dead", To("q"));
        _broker.Declare("q", To("dead"));
        _broker.Publish("q", "m", new ContentHeaderBuilder().Expiration(1000).Priority(3).MessageId("id").Build());
        _broker.Advance(1000);
        _broker.Take("dead");
        byte[] headers = Headers();
        Assert.True(ContentHeader.TryRead(headers, out ContentHeader header));
        Assert.False(header.Has(ContentProperty.Expiration));
        Assert.Equal((3, "id"), (header.Priority, Encoding.UTF8.GetString(header.MessageId)));
        Assert.True(DeathHistory.TryFind(header.HeaderTable, out DeathHistory history));
        Assert.True(history.Read() && history.IsOf("q"u8) && history.IsFor(DeathReason.Expired));
        Assert.True(FieldTableReader.TryFind(history.Entries, "original-expiration"u8, out FieldValue expiration));
        Assert.Equal("1000", Encoding.UTF8.GetString(expiration.Bytes));
        Assert.False(history.Read());

        // A reject in between lets it go back to where it died.
        _broker.Settle("dead", 1, SettleKind.Reject);
        Assert.Equal(["m"], _broker.Take("q"));
    }

    [Fact]
    public void ShouldNotNameAnExchangeThatWasMadeAfterTheOneItCameThroughHadGone()
    {
        _broker.Declare("dead");
        _broker.Declare("q", To("dead"));
        _broker.Engine.Exchange(_broker.Session, "in memory", ExchangeKind.Fanout, 0);
        _broker.Engine.Bind(_broker.Session, "in memory", "q");
        _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Disk, "", "in memory");
        _broker.Engine.Run();
        uint publication = _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        _broker.Engine.Publish(_broker.Session, publication, 1, "m");
        _broker.Engine.Run();
        _broker.Restart();
        _broker.Engine.Exchange(_broker.Session, "another", ExchangeKind.Fanout);
        _broker.Engine.Run();
        _broker.Take("q");
        _broker.Settle("q", 1, SettleKind.Reject);
        Assert.Equal(["m"], _broker.Take("dead"));
        Assert.True(ContentHeader.TryRead(Headers(), out ContentHeader header));
        Assert.True(FieldTableReader.TryFind(header.HeaderTable, "x-first-death-exchange"u8, out FieldValue exchange));
        Assert.Equal("", Encoding.UTF8.GetString(exchange.Bytes));
    }

    [Fact]
    public void ShouldCutACycleWithoutAReject()
    {
        _broker.Declare("a", To("b").Add("x-message-ttl", 1000));
        _broker.Declare("b", To("a").Add("x-message-ttl", 1000));
        _broker.Publish("a", "m");
        _broker.Advance(1000);
        Assert.Equal((0, 1), (_broker.Queue("a").Count, _broker.Queue("b").Count));
        _broker.Advance(1000);
        Assert.Equal((0, 0), (_broker.Queue("a").Count, _broker.Queue("b").Count));
        Assert.Equal(1, _broker.Engine.Core.Engine.CycleCount);
        _broker.Restart();
    }

    [Fact]
    public void ShouldDropAndCountWhereNoQueueIsBehindTheExchange()
    {
        _broker.Declare("nowhere", QueueHarness.Arguments.Add("x-dead-letter-exchange", "none"));
        _broker.Declare("nothing", To("none"));
        foreach (string queue in (string[])["nowhere", "nothing"])
        {
            _broker.Publish(queue, "m");
            _broker.Take(queue);
            _broker.Settle(queue, 1, SettleKind.Reject);
            Assert.Equal(0, _broker.Queue(queue).Count);
        }
        Assert.Equal(2, _broker.Engine.Core.Engine.DroppedCount);
        _broker.Restart();
    }

    [Theory]
    [InlineData(DurabilityLevel.Memory, true)]
    [InlineData(DurabilityLevel.Memory, false)]
    [InlineData(DurabilityLevel.Disk, false)]
    public void ShouldMoveAmongQueuesAndLogsOfAnyKind(DurabilityLevel level, bool durableSource)
    {
        _broker.Level = level;
        _broker.Declare("dead", durable: !durableSource);
        _broker.Declare("q", To("dead"), durableSource);
        _broker.Publish("q", "m");
        _broker.Take("q");
        _broker.Settle("q", 1, SettleKind.Reject);
        Assert.Equal(["m"], _broker.Drain("dead"));
        Assert.Equal(0, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldRemoveAMessageThatComesBackTooOften()
    {
        _broker.Declare("dead");
        _broker.Declare("q", To("dead").Add("x-delivery-limit", 2));
        _broker.Publish("q", "poison");
        _broker.Publish("q", "good");
        for (uint turn = 0; turn < 3; turn++)
        {
            Assert.Contains("poison", _broker.Take("q", turn == 0 ? 2u : 1u), StringComparer.Ordinal);
            ulong tag = _broker.Engine.All<DeliverEvent>(EventType.Deliver)[0].Tag;
            Assert.Equal(0, _broker.Queue("dead").Count);
            _broker.Settle("q", tag, SettleKind.Requeue, tag);
        }
        Assert.Equal(1, _broker.Queue("q").Count);
        Assert.Equal(["poison"], _broker.Drain("dead"));
    }

    [Theory]
    [InlineData(DurabilityLevel.Memory)]
    [InlineData(DurabilityLevel.Process)]
    public void ShouldMoveMoreAtOnceThanASegmentHolds(DurabilityLevel level)
    {
        _broker.Level = level;
        _broker.Declare("dead");
        _broker.Declare("q", To("dead").Add("x-message-ttl", 1000));
        string large = new('x', 100_000);
        for (int i = 0; i < 25; i++)
            _broker.Publish("q", large);
        _broker.Advance(1001);
        _broker.Engine.Run();
        Assert.Equal(0, _broker.Queue("q").Count);
        Assert.Equal(25, _broker.Queue("dead").Count);
    }

    [Fact]
    public void ShouldNeverShowAMoveWithoutItsRemovalAfterAPowerCut()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            using var broker = new QueueHarness { Level = DurabilityLevel.Process };
            broker.Declare("dead");
            broker.Declare("q", QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
            broker.Level = DurabilityLevel.Disk;
            for (int i = 0; i < 8; i++)
                broker.Publish("q", $"m{i}" + new string('x', 300));
            broker.Take("q");
            broker.Engine.Flushes = false;
            for (ulong tag = 1; tag <= 8; tag++)
                broker.Engine.Settle(broker.Session, 1, tag, tag, SettleKind.Reject);
            while (broker.Engine.Step() > 0)
            {
            }
            broker.PowerCut(seed);
            Assert.Equal(8, broker.Queue("q").Count + broker.Queue("dead").Count);
            string[] all = [.. broker.Drain("q"), .. broker.Drain("dead")];
            Assert.Equal(8, all.Distinct().Count());
        }
    }

    private unsafe byte[] Headers()
    {
        long position = _broker.Engine.Single<DeliverEvent>(EventType.Deliver).Position;
        _broker.Engine.Reader.Enter();
        Assert.True(_broker.Engine.Reader.TryRead(position, out MessageView view));
        byte[] headers = view.Headers.ToArray();
        _broker.Engine.Reader.Exit();
        return headers;
    }
}
