using LowLatency.Core.Engine;
using LowLatency.Core.Queues;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>No-ack, keep-unsettled, recover, the end of a queue: rules C3, C4, C11 to C13 and C15 of docs/model.md.</summary>
public sealed class SubscriptionLifeTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private EngineHarness _engine;
    private int _session;
    private ulong _sequence;

    public SubscriptionLifeTests()
    {
        _engine = new EngineHarness(_disk, new BrokerLimits { MaxBodyLength = 150_000 });
        _session = _engine.OpenSession();
        _engine.DeclareQueue(_session, "q");
        _engine.OpenPublication(_session, "q", DurabilityLevel.Process);
        _engine.Run();
    }

    public void Dispose()
    {
        _engine.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public void ShouldSettleWithTheDeliveryWithoutAcks()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 10, CreditBytes = ulong.MaxValue, Flags = (uint)SubscribeFlags.NoAck });
        Publish("a", "b", "c");
        Assert.Equal(["a", "b", "c"], _engine.Bodies());
        Assert.Equal([1ul, 2, 3], _engine.All<DeliverEvent>(EventType.Deliver).Select(e => e.Tag));
        Assert.Equal(0, Queue.Count);
        _engine.Settle(_session, 1, 1, 1);
        _engine.Run();
        Assert.Equal((ushort)ErrorCode.UnknownDeliveryTag, _engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
    }

    [Fact]
    public void ShouldNotDeliverAgainAfterARestartWhatWasDeliveredWithoutAcks()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 2, CreditBytes = ulong.MaxValue, Flags = (uint)SubscribeFlags.NoAck });
        Publish("a", "b", "c");
        Restart();
        _engine.Subscribe(_session, "q", 10);
        _engine.Run();
        Assert.Equal(["c"], _engine.Bodies());
        Assert.Equal(0, _engine.Single<DeliverEvent>(EventType.Deliver).Flags & DeliverEvent.RedeliveredFlag);
    }

    [Fact]
    public void ShouldKeepTheBytesOfAnUnsettledDeliveryUntilItsEventIsTaken()
    {
        _engine.DeclareQueue(_session, "t", durable: false);
        _engine.OpenPublication(_session, "t", DurabilityLevel.Memory);
        _engine.Subscribe(_session, "t", new SubscribeCommand { CreditMessages = 1000, CreditBytes = ulong.MaxValue, Flags = (uint)SubscribeFlags.NoAck });
        _engine.Run();
        _engine.Polls = false;
        string body = new('x', 100_000);
        for (ulong i = 1; i <= 60; i++) // More than a segment of memory.
        {
            _engine.Publish(_session, 2, i, $"{i} {body}");
            _engine.Step();
        }
        BrokerQueue memory = _engine.Core.Engine.Topology.QueuesById()[^1];
        Assert.Equal((0, 0), (memory.ReadyCount, memory.UnsettledCount));
        _engine.Polls = true;
        _engine.Run();
        Assert.Equal(Enumerable.Range(1, 60).Select(i => $"{i} {body}"), _engine.Bodies());
        Assert.Equal(60, _engine.Port.Passing.Count);
        Publish("next");
        Assert.Equal(0, _engine.Port.Passing.Count);
    }

    [Fact]
    public void ShouldKeepWhatIsUnsettledUnderTheHandleUntilItIsSettled()
    {
        _engine.Subscribe(_session, "q", 10);
        Publish("a", "b", "c");
        uint request = _engine.Unsubscribe(_session, 1, UnsubscribeFlags.KeepUnsettled);
        Publish("d");
        Assert.Equal(request, _engine.Single<DoneEvent>(EventType.Done).Request);
        Assert.Equal(3, _engine.Bodies().Length);
        Assert.Equal(3, Queue.UnsettledCount);

        _engine.Subscribe(_session, "q", 10); // The handle is taken still.
        _engine.Run();
        Assert.Equal(2u, _engine.All<SubscribedEvent>(EventType.Subscribed)[^1].Subscription);
        Assert.Equal((2u, "d"), _engine.Deliveries()[^1]);
        _engine.Settle(_session, 1, 1, 2);
        _engine.Settle(_session, 1, 3, 3, SettleKind.Requeue);
        _engine.Run();
        Assert.Equal((2u, "c"), _engine.Deliveries()[^1]);
        _engine.Subscribe(_session, "q", 10);
        _engine.Run();
        Assert.Equal(1u, _engine.All<SubscribedEvent>(EventType.Subscribed)[^1].Subscription);
    }

    [Fact]
    public void ShouldReturnWhatWasKeptWhenTheSessionEnds()
    {
        int other = _engine.OpenSession();
        _engine.Subscribe(other, "q", 10);
        Publish("a", "b");
        _engine.Unsubscribe(other, 1, UnsubscribeFlags.KeepUnsettled);
        _engine.CloseSession(other);
        _engine.Run();
        Assert.Equal(2, Queue.ReadyCount);
        Assert.Equal(0, Queue.UnsettledCount);
    }

    [Fact]
    public void ShouldReturnAllUnsettledMessagesOfASessionThatRecovers()
    {
        _engine.DeclareQueue(_session, "r");
        _engine.OpenPublication(_session, "r", DurabilityLevel.Process);
        _engine.Subscribe(_session, "q", 2);
        _engine.Subscribe(_session, "r", 1);
        _engine.Run();
        _engine.Publish(_session, 2, 1, "x");
        Publish("a", "b", "c");
        int other = _engine.OpenSession();
        _engine.Subscribe(other, "q", 1);
        _engine.Run();
        _engine.Events.Clear();
        _engine.Request(CommandType.Recover, _session);
        _engine.Run();
        Assert.Equal(3ul, _engine.Single<DoneEvent>(EventType.Done).Count);
        Assert.Equal(2, Queue.ReadyCount);
        Assert.Equal(1, Queue.UnsettledCount);
        _engine.Credit(_session, 1, 2);
        _engine.Run();
        Assert.Equal(["a", "b"], _engine.Bodies());
        Assert.All(_engine.All<DeliverEvent>(EventType.Deliver), e => Assert.Equal((1, 1), (e.DeliveryCount, e.Flags & DeliverEvent.RedeliveredFlag)));
    }

    [Fact]
    public void ShouldTellASubscriptionThatItsQueueIsGoneAndForgetWhatWasKept()
    {
        _engine.Subscribe(_session, "q", 2);
        _engine.Subscribe(_session, "q", 2);
        Publish("a", "b");
        _engine.Unsubscribe(_session, 2, UnsubscribeFlags.KeepUnsettled);
        _engine.Request(CommandType.SetMaxUnacked, _session, 2);
        _engine.DeclareQueue(_session, "r");
        _engine.OpenPublication(_session, "r", DurabilityLevel.Process);
        _engine.Subscribe(_session, "r", 5);
        _engine.Run();
        _engine.Publish(_session, 2, 1, "x");
        _engine.Run();
        Assert.Equal(2, _engine.Bodies().Length);
        _engine.Request(CommandType.DeleteQueue, _session, 0, "q");
        _engine.Run();
        SubscriptionEndedEvent ended = _engine.Single<SubscriptionEndedEvent>(EventType.SubscriptionEnded);
        Assert.Equal((1u, (ushort)ErrorCode.NotFound), (ended.Handle, ended.Code));
        Assert.Equal("x", _engine.Bodies()[^1]); // What went with the queue counts no more.
        _engine.Subscribe(_session, "r", 5);
        _engine.Run();
        Assert.Equal(2u, _engine.All<SubscribedEvent>(EventType.Subscribed)[^1].Subscription);
    }

    [Fact]
    public void ShouldGiveEachQueueItsTurnBesideALargeOne()
    {
        _engine.DeclareQueue(_session, "r");
        _engine.OpenPublication(_session, "r", DurabilityLevel.Process);
        _engine.Run();
        Publish([.. Enumerable.Repeat("m", 3000)]);
        _engine.Publish(_session, 2, 1, "small");
        _engine.Run();
        _engine.Polls = false;
        _engine.Subscribe(_session, "q", 5000);
        _engine.Subscribe(_session, "r", 1);
        _engine.Step();
        _engine.Polls = true;
        _engine.Step();
        Assert.Contains("small", _engine.Bodies()[..Math.Min(1025, _engine.Bodies().Length)]);
        _engine.Run();
        Assert.Equal(3001, _engine.Bodies().Length);
    }

    [Fact]
    public void ShouldCarryTheSequenceOfTheQueueInEachDelivery()
    {
        _engine.Subscribe(_session, "q", 10);
        Publish("a", "b");
        _engine.Settle(_session, 1, 1, 1, SettleKind.Requeue);
        _engine.Run();
        Assert.Equal([1ul, 2, 1], _engine.All<DeliverEvent>(EventType.Deliver).Select(e => e.QueueSequence));
    }

    [Fact]
    public void ShouldNameTheConsumerWithMostUnsettledMessagesAsTheSlowest()
    {
        Assert.Equal("it has no consumer", Queue.Consumers.DescribeSlowest(0));
        _engine.Subscribe(_session, "q", 1);
        _engine.Subscribe(_session, "q", 3);
        Publish("a", "b", "c", "d");
        long now = Queue.Consumers.All[1].LastTakenNs + 5_000_000_000;
        Assert.Equal(
            "its slowest consumer is subscription 2 of client 'test' with 3 messages unsettled, which has taken nothing for 5 s",
            Queue.Consumers.DescribeSlowest(now));
    }

    private BrokerQueue Queue
    {
        get
        {
            Assert.True(_engine.Core.Engine.Topology.Default.TryGetQueue("q"u8, out BrokerQueue? queue));
            return queue;
        }
    }

    private void Restart()
    {
        _engine.Kill();
        _disk.Kill();
        _engine = new EngineHarness(_disk);
        _session = _engine.OpenSession();
        _engine.Run();
    }

    private void Publish(params string[] bodies)
    {
        foreach (string body in bodies)
            _engine.Publish(_session, 1, ++_sequence, body);
        _engine.Run();
    }
}
