using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;
using static LowLatency.Tests.Engine.ColdMessages;

namespace LowLatency.Tests.Engine;

/// <summary>What expires while it is on the disk alone, and is to be moved: when it is loaded, and who waits for that.</summary>
public sealed class ColdExpiryTests : ColdBroker
{
    public ColdExpiryTests() => _broker.Declare("dead");

    private static FieldTableWriter DeadLettered => QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead");

    [Fact]
    public void ShouldMoveAnExpiredMessageWhenItIsLoaded()
    {
        _broker.Declare("cold", DeadLettered.Add("x-message-ttl", 60_000));
        Fill(_broker, "cold", 6);
        _holds = true;
        _broker.Advance(61_000);
        Assert.Equal(6 * PerSegment, _broker.Queue("cold").Count);
        Assert.False(Core.HasScheduled, "It spins while it waits.");
        _broker.Declare("hot");
        _broker.Publish("hot", "meanwhile");
        Assert.Equal(["meanwhile"], _broker.Take("hot", 1));
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(0, _broker.Queue("cold").Count);
        Assert.Equal(Numbers(0, 6 * PerSegment), _broker.Take("dead", 1000).Select(Number));
    }

    [Fact]
    public void ShouldHoldBackTheQueuesEndAloneWhileWhatExpiredIsLoaded()
    {
        _broker.Declare("cold", DeadLettered
            .Add("x-redelivery-delay", 1000).Add("x-expires", 200_000));
        _broker.Publish("cold", "back-off");
        _broker.Take("cold", 1);
        PublishSixSegments();
        var delayed = new ContentHeaderBuilder();
        delayed.Headers.Add("x-delay", 63_000);
        _broker.Publish("cold", "due", delayed.Build());
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        _holds = true;
        _broker.Advance(61_000);
        Assert.Equal(6 * PerSegment, _broker.Queue("cold").ReadyCount);
        _broker.Settle("cold", 1, SettleKind.Requeue);
        Assert.Equal(1, _broker.Queue("cold").DelayedCount);
        _broker.Advance(1000);
        Assert.Equal((0L, 6L * PerSegment + 1), (_broker.Queue("cold").DelayedCount, _broker.Queue("cold").ReadyCount));
        _broker.Advance(2000);
        Assert.Equal((0L, 6L * PerSegment + 2), (_broker.Queue("cold").ScheduledCount, _broker.Queue("cold").ReadyCount));
        Assert.False(Core.HasScheduled, "It spins while it waits.");
        _broker.Leave("cold");
        _broker.Advance(201_000);
        Assert.True(_broker.Has("cold"), "It ends before what expired in it was moved.");
        Assert.False(Core.HasScheduled, "It spins while it waits.");
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(0, Core.AwaitingLoad);
        Assert.False(_broker.Has("cold"));
        Assert.Equal(6 * PerSegment, _broker.Queue("dead").Count);
    }

    [Fact]
    public void ShouldMoveWhatExpiresBeforeWhatIsLoaded()
    {
        _broker.Declare("cold", DeadLettered);
        PublishSixSegments();
        var delayed = new ContentHeaderBuilder().Expiration(1);
        delayed.Headers.Add("x-delay", 1000);
        _broker.Publish("cold", "late", delayed.Build());
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        _holds = true;
        _broker.Advance(61_000);
        Assert.Equal(["late"], _broker.Take("dead", 10));
        _broker.Engine.Events.Clear();
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(6 * PerSegment, _broker.Queue("dead").Count - 1);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void ShouldMoveWhatExpiresHereAndThereWithFewLoads(int kinds)
    {
        _broker.Declare("cold", DeadLettered);
        // Each kind has two segments of its own, and the time of each message is between those of others far away.
        for (int kind = 0; kind < kinds; kind++)
        {
            for (int i = 0; i < 2 * PerSegment; i++)
                _broker.Publish("cold", $"{i} {Filler}", new ContentHeaderBuilder().Expiration(60_000 + i).Build());
            Fill(_broker, "gap", 3);
        }
        Fill(_broker, "end", 5);
        _loads.Clear();
        _broker.Advance(70_000);
        Assert.Equal(0, _broker.Queue("cold").Count);
        Assert.Equal(kinds * 2 * PerSegment, _broker.Queue("dead").Count);
        Assert.InRange(_loads.Count, 2 * kinds, 4 * kinds);
    }

    [Fact]
    public void ShouldNotWaitForWhatWasPurged()
    {
        _broker.Declare("cold", DeadLettered);
        _broker.Declare("other");
        for (int i = 0; i < 3 * PerSegment; i++)
        {
            _broker.Publish("cold", $"cold {i} {Filler}", new ContentHeaderBuilder().Expiration(60_000).Build());
            _broker.Publish("other", $"other {i} {Filler}");
        }
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        _holds = true;
        _broker.Advance(61_000);
        Assert.Equal(1, Core.AwaitingLoad);
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "cold");
        _broker.Engine.Run();
        Assert.Equal(0, Core.AwaitingLoad);
        _broker.Publish("cold", "hot", new ContentHeaderBuilder().Expiration(1000).Build());
        _broker.Advance(1001);
        Assert.Equal(["hot"], _broker.Take("dead", 10));
    }

    [Fact]
    public void ShouldMoveWhatExpiredWhileConsumersWaitForAnotherSegment()
    {
        _broker.Declare("cold", DeadLettered);
        Fill(_broker, "cold", 3);
        _broker.Publish("cold", "expired", new ContentHeaderBuilder().Expiration(60_000).Build());
        Fill(_broker, "cold", 6);
        long first = SegmentOf("cold", 1);
        Assert.True(SegmentOf("cold", 3 * PerSegment + 1) > first + 1);
        _holds = true;
        _broker.Advance(61_000);
        Assert.Empty(_broker.Take("cold", 1000));
        _heldIndex = first;
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(["expired"], _broker.Take("dead", 1));
        Assert.DoesNotContain(first, _loads);
        _broker.Engine.Events.Clear();
        _heldIndex = -1;
        _broker.Engine.Run();
        Assert.Equal(9 * PerSegment, Heads().Count());
    }

    [Fact]
    public void ShouldMoveWhatExpiredInMoreQueuesThanThereAreSlots()
    {
        string[] queues = [.. Enumerable.Range(0, 8).Select(i => $"q{i}")];
        foreach (string queue in queues)
        {
            _broker.Declare(queue, DeadLettered.Add("x-message-ttl", 60_000));
            Fill(_broker, queue, 2);
            Fill(_broker, "gap", 3);
        }
        Fill(_broker, "end", 5);
        _loads.Clear();
        _broker.Advance(61_000);
        Assert.All(queues, queue => Assert.Equal(0, _broker.Queue(queue).Count));
        Assert.Equal(queues.Length * 2 * PerSegment, _broker.Queue("dead").Count);
        // Each has a turn for what it asked for before its memory is another's.
        Assert.InRange(_loads.Count, queues.Length, queues.Length * 6);
    }

    private void PublishSixSegments()
    {
        for (int i = 0; i < 6 * PerSegment; i++)
            _broker.Publish("cold", $"cold {i} {Filler}", new ContentHeaderBuilder().Expiration(60_000).Build());
    }
}
