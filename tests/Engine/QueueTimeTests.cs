using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>What happens at a time: rules T1 to T3, O5 and Q4.</summary>
public sealed class QueueTimeTests : IDisposable
{
    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    private static ReadOnlySpan<byte> Expires(long ms) => new ContentHeaderBuilder().Expiration(ms).Build();

    [Fact]
    public void ShouldExpireAtTheExactTimeWhereverAMessageStands()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-message-ttl", 60_000));
        _broker.Publish("q", "m1");
        _broker.Publish("q", "m2", Expires(10_000));
        _broker.Publish("q", "m3", Expires(100_000));
        _broker.Advance(9_000);
        Assert.Equal(3, _broker.Queue("q").ReadyCount);
        _broker.Advance(1_000);
        Assert.Equal(2, _broker.Queue("q").ReadyCount);
        _broker.Restart();
        Assert.Equal(["m1", "m3"], _broker.Take("q", 2));
        _broker.Leave("q");
        _broker.Advance(50_000);
        Assert.Equal(0, _broker.Queue("q").Count);
        _broker.Restart();
        Assert.Equal(0, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldNotExpireAnUnsettledMessageUntilItComesBack()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-message-ttl", 1000).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Publish("q", "m1");
        _broker.Take("q");
        _broker.Advance(5000);
        Assert.Equal(1, _broker.Queue("q").UnsettledCount);
        _broker.Settle("q", 1, Core.Engine.SettleKind.Requeue);
        Assert.Equal(0, _broker.Queue("q").Count);
        Assert.Equal(["m1"], _broker.Drain("dead"));
    }

