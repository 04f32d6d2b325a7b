using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Broken rules that cost the connection: exactly this code, and nothing of the session is carried out until it is closed.</summary>
public sealed class SessionFaultTests : IDisposable
{
    private const int MaxBody = 1000;

    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("publish, unknown handle", ErrorCode.UnknownHandle)]
    [InlineData("publish, handle 0", ErrorCode.UnknownHandle)]
    [InlineData("publish, sequence 0", ErrorCode.WindowExceeded)]
    [InlineData("publish, the same sequence", ErrorCode.WindowExceeded)]
    [InlineData("publish, a lower sequence", ErrorCode.WindowExceeded)]
    [InlineData("publish, over the window", ErrorCode.WindowExceeded)]
    [InlineData("publish, body too long", ErrorCode.ContentTooLarge)]
    [InlineData("credit, unknown subscription", ErrorCode.UnknownHandle)]
    [InlineData("settle, unknown subscription", ErrorCode.UnknownHandle)]
    [InlineData("settle, tag never delivered", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, up to a tag never delivered", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, tag twice", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, range with a settled tag", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, range backwards", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, highest tags", ErrorCode.UnknownDeliveryTag)]
    [InlineData("settle, kind 0", ErrorCode.InvalidArgument)]
    [InlineData("settle, kind 4", ErrorCode.InvalidArgument)]
    public void ShouldFaultWithTheCode(string rule, ErrorCode code)
    {
        using var engine = new EngineHarness(_directory, new BrokerLimits { MaxBodyLength = MaxBody });
        int session = engine.OpenSession();
        int other = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Disk, window: 5);
        engine.Subscribe(session, "q", credit: 4);
        engine.Run();
        for (ulong i = 1; i <= 5; i++)
            engine.Publish(session, 1, i, new string('x', MaxBody));
        engine.Run();
        engine.Settle(session, 1, 2, 2);
        engine.Run();
        Assert.Equal(4, engine.Bodies().Length);
        engine.Events.Clear();

        Break(engine, session, rule);
        engine.Publish(session, 1, 100, "ignored");
        engine.DeclareQueue(session, "ignored");
        engine.Run();
        SessionFaultEvent fault = engine.Single<SessionFaultEvent>(EventType.SessionFault);
        Assert.Equal((session, code), (fault.Session, (ErrorCode)fault.Code));
        Assert.DoesNotContain(engine.Events, e => e.Type is EventType.QueueDeclared or EventType.Deliver or EventType.Rejected);
        Assert.Equal(1, engine.Core.Engine.Topology.QueueCount);

        engine.CloseSession(session);
        engine.Subscribe(other, "q", credit: 100);
        engine.Run();
        Assert.Equal(session, engine.Single<SessionClosedEvent>(EventType.SessionClosed).Session);
        int expected = rule == "publish, over the window" ? 9 : 4;
        Assert.Equal(expected, engine.Bodies().Length);
    }

    private static void Break(EngineHarness engine, int session, string rule)
    {
        switch (rule)
        {
            case "publish, unknown handle":
                engine.Publish(session, 2, 1, "m");
                break;
            case "publish, handle 0":
                engine.Publish(session, 0, 1, "m");
                break;
            case "publish, sequence 0":
                engine.Publish(session, 1, 0, "m");
                break;
            case "publish, the same sequence":
                engine.Publish(session, 1, 5, "m");
                break;
            case "publish, a lower sequence":
                engine.Publish(session, 1, 2, "m");
                break;
            case "publish, over the window":
                for (ulong i = 6; i <= 11; i++)
                    engine.Publish(session, 1, i, "m"); // In one batch: none is confirmed in between.
                break;
            case "publish, body too long":
                engine.Publish(session, 1, 6, new string('x', MaxBody + 1));
                break;
            case "credit, unknown subscription":
                engine.Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = 2, Messages = 1 });
                break;
            case "settle, unknown subscription":
                engine.Settle(session, 2, 1, 1);
                break;
            case "settle, tag never delivered":
                engine.Settle(session, 1, 5, 5);
                break;
            case "settle, up to a tag never delivered":
                engine.Settle(session, 1, 0, 5);
                break;
            case "settle, tag twice":
                engine.Settle(session, 1, 2, 2);
                break;
            case "settle, range with a settled tag":
                engine.Settle(session, 1, 1, 3);
                break;
            case "settle, range backwards":
                engine.Settle(session, 1, 3, 1);
                break;
            case "settle, highest tags":
                engine.Settle(session, 1, ulong.MaxValue, ulong.MaxValue);
                break;
            case "settle, kind 0":
                engine.Settle(session, 1, 1, 1, 0);
                break;
            case "settle, kind 4":
                engine.Settle(session, 1, 1, 1, (SettleKind)4);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(rule), rule, "No such rule.");
        }
    }

    [Fact]
    public void ShouldAllowGapsInSequences()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process, "p");
        engine.Run();
        engine.Publish(session, 1, 4, "m4");
        engine.Publish(session, 1, 6, "m6");
        engine.Run();
        Assert.Equal(6ul, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        int again = engine.OpenSession();
        engine.OpenPublication(again, "q", DurabilityLevel.Process, "p");
        engine.Run();
        engine.Events.Clear();
        // A hole was never kept: whoever sends into it is told.
        foreach (ulong sequence in (ulong[])[4, 5, 6])
            engine.Publish(again, 1, sequence, "m");
        engine.Run();
        Assert.Equal(5ul, engine.Single<RejectedEvent>(EventType.Rejected).Sequence);
        Assert.Equal(6ul, engine.Single<ConfirmEvent>(EventType.Confirm).Sequence);
    }

    [Fact]
    public void ShouldIgnoreWhatComesForASessionThatIsNotOpen()
    {
        using var engine = new EngineHarness(_directory);
        engine.Publish(3, 1, 1, "m");
        engine.Settle(3, 1, 1, 1);
        engine.DeclareQueue(3, "q");
        engine.CloseSession(3);
        engine.Run();
        Assert.Empty(engine.Events);
        Assert.Equal(0, engine.Core.Engine.Topology.QueueCount);
    }

    [Fact]
    public void ShouldIgnoreWhatComesForWhatTheBrokerEnded()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        int other = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process, "p");
        engine.Subscribe(session, "q", credit: 10);
        engine.Run();
        engine.Publish(session, 1, 1, "m1");
        engine.OpenPublication(other, "q", DurabilityLevel.Process, "p");
        engine.Send(CommandType.DeleteQueue, new RequestCommand { Session = other, Request = engine.NextRequest() }, EngineHarness.Text("q"));
        engine.Run();
        Assert.Equal(
            [((ushort)ErrorCode.TakenOver, (byte)1), ((ushort)ErrorCode.NotFound, (byte)0)],
            engine.All<SubscriptionEndedEvent>(EventType.SubscriptionEnded).Select(e => (e.Code, e.IsPublication)));
        engine.Events.Clear();

        engine.Publish(session, 1, 2, "m2");
        engine.Settle(session, 1, 1, 1);
        engine.Settle(session, 1, 77, 77);
        engine.Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = 1, Messages = 1 });
        engine.Run();
        Assert.Empty(engine.Events);
        engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = session, Request = 70, Publication = 1 });
        engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = session, Request = 71, Subscription = 1 });
        engine.Run();
        Assert.Equal([70u, 71u], engine.All<DoneEvent>(EventType.Done).Select(e => e.Request));
    }
}
