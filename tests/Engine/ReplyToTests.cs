using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Direct reply-to: rule C14 of docs/model.md.</summary>
public sealed class ReplyToTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly EngineHarness _engine;
    private readonly int _session;
    private readonly int _server;

    public ReplyToTests()
    {
        _engine = new EngineHarness(_disk, new BrokerLimits { DefaultReplyLength = 3, MaxQueues = 1 });
        _session = _engine.OpenSession();
        _server = _engine.OpenSession();
        _engine.OpenPublication(_server, "", DurabilityLevel.Process, window: 100);
        _engine.Run();
    }

    public void Dispose()
    {
        _engine.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public void ShouldBringReplyToWhoeverSubscribedWithoutAStoredMessage()
    {
        string address = SubscribeReplyTo();
        Assert.Matches("^amq\\.rabbitmq\\.reply-to\\.[A-Za-z0-9_-]{22}$", address);
        long tail = _engine.Core.Journal!.Log.Tail;
        Publish(1, address, "answer");
        Assert.Equal([(1u, "answer")], _engine.Deliveries());
        Assert.Equal((byte)DurabilityLevel.Memory, _engine.Single<ConfirmEvent>(EventType.Confirm).Level);
        Assert.Equal(tail, _engine.Core.Journal.Log.Tail);
        Assert.Equal(0, _engine.Core.Engine.Topology.QueueCount);
    }

    [Fact]
    public void ShouldBoundTheReplies()
    {
        string address = SubscribeReplyTo(credit: 0);
        for (ulong i = 1; i <= 4; i++)
            Publish(i, address, $"{i}");
        Assert.Equal((4ul, (ushort)ErrorCode.QueueFull), (_engine.Single<RejectedEvent>(EventType.Rejected).Sequence, _engine.Single<RejectedEvent>(EventType.Rejected).Code));
        _engine.Credit(_session, 1, 10);
        _engine.Run();
        Assert.Equal(["1", "2", "3"], _engine.Bodies());
    }

    [Fact]
    public void ShouldEndTheAddressWithItsSubscriptionAndMakeAnotherOne()
    {
        string first = SubscribeReplyTo();
        _engine.Unsubscribe(_session, 1);
        _engine.Run();
        string second = SubscribeReplyTo();
        Assert.NotEqual(first, second);
        Publish(1, first, "late");
        Assert.Equal((ushort)ErrorCode.NoRoute, _engine.Single<RejectedEvent>(EventType.Rejected).Code);
        _engine.CloseSession(_session);
        _engine.Run();
        Publish(2, second, "later");
        Assert.Equal(2, _engine.All<RejectedEvent>(EventType.Rejected).Length);
        Assert.Empty(_engine.Core.Engine.Topology.QueuesById());
    }

    [Fact]
    public void ShouldRefuseAllOtherUseOfAnAddress()
    {
        string address = SubscribeReplyTo();
        uint[] requests =
        [
            _engine.DeclareQueue(_server, address, durable: false),
            _engine.DeclareQueue(_server, address, durable: false, passive: true),
            _engine.Subscribe(_server, address, 1),
            _engine.Request(CommandType.DeleteQueue, _server, 0, address),
            _engine.Send(CommandType.Bind, new RequestCommand { Session = _server, Request = _engine.NextRequest() }, [.. EngineHarness.Text("amq.fanout"), .. EngineHarness.Text(address), 0, 0, 0]),
        ];
        _engine.Run();
        Assert.Equal(requests.Select(request => (request, (ushort)ErrorCode.AccessRefused)), _engine.All<FailedEvent>(EventType.Failed).Select(e => (e.Request, e.Code)));
    }

    [Fact]
    public void ShouldAskForNoAckAndForOneAddressOnly()
    {
        SubscribeReplyTo();
        uint second = _engine.Subscribe(_session, "amq.rabbitmq.reply-to", new SubscribeCommand { Flags = (uint)SubscribeFlags.NoAck });
        uint withAck = _engine.Subscribe(_server, "amq.rabbitmq.reply-to", 1);
        _engine.Run();
        Assert.Equal(
            [(second, (ushort)ErrorCode.PreconditionFailed), (withAck, (ushort)ErrorCode.PreconditionFailed)],
            _engine.All<FailedEvent>(EventType.Failed).Select(e => (e.Request, e.Code)));
    }

    private string SubscribeReplyTo(uint credit = 10)
    {
        uint request = _engine.Subscribe(_session, "amq.rabbitmq.reply-to", new SubscribeCommand { Flags = (uint)SubscribeFlags.NoAck, CreditMessages = credit, CreditBytes = ulong.MaxValue });
        _engine.Run();
        EngineHarness.Event answer = Assert.Single(_engine.Events, e => e.Type == EventType.Subscribed && e.Read<SubscribedEvent>().Request == request);
        return Encoding.UTF8.GetString(answer.Bytes[17..]);
    }

    private void Publish(ulong sequence, string address, string body)
    {
        _engine.Publish(_server, 1, sequence, body, address);
        _engine.Run();
    }
}