    [Fact]
    public void ShouldDeliverWithNoTimeToLiveOnlyInTheBatchInWhichItComes()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-message-ttl", 0));
        _broker.Publish("q", "lost");
        Assert.Equal(0, _broker.Queue("q").Count);
        Assert.Empty(_broker.Take("q", 10));
        _broker.Publish("q", "seen");
        Assert.Equal(["seen"], _broker.Engine.Bodies());
    }

    [Fact]
    public void ShouldHoldScheduledMessagesUntilTheyAreDueInTheOrderOfTheirTimes()
    {
        _broker.Declare("q");
        _broker.Publish("q", "second", Delay(2000));
        _broker.Publish("q", "first", Delay(1000));
        _broker.Publish("q", "also second", At(_broker.Engine.NowNs / 1_000_000 + 60_000));
        _broker.Publish("q", "now");
        Assert.Equal(4, _broker.Queue("q").Count);
        Assert.Equal(["now"], _broker.Take("q"));
        _broker.Engine.Events.Clear();
        _broker.Advance(1000);
        Assert.Equal(["first"], _broker.Engine.Bodies());
        Assert.Equal(2ul, _broker.Engine.Single<DeliverEvent>(EventType.Deliver).QueueSequence);
        _broker.Settle("q", 2);
        _broker.Restart();
        _broker.Advance(60_000);
        Assert.Equal(["second", "also second"], _broker.Take("q"));
        Assert.Equal([3, 4], _broker.Engine.All<DeliverEvent>(EventType.Deliver).Select(d => (int)d.QueueSequence));
    }

    [Fact]
    public void ShouldDeliverInTheBatchInWhichItComesWhatMayNotWait()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-message-ttl", 0));
        _broker.Declare("first", QueueHarness.Arguments.Add("x-message-ttl", 1000).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "q"));
        Assert.Empty(_broker.Take("q"));
        _broker.Publish("q", "scheduled", Delay(1500)); // So that the queue has a turn of its own, after that of the other.
        _broker.Publish("first", "expired");
        _broker.Engine.Events.Clear();
        _broker.Advance(1501);
        Assert.Equal(["expired", "scheduled"], _broker.Engine.Bodies().Order());
    }

    [Fact]
    public void ShouldRefuseATimeTooFarAhead()
    {
        _broker.Declare("q");
        Assert.Equal(ErrorCode.PreconditionFailed, _broker.Rejected("q", "m", Delay(11L * 365 * 24 * 3600 * 1000)));
        Assert.Equal(0, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldCountTimeToLiveFromTheDueTime()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-message-ttl", 1000));
        _broker.Publish("q", "m", Delay(5000));
        _broker.Advance(5500);
        Assert.Equal(1, _broker.Queue("q").ReadyCount);
        _broker.Restart();
        Assert.Equal(1, _broker.Queue("q").ReadyCount);
        _broker.Advance(500);
        Assert.Equal(0, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldWaitLongerWithEachReturn()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-redelivery-delay", 1000).Add("x-redelivery-delay-max", 3000));
        _broker.Publish("q", "m1");
        _broker.Publish("q", "m2");
        Assert.Equal(["m1", "m2"], _broker.Take("q"));
        ulong tag = 1;
        foreach (int wait in (int[])[1000, 2000, 3000, 3000])
        {
            _broker.Engine.Events.Clear();
            _broker.Settle("q", tag, Core.Engine.SettleKind.Requeue, tag);
            Assert.Equal(1, _broker.Queue("q").DelayedCount);
            _broker.Advance(wait - 100);
            Assert.Empty(_broker.Engine.Bodies());
            _broker.Advance(100);
            Assert.Equal(["m1"], _broker.Engine.Bodies());
            tag = _broker.Engine.Single<DeliverEvent>(EventType.Deliver).Tag;
        }
    }

    [Fact]
    public void ShouldEndABackOffThoughWhatExpiresWaitsForTheNextSegment()
    {
        const int Length = 200_000;
        _broker.Declare("dead");
        _broker.Declare("expiring", QueueHarness.Arguments.Add("x-message-ttl", 900).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Declare("backoff", QueueHarness.Arguments.Add("x-redelivery-delay", 1000));
        _broker.Declare("filler");
        _broker.Publish("backoff", "m1");
        Assert.Equal(["m1"], _broker.Take("backoff", 1));
        _broker.Settle("backoff", 1, Core.Engine.SettleKind.Requeue);
        _broker.Publish("expiring", new string('x', Length));
        _broker.Engine.Prepares = false;
        Core.Journal.RecordLog log = _broker.Engine.Core.Journal!.Log;
        while (log.CheckAppend(Length, reserved: false) != Core.Journal.AppendStatus.NotReady)
            _broker.Publish("filler", new string('x', Length / 4));
        _broker.Advance(1000);
        Assert.Equal((1, 0), (_broker.Queue("expiring").Count, _broker.Queue("dead").Count));
        Assert.Equal((0, 1), (_broker.Queue("backoff").DelayedCount, _broker.Queue("backoff").ReadyCount));
        _broker.Engine.Prepares = true;
        _broker.Engine.Run();
        Assert.Equal((0, 1), (_broker.Queue("expiring").Count, _broker.Queue("dead").Count));
    }

    [Fact]
    public void ShouldNotEndABackOffEarlyForAMessageThatWasReplaced()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-redelivery-delay", 1000).Add("x-last-value-key", ""));
        _broker.Publish("q", "m1");
        Assert.Equal(["m1"], _broker.Take("q"));
        _broker.Settle("q", 1, Core.Engine.SettleKind.Requeue, 1);
        _broker.Advance(500);
        _broker.Engine.Events.Clear();
        _broker.Publish("q", "m2"); // Takes the place of the one in its back-off, and is ready.
        Assert.Equal(["m2"], _broker.Engine.Bodies());
        _broker.Settle("q", 2, Core.Engine.SettleKind.Requeue, 2);
        _broker.Engine.Events.Clear();
        _broker.Advance(600);
        Assert.Equal(1, _broker.Queue("q").DelayedCount);
        _broker.Advance(400);
        Assert.Equal(["m2"], _broker.Engine.Bodies());
        _broker.Restart(sameHash: false);
    }

    [Fact]
    public void ShouldKeepBackOffsOverARestart()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-redelivery-delay", 10_000));
        _broker.Publish("q", "m1");
        _broker.Publish("q", "m2");
        _broker.Take("q");
        _broker.Settle("q", 1, Core.Engine.SettleKind.Requeue, 1);
        _broker.Settle("q", 2, Core.Engine.SettleKind.Ack, 2);
        _broker.Restart();
        Assert.Empty(_broker.Take("q"));
        _broker.Engine.Events.Clear();
        _broker.Advance(10_000);
        Assert.Equal(["m1"], _broker.Engine.Bodies());
        _broker.Restart(sameHash: false);
        Assert.Equal(["m1"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldDeleteAQueueThatNobodyUses()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-expires", 10_000));
        _broker.Advance(9_000);
        _broker.Declare("q", QueueHarness.Arguments.Add("x-expires", 10_000));
        _broker.Advance(9_000);
        _broker.Take("q");
        _broker.Advance(20_000);
        Assert.True(_broker.Has("q"));
        _broker.Leave("q");
        _broker.Advance(9_000);
        _broker.Restart();
        _broker.Advance(9_000);
        Assert.True(_broker.Has("q"));
        _broker.Advance(1_000);
        Assert.False(_broker.Has("q"));
        _broker.Restart();
        Assert.False(_broker.Has("q"));
    }

    [Fact]
    public void ShouldDeadLetterOnlyOnceWhatReplacedMessagesOfTheSameTime()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-last-value-key", "").Add("x-message-ttl", 1000).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Publish("q", "m1");
        _broker.Drain("q");
        long now = _broker.Engine.NowNs;
        for (ulong i = 2; i <= 4; i++)
            _broker.Engine.Send(CommandType.Publish, new PublishCommand { Session = _broker.Session, Publication = 1, Sequence = i, BodyLength = 2, ReceivedNs = now }, Encoding.UTF8.GetBytes($"m{i}"));
        _broker.Engine.Run();
        _broker.Advance(1000);
        Assert.Equal(["m4"], _broker.Drain("dead"));
    }

    [Fact]
    public void ShouldReplayDecisionsWhoseMessagesAreGone()
    {
        // Segments of 1 MiB: the records of what was replaced, expired or became due are retired, those that tell of it are not.
        _broker.Declare("values", QueueHarness.Arguments.Add("x-last-value-key", ""));
        _broker.Declare("keyed", QueueHarness.Arguments.Add("x-last-value-key", "x-delay").Add("x-message-ttl", 40_000));
        _broker.Declare("flow");
        string filler = new('f', 30_000);
        for (int i = 0; i < 160; i++)
        {
            _broker.Publish("flow", filler);
            _broker.Drain("flow");
            _broker.Publish("values", $"v{i}");
            _broker.Publish("keyed", $"k{i}", Delay(1000 * (1 + i % 7)));
            if (i % 10 == 0)
                _broker.Advance(3000);
            if (i % 40 == 39)
                _broker.Restart();
        }
        Assert.True(_broker.Engine.Core.Journal!.Log.OldestIndex > 1);
        Assert.Equal(1, _broker.Queue("values").Count);
        Assert.Equal(["v159"], _broker.Drain("values"));
        _broker.Advance(60_000);
        Assert.Equal(0, _broker.Queue("keyed").Count);
        _broker.Restart();
        Assert.Equal(0, _broker.Queue("keyed").Count);
    }

    [Fact]
    public void ShouldPurgeWhatIsReadyAndScheduled()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-redelivery-delay", 10_000));
        foreach (string body in (string[])["delayed", "unsettled", "ready", "ready too"])
            _broker.Publish("q", body);
        _broker.Publish("q", "scheduled", Delay(1000));
        _broker.Take("q", 2);
        _broker.Settle("q", 1, Core.Engine.SettleKind.Requeue, 1);
        _broker.Engine.Send(CommandType.PurgeQueue, new RequestCommand { Session = _broker.Session, Request = _broker.Engine.NextRequest() }, EngineHarness.Text("q"));
        _broker.Engine.Run();
        Assert.Equal(3ul, _broker.Engine.All<DoneEvent>(EventType.Done)[^1].Count);
        Assert.Equal((0, 1, 1, 0), (_broker.Queue("q").ReadyCount, _broker.Queue("q").UnsettledCount, _broker.Queue("q").DelayedCount, _broker.Queue("q").ScheduledCount));
        _broker.Restart(sameHash: false);
        _broker.Advance(20_000);
        Assert.Equal(["delayed", "unsettled"], _broker.Drain("q"));
    }

    private static byte[] Delay(long ms)
    {
        var builder = new ContentHeaderBuilder();
        builder.Headers.Add("x-delay", ms);
        return builder.Build().ToArray();
    }

    private static byte[] At(long ms)
    {
        var builder = new ContentHeaderBuilder();
        builder.Headers.Add("x-deliver-at", ms);
        return builder.Build().ToArray();
    }
}
