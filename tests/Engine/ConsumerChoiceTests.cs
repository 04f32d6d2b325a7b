using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Who of a queue's subscriptions gets a message: rules C2 and C5 to C7 of docs/model.md.</summary>
public sealed class ConsumerChoiceTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly EngineHarness _engine;
    private readonly int _session;
    private ulong _sequence;

    public ConsumerChoiceTests()
    {
        _engine = new EngineHarness(_disk);
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
    public void ShouldServeAConsumerOfHigherPriorityFirstAndOthersWhenItCannot()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 10, CreditBytes = ulong.MaxValue, Priority = -1 });
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 2, CreditBytes = ulong.MaxValue, Priority = 5 });
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 10, CreditBytes = ulong.MaxValue, MaxUnacked = 1 });
        Publish("a", "b", "c", "d", "e");
        Assert.Equal([(2u, "a"), (2u, "b"), (3u, "c"), (1u, "d"), (1u, "e")], _engine.Deliveries());
    }

    [Fact]
    public void ShouldTakeTurnsAmongConsumersOfOnePriority()
    {
        for (int i = 0; i < 3; i++)
            _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 100, CreditBytes = ulong.MaxValue, Priority = 7 });
        Publish([.. Enumerable.Range(0, 30).Select(i => $"{i}")]);
        Assert.All(_engine.Deliveries().GroupBy(d => d.Subscription), group => Assert.Equal(10, group.Count()));
    }

    [Fact]
    public void ShouldKeepToTheUnsettledLimitOfASubscription()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { CreditMessages = 100, CreditBytes = ulong.MaxValue, MaxUnacked = 3 });
        Publish([.. Enumerable.Range(0, 10).Select(i => $"{i}")]);
        Assert.Equal(3, _engine.Bodies().Length);
        _engine.Settle(_session, 1, 1, 2);
        _engine.Run();
        Assert.Equal(5, _engine.Bodies().Length);
    }

    [Fact]
    public void ShouldKeepToTheUnsettledLimitOfASessionAcrossItsSubscriptions()
    {
        _engine.DeclareQueue(_session, "r");
        _engine.OpenPublication(_session, "r", DurabilityLevel.Process);
        _engine.Request(CommandType.SetMaxUnacked, _session, 3);
        _engine.Subscribe(_session, "q", 100);
        _engine.Subscribe(_session, "r", 100);
        _engine.Run();
        Publish("a", "b", "c", "d");
        _engine.Publish(_session, 2, 1, "r1");
        _engine.Run();
        Assert.Equal(["a", "b", "c"], _engine.Bodies());
        // What one subscription settles makes room for the others of the session.
        _engine.Settle(_session, 1, 1, 2);
        _engine.Run();
        Assert.Equal(["d", "r1"], _engine.Bodies()[3..].Order());
        _engine.Request(CommandType.SetMaxUnacked, _session, 0);
        Publish("e", "f");
        Assert.Equal(["e", "f"], _engine.Bodies()[5..]);
    }

    [Fact]
    public void ShouldRefuseASecondSubscriptionBesideAnExclusiveOne()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.Exclusive });
        uint second = _engine.Subscribe(_session, "q", 1);
        _engine.Run();
        AssertFailed(second, ErrorCode.AccessRefused);
        _engine.Unsubscribe(_session, 1);
        _engine.Subscribe(_session, "q", 1);
        uint exclusive = _engine.Subscribe(_session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.Exclusive });
        _engine.Run();
        AssertFailed(exclusive, ErrorCode.AccessRefused);
        Assert.Equal(2, _engine.All<SubscribedEvent>(EventType.Subscribed).Length);
    }

    [Fact]
    public void ShouldGiveEverythingToTheSingleActiveConsumerAndHandOverWhenItGoes()
    {
        DeclareSingleActive();
        _engine.Subscribe(_session, "s", 10);
        _engine.Subscribe(_session, "s", 10);
        uint refused = _engine.Subscribe(_session, "s", new SubscribeCommand { Flags = (uint)SubscribeFlags.Exclusive });
        _engine.Run();
        AssertFailed(refused, ErrorCode.AccessRefused);
        Assert.Equal([(1u, 1u), (2u, 0u)], Changes());
        PublishSingle("a", "b");
        Assert.Equal([(1u, "a"), (1u, "b")], _engine.Deliveries());

        _engine.Unsubscribe(_session, 1);
        _engine.Run();
        Assert.Equal((2u, 1u), Changes()[^1]);
        Assert.Equal([(2u, "a"), (2u, "b")], _engine.Deliveries()[2..]);
    }

    [Fact]
    public void ShouldHandOverOnlyWhenWhatTheFormerActiveConsumerKeptIsSettled()
    {
        DeclareSingleActive();
        _engine.Subscribe(_session, "s", 10);
        _engine.Subscribe(_session, "s", 10);
        _engine.Run();
        PublishSingle("a", "b");
        _engine.Unsubscribe(_session, 1, UnsubscribeFlags.KeepUnsettled);
        PublishSingle("c");
        Assert.Equal(2, _engine.Deliveries().Length);
        _engine.Settle(_session, 1, 1, 1);
        _engine.Run();
        Assert.Equal(2, _engine.Deliveries().Length);
        _engine.Settle(_session, 1, 2, 2, SettleKind.Requeue);
        _engine.Run();
        Assert.Equal([(2u, "b"), (2u, "c")], _engine.Deliveries()[2..]);
        Assert.Equal([(1u, 1u), (2u, 0u), (2u, 1u)], Changes());
    }

    [Fact]
    public void ShouldMakeAConsumerOfHigherPriorityTheActiveOneOnceTheOtherHasSettled()
    {
        DeclareSingleActive();
        _engine.Subscribe(_session, "s", 10);
        _engine.Run();
        PublishSingle("a");
        _engine.Subscribe(_session, "s", new SubscribeCommand { CreditMessages = 10, CreditBytes = ulong.MaxValue, Priority = 1 });
        PublishSingle("b");
        Assert.Equal([(1u, "a")], _engine.Deliveries());
        _engine.Settle(_session, 1, 1, 1);
        _engine.Run();
        Assert.Equal([(1u, "a"), (2u, "b")], _engine.Deliveries());
        Assert.Equal([(1u, 1u), (1u, 0u), (2u, 0u), (2u, 1u)], Changes());
    }

    private void DeclareSingleActive()
    {
        var arguments = new FieldTableWriter();
        arguments.Add("x-single-active-consumer", true);
        _engine.DeclareQueue(_session, "s", QueueFlags.Durable, arguments);
        _engine.OpenPublication(_session, "s", DurabilityLevel.Process);
        _engine.Run();
    }

    private (uint Subscription, uint IsActive)[] Changes() =>
        [.. _engine.All<SubscriptionActiveEvent>(EventType.SubscriptionActive).Select(e => (e.Subscription, e.IsActive))];

    private void Publish(params string[] bodies)
    {
        foreach (string body in bodies)
            _engine.Publish(_session, 1, ++_sequence, body);
        _engine.Run();
    }

    private ulong _singleSequence;

    private void PublishSingle(params string[] bodies)
    {
        foreach (string body in bodies)
            _engine.Publish(_session, 2, ++_singleSequence, body);
        _engine.Run();
    }

    private void AssertFailed(uint request, ErrorCode code) =>
        Assert.Contains(_engine.All<FailedEvent>(EventType.Failed), failed => failed.Request == request && failed.Code == (ushort)code);
}
