using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Bounds and what happens at them: rules L1 to L6.</summary>
public sealed class QueueBoundsTests : IDisposable
{
    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    [Fact]
    public void ShouldRememberOnlyThoseWhoStillWaitForRoom()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "reject-publish"));
        _broker.Publish("q", "fills it");
        for (int i = 0; i < 5; i++)
        {
            int session = _broker.Engine.OpenSession();
            _broker.Engine.OpenPublication(session, "q", DurabilityLevel.Process);
            _broker.Engine.Run();
            _broker.Engine.Publish(session, 1, 1, "no room");
            _broker.Engine.Run();
            Assert.Single(_broker.Queue("q").Waiting);
            _broker.Engine.CloseSession(session);
            _broker.Engine.Run();
        }
    }

    [Fact]
    public void ShouldCountMessagesAndPayloadBytesUnsettledOnesToo()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 3).Add("x-max-length-bytes", 20));
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", "123456789")); // Key of 1 byte and body: 10.
        Assert.Equal(["123456789"], _broker.Take("q", 1));
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", "123456789"));
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", ""));
        Assert.Equal(20, _broker.Queue("q").Bytes);
        _broker.Settle("q", 1);
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", ""));
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", ""));
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", ""));
    }

    [Fact]
    public void ShouldTakeAMessageLargerThanTheBoundIntoAnEmptyQueueOnly()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length-bytes", 5));
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", "larger than that"));
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", ""));
        Assert.Equal(["larger than that"], _broker.Drain("q"));
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", ""));
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "larger than that"));
    }

    [Fact]
    public void ShouldNameQueueLimitAndSlowestConsumerWhenItRejects()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1));
        _broker.Publish("q", "m1");
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "m2"));
        Assert.Contains("Queue 'q' holds 1 messages, its limit is 1: it has no consumer", Sentence(), StringComparison.Ordinal);
        _broker.Take("q", 1);
        _broker.Advance(7000);
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "m3"));
        Assert.Contains("with 1 messages unsettled, which has taken nothing for 7 s", Sentence(), StringComparison.Ordinal);
        _broker.Settle("q", 1);
        _broker.Engine.Single<PublicationReadyEvent>(EventType.PublicationReady);
    }

    [Fact]
    public void ShouldDropFromTheHeadAndDeadLetterWhatItDrops()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 2).Add("x-overflow", "drop-head").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        for (int i = 1; i <= 5; i++)
            _broker.Publish("q", $"m{i}");
        Assert.Equal(2, _broker.Queue("q").Count);
        _broker.Restart();
        Assert.Equal(["m4", "m5"], _broker.Drain("q"));
        Assert.Equal(["m1", "m2", "m3"], _broker.Drain("dead"));
    }

    [Fact]
    public void ShouldDropTheLowestPriorityFirstTheNewOneItselfToo()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 2).Add("x-overflow", "drop-head").Add("x-max-priority", 9));
        _broker.Publish("q", "high", new ContentHeaderBuilder().Priority(5).Build());
        _broker.Publish("q", "low", new ContentHeaderBuilder().Priority(1).Build());
        _broker.Publish("q", "higher", new ContentHeaderBuilder().Priority(7).Build());
        _broker.Publish("q", "lowest", new ContentHeaderBuilder().Priority(0).Build());
        _broker.Restart();
        Assert.Equal(["higher", "high"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldStayAboveItsBoundWhereNothingIsReady()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "drop-head"));
        _broker.Publish("q", "m1");
        Assert.Equal(["m1"], _broker.Take("q", 1));
        _broker.Publish("q", "m2");
        Assert.Equal(1, _broker.Queue("q").Count); // The new one was the only one ready.
        _broker.Settle("q", 1, Core.Engine.SettleKind.Requeue);
        Assert.Equal(["m1"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldSendAMessageToTheDeadLetterExchangeInsteadAndTakeIt()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "dead-letter").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Publish("q", "m1");
        Assert.Equal(ErrorCode.None, _broker.Rejected("q", "m2"));
        Assert.Equal(2ul, _broker.Engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        _broker.Restart();
        Assert.Equal(["m1"], _broker.Drain("q"));
        Assert.Equal(["m2"], _broker.Drain("dead"));
    }

    [Fact]
    public void ShouldRejectWhereTheDeadLetterExchangeLeadsNowhere()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "dead-letter").Add("x-dead-letter-exchange", "none"));
        _broker.Publish("q", "m1");
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "m2"));
    }

    [Fact]
    public void ShouldRejectAMessageThatWouldGoRound()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "dead-letter").Add("x-dead-letter-exchange", ""));
        _broker.Publish("q", "m1");
        Assert.Equal(ErrorCode.DeadLetterCycle, _broker.Rejected("q", "m2"));
        Assert.Equal(1, _broker.Queue("q").Count);
    }

    [Fact]
    public void ShouldRejectAndDeadLetter()
    {
        _broker.Declare("dead");
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "reject-publish-dlx").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Publish("q", "m1");
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "m2"));
        Assert.Equal(["m2"], _broker.Drain("dead"));
        Assert.Equal(["m1"], _broker.Drain("q"));
    }

    [Fact]
    public void ShouldTakeAMessageThatGoesAtOnceFromMoreQueuesThanFitIntoAGroup()
    {
        string large = new('l', 100_000);
        string[] names = ["q1", "q2", "q3"];
        _broker.Engine.Exchange(_broker.Session, "all", ExchangeKind.Fanout);
        foreach (string name in names)
        {
            _broker.Declare($"dead {name}");
            _broker.Declare(name, QueueHarness.Arguments.Add("x-max-length", 0).Add("x-overflow", "drop-head").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", $"dead {name}"));
            _broker.Engine.Bind(_broker.Session, "all", name);
        }
        _broker.Engine.Events.Clear();
        _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Disk, exchange: "all");
        _broker.Engine.Run();
        _broker.Engine.Publish(_broker.Session, _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication, 1, large);
        _broker.Engine.Run();
        Assert.Equal(0, _broker.Engine.Events.Count(e => e.Type == EventType.Rejected));
        _broker.Restart();
        foreach (string name in names)
        {
            Assert.Equal([large], _broker.Take($"dead {name}"));
            Assert.Equal(0, _broker.Queue(name).Count);
        }
    }

    [Fact]
    public void ShouldHoldConfirmsBackWhileAQueueIsBeyondItsBound()
    {
        _broker.Level = DurabilityLevel.Memory;
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "block"));
        _broker.Publish("q", "m1");
        _broker.Publish("q", "m2");
        _broker.Publish("q", "m3");
        Assert.Equal(1ul, _broker.Engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        Assert.Equal(["m1", "m2", "m3"], _broker.Take("q"));
        _broker.Settle("q", 1);
        Assert.Empty(_broker.Engine.All<ConfirmEvent>(EventType.Confirm));
        _broker.Settle("q", 2);
        Assert.Equal(3ul, _broker.Engine.Single<ConfirmEvent>(EventType.Confirm).Sequence);
    }

    [Fact]
    public void ShouldRejectFarBeyondABlockingBound()
    {
        using var broker = new QueueHarness(new BrokerLimits { MaxWindow = 4 }) { Level = DurabilityLevel.Memory };
        broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 0).Add("x-overflow", "block"));
        for (int i = 0; i < 2; i++)
            Assert.Equal(ErrorCode.None, broker.Rejected("q", "m"));
        int other = broker.Engine.OpenSession();
        broker.Engine.Events.Clear();
        broker.Engine.OpenPublication(other, "q", DurabilityLevel.Memory);
        broker.Engine.Run();
        for (ulong i = 1; i <= 3; i++)
            broker.Engine.Publish(other, 1, i, "m");
        broker.Engine.Run();
        Assert.Equal(3ul, broker.Engine.Single<RejectedEvent>(EventType.Rejected).Sequence);
    }

    [Fact]
    public void ShouldTakeWhatTheBrokerMovesItselfBeyondTheBound()
    {
        _broker.Declare("dead", QueueHarness.Arguments.Add("x-max-length", 1));
        _broker.Declare("head", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "drop-head"));
        foreach (string target in (string[])["dead", "head"])
        {
            _broker.Declare("to-" + target, QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", target));
            _broker.Publish("to-" + target, "m1");
            _broker.Publish("to-" + target, "m2");
            _broker.Take("to-" + target);
            _broker.Settle("to-" + target, 2, Core.Engine.SettleKind.Reject);
        }
        _broker.Restart();
        Assert.Equal(["m1", "m2"], _broker.Drain("dead"));
        Assert.Equal(["m2"], _broker.Drain("head"));
    }

    [Fact]
    public void ShouldDropWhatBecomesReadyBeyondTheBound()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "drop-head"));
        var builder = new ContentHeaderBuilder();
        builder.Headers.Add("x-delay", 1000);
        byte[] later = builder.Build().ToArray();
        foreach (string body in (string[])["m1", "m2", "m3"])
            _broker.Publish("q", body, later);
        Assert.Equal(3, _broker.Queue("q").Count); // Nothing is ready that could go.
        _broker.Advance(1000);
        Assert.Equal(1, _broker.Queue("q").Count);
        Assert.Equal(["m3"], _broker.Take("q"));
        _broker.Publish("q", "m4", later);
        Assert.Equal(2, _broker.Queue("q").Count);
        _broker.Settle("q", 1, SettleKind.Requeue);
        Assert.Equal((0, 1), (_broker.Queue("q").ReadyCount, _broker.Queue("q").ScheduledCount));
        _broker.Restart();
    }

    [Fact]
    public void ShouldTellPublishersOfRoomThatASmallerMessageOfTheSameKeyMakes()
    {
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length-bytes", 20).Add("x-last-value-key", "k"));
        var builder = new ContentHeaderBuilder();
        builder.Headers.Add("k", 1);
        byte[] keyed = builder.Build().ToArray();
        _broker.Publish("q", new string('x', 100), keyed);
        Assert.Equal(ErrorCode.QueueFull, _broker.Rejected("q", "m"));
        _broker.Publish("q", "", keyed);
        _broker.Engine.Single<PublicationReadyEvent>(EventType.PublicationReady);
    }

    [Fact]
    public void ShouldNotPromiseMoreThanTheQueueThatGetsTheMessageInstead()
    {
        _broker.Declare("transient", durable: false);
        _broker.Declare("q", QueueHarness.Arguments.Add("x-max-length", 0).Add("x-overflow", "dead-letter").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "transient"));
        _broker.Publish("q", "m1");
        Assert.Equal(DurabilityLevel.Memory, (DurabilityLevel)_broker.Engine.Single<ConfirmEvent>(EventType.Confirm).Level);
        Assert.Equal(1, _broker.Queue("transient").Count);
        _broker.Restart();
    }

    private string Sentence()
    {
        byte[] bytes = _broker.Engine.Events.Last(e => e.Type == EventType.Rejected).Bytes;
        return Encoding.UTF8.GetString(bytes);
    }
}
