using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Each limit of <see cref="BrokerLimits"/> that the engine keeps: reached without complaint, and not passed.</summary>
public sealed class LimitTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("queues")]
    [InlineData("exchanges")]
    [InlineData("bindings")]
    [InlineData("publications")]
    [InlineData("subscriptions")]
    [InlineData("publishers")]
    public void ShouldRefuseOneMoreThanTheLimitAndTakeItAfterOneWent(string what)
    {
        var limits = new BrokerLimits
        {
            MaxQueues = 3,
            MaxExchanges = 3,
            MaxBindings = 3,
            MaxPublicationsPerSession = 3,
            MaxSubscriptionsPerSession = 3,
            MaxPublishers = what == "publishers" ? 3 : 100,
        };
        using var engine = new EngineHarness(_directory, limits with { MaxPublicationsPerSession = what == "publishers" ? 100 : 3 });
        int session = engine.OpenSession();
        if (what != "queues")
            engine.DeclareQueue(session, "q");
        if (what == "bindings")
            Add(engine, session, "exchanges", 1);
        engine.Run();
        engine.Events.Clear();

        for (int i = 1; i <= 3; i++)
            Add(engine, session, what, i);
        engine.Run();
        Assert.Equal(3, engine.Events.Count);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.Failed);
        uint refused = Add(engine, session, what, 4);
        engine.Run();
        FailedEvent failed = engine.Single<FailedEvent>(EventType.Failed);
        Assert.Equal((refused, ErrorCode.LimitReached), (failed.Request, (ErrorCode)failed.Code));

        Remove(engine, session, what);
        engine.Run();
        engine.Events.Clear();
        Add(engine, session, what, 4);
        engine.Run();
        Assert.Single(engine.Events);
        Assert.NotEqual(EventType.Failed, engine.Events[0].Type);
    }

    private static uint Add(EngineHarness engine, int session, string what, int number) => what switch
    {
        "queues" => engine.DeclareQueue(session, $"q{number}"),
        "exchanges" => engine.Send(
            CommandType.DeclareExchange, new DeclareExchangeCommand { Session = session, Request = engine.NextRequest(), Kind = 1, Flags = 1 }, [.. EngineHarness.Text($"x{number}"), 0, 0]),
        "bindings" => engine.Send(CommandType.Bind, new RequestCommand { Session = session, Request = engine.NextRequest() }, Binding(number)),
        "publications" => engine.OpenPublication(session, "q", DurabilityLevel.Process),
        "subscriptions" => engine.Subscribe(session, "q", 1),
        _ => engine.OpenPublication(session, "q", DurabilityLevel.Process, $"p{number}"),
    };

    private static void Remove(EngineHarness engine, int session, string what) => _ = what switch
    {
        "queues" => engine.Send(CommandType.DeleteQueue, new RequestCommand { Session = session, Request = engine.NextRequest() }, EngineHarness.Text("q1")),
        "exchanges" => engine.Send(CommandType.DeleteExchange, new RequestCommand { Session = session, Request = engine.NextRequest() }, EngineHarness.Text("x1")),
        "bindings" => engine.Send(CommandType.Unbind, new RequestCommand { Session = session, Request = engine.NextRequest() }, Binding(1)),
        "subscriptions" => engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = session, Request = engine.NextRequest(), Subscription = 1 }),
        _ => engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = session, Request = engine.NextRequest(), Publication = 1 }),
    };

    private static byte[] Binding(int number) => [.. EngineHarness.Text("x1"), .. EngineHarness.Text("q"), .. EngineHarness.Text($"k{number}"), 0, 0];

    [Fact]
    public void ShouldForgetThePublisherThatWasSilentLongest()
    {
        using (var engine = new EngineHarness(_directory, new BrokerLimits { MaxPublishers = 2 }))
        {
            int session = engine.OpenSession();
            engine.DeclareQueue(session, "q");
            engine.OpenPublication(session, "q", DurabilityLevel.Process, "a");
            engine.OpenPublication(session, "q", DurabilityLevel.Process, "b");
            engine.Run();
            engine.Publish(session, 2, 1, "b1");
            engine.Publish(session, 1, 1, "a1");
            engine.Run();
            engine.CloseSession(session);
            session = engine.OpenSession();
            engine.OpenPublication(session, "q", DurabilityLevel.Process, "c");
            engine.Run();
        }
        using (var engine = new EngineHarness(_directory, new BrokerLimits { MaxPublishers = 2 }))
        {
            int session = engine.OpenSession();
            engine.OpenPublication(session, "q", DurabilityLevel.Process, "a");
            engine.OpenPublication(session, "q", DurabilityLevel.Process, "b"); // In the place of c.
            engine.Run();
            Assert.Equal([1ul, 0ul], engine.All<PublicationOpenedEvent>(EventType.PublicationOpened).Select(e => e.LastSequence));
        }
    }

    [Fact]
    public void ShouldGrantNoMoreThanTheLargestWindow()
    {
        using var engine = new EngineHarness(_directory, new BrokerLimits { MaxWindow = 8 });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process, window: 0);
        engine.OpenPublication(session, "q", DurabilityLevel.Process, window: 8);
        engine.OpenPublication(session, "q", DurabilityLevel.Process, window: uint.MaxValue);
        engine.Run();
        Assert.Equal([1u, 8u, 8u], engine.All<PublicationOpenedEvent>(EventType.PublicationOpened).Select(e => e.Window));
        for (ulong i = 1; i <= 8; i++)
            engine.Publish(session, 3, i, "m");
        engine.Run();
        Assert.Equal(8ul, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.SessionFault);
    }

    [Fact]
    public void ShouldEndASessionThatGivesMoreCreditThanTheLimitUnsettledIncluded()
    {
        using var engine = new EngineHarness(_directory, new BrokerLimits { MaxCreditMessages = 5 });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Subscribe(session, "q", credit: 6);
        engine.Subscribe(session, "q", credit: 5);
        engine.Run();
        Assert.Equal((ushort)ErrorCode.CreditExceeded, engine.Single<FailedEvent>(EventType.Failed).Code);
        for (ulong i = 1; i <= 20; i++)
            engine.Publish(session, 1, i, "m");
        engine.Run();
        Assert.Equal(5, engine.Bodies().Length);
        engine.Settle(session, 1, 0, 2, credit: 2);
        engine.Run();
        Assert.Equal(7, engine.Bodies().Length);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.SessionFault);
        engine.Settle(session, 1, 0, 3, credit: 2);
        engine.Run();
        Assert.Equal(7, engine.Bodies().Length);
        Assert.Equal((ushort)ErrorCode.CreditExceeded, engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
    }

    [Fact]
    public void ShouldKeepToCreditInBytes()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Subscribe(session, "q", credit: 10, bytes: 10); // The key's byte counts.
        engine.Run();
        engine.Publish(session, 1, 1, "1234");
        engine.Publish(session, 1, 2, "1234");
        engine.Publish(session, 1, 3, "");
        engine.Run();
        Assert.Equal(2, engine.Bodies().Length);
        engine.Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = 1, Bytes = 1 });
        engine.Run();
        Assert.Equal(3, engine.Bodies().Length);
    }

    [Fact]
    public void ShouldRejectAtTheLengthOfTheQueueAndTellWhenThereIsRoom()
    {
        using var engine = new EngineHarness(_directory, new BrokerLimits { DefaultQueueLength = 16 });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Subscribe(session, "q", credit: 100);
        engine.Run();
        for (ulong i = 1; i <= 17; i++)
            engine.Publish(session, 1, i, "m");
        engine.Run();
        Assert.Equal((17ul, (ushort)ErrorCode.QueueFull), (engine.Single<RejectedEvent>(EventType.Rejected).Sequence, engine.Single<RejectedEvent>(EventType.Rejected).Code));
        engine.Settle(session, 1, 0, 1);
        engine.Run();
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationReady); // An eighth must be free.
        engine.Settle(session, 1, 0, 2);
        engine.Run();
        engine.Single<PublicationReadyEvent>(EventType.PublicationReady);
        engine.Publish(session, 1, 18, "m");
        engine.Run();
        Assert.Single(engine.All<RejectedEvent>(EventType.Rejected));
    }

    [Fact]
    public void ShouldTakeTheLongestBody()
    {
        using var engine = new EngineHarness(_directory, new BrokerLimits { MaxBodyLength = 100_000 });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Run();
        engine.Publish(session, 1, 1, new string('x', 100_000));
        engine.Run();
        engine.Single<ConfirmEvent>(EventType.Confirm);
        engine.Publish(session, 1, 2, new string('x', 100_001));
        engine.Run();
        Assert.Equal((ushort)ErrorCode.ContentTooLarge, engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
    }

    [Fact]
    public void ShouldRejectWhatDoesNotFitIntoASegment()
    {
        using var engine = new EngineHarness(_directory); // A body can have a quarter of a segment.
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.Run();
        engine.Publish(session, 1, 1, new string('x', 256 * 1024));
        engine.Publish(session, 1, 2, "m");
        engine.Run();
        Assert.Equal((1ul, (ushort)ErrorCode.ContentTooLarge), (engine.Single<RejectedEvent>(EventType.Rejected).Sequence, engine.Single<RejectedEvent>(EventType.Rejected).Code));
        engine.Single<ConfirmEvent>(EventType.Confirm);
    }

    [Fact]
    public void ShouldRentOutNoMoreSessionsThanTheLimit()
    {
        var ids = new SessionIds(2);
        Assert.True(ids.TryRent(out int first));
        Assert.True(ids.TryRent(out int second));
        Assert.NotEqual(first, second);
        Assert.False(ids.TryRent(out _));
        ids.Return(first);
        Assert.True(ids.TryRent(out int again));
        Assert.Equal(first, again);
    }
}
