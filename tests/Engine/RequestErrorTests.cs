using LowLatency.Core.Engine;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Requests that are refused: with exactly this code, and the session goes on.</summary>
public sealed class RequestErrorTests : IDisposable
{
    private static readonly byte[] Empty = [0];
    private static readonly byte[] NotUtf8 = [2, 0xC3, 0x28];

    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("declare queue, passive, empty name", ErrorCode.InvalidName)]
    [InlineData("declare queue, not UTF-8", ErrorCode.InvalidName)]
    [InlineData("declare queue, other durability", ErrorCode.PreconditionFailed)]
    [InlineData("declare queue, other limit", ErrorCode.PreconditionFailed)]
    [InlineData("declare queue, default limit", ErrorCode.PreconditionFailed)]
    [InlineData("declare queue, passive and unknown", ErrorCode.NotFound)]
    [InlineData("delete queue, unknown", ErrorCode.NotFound)]
    [InlineData("declare exchange, empty name", ErrorCode.AccessRefused)]
    [InlineData("declare exchange, not UTF-8", ErrorCode.InvalidName)]
    [InlineData("declare exchange, kind default", ErrorCode.CommandInvalid)]
    [InlineData("declare exchange, kind 6", ErrorCode.CommandInvalid)]
    [InlineData("declare exchange, other durability", ErrorCode.PreconditionFailed)]
    [InlineData("delete exchange, unknown", ErrorCode.NotFound)]
    [InlineData("delete exchange, the default one", ErrorCode.AccessRefused)]
    [InlineData("bind, default exchange", ErrorCode.AccessRefused)]
    [InlineData("bind, unknown exchange", ErrorCode.NotFound)]
    [InlineData("bind, unknown queue", ErrorCode.NotFound)]
    [InlineData("bind, key not UTF-8", ErrorCode.InvalidName)]
    [InlineData("unbind, not bound", ErrorCode.NotFound)]
    [InlineData("unbind, default exchange", ErrorCode.AccessRefused)]
    [InlineData("open publication, level 0", ErrorCode.UnknownLevel)]
    [InlineData("open publication, level 4", ErrorCode.UnknownLevel)]
    [InlineData("open publication, unknown exchange", ErrorCode.NotFound)]
    [InlineData("open publication, publisher not UTF-8", ErrorCode.InvalidName)]
    [InlineData("open publication, exchange not UTF-8", ErrorCode.InvalidName)]
    [InlineData("open publication, key not UTF-8", ErrorCode.InvalidName)]
    [InlineData("close publication, unknown", ErrorCode.UnknownHandle)]
    [InlineData("close publication, handle 0", ErrorCode.UnknownHandle)]
    [InlineData("subscribe, unknown queue", ErrorCode.NotFound)]
    [InlineData("subscribe, empty name", ErrorCode.InvalidName)]
    [InlineData("subscribe, not UTF-8", ErrorCode.InvalidName)]
    [InlineData("unsubscribe, unknown", ErrorCode.UnknownHandle)]
    public void ShouldRefuseWithTheCode(string request, ErrorCode code)
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q", maxLength: 5);
        Exchange(engine, session, EngineHarness.Text("x"));
        engine.Run();
        engine.Events.Clear();

        uint number = Send(engine, session, request);
        engine.Run();
        FailedEvent failed = engine.Single<FailedEvent>(EventType.Failed);
        Assert.Equal((session, number, code), (failed.Session, failed.Request, (ErrorCode)failed.Code));
        Assert.Single(engine.Events);

        engine.DeclareQueue(session, "q", passive: true);
        engine.Run();
        engine.Single<QueueDeclaredEvent>(EventType.QueueDeclared);
    }

    [Theory]
    [InlineData("durable queue", ErrorCode.PreconditionFailed)]
    [InlineData("durable exchange", ErrorCode.PreconditionFailed)]
    [InlineData("level process", ErrorCode.PreconditionFailed)]
    [InlineData("level disk", ErrorCode.PreconditionFailed)]
    public void ShouldRefuseWhatNeedsAJournalWhereThereIsNone(string request, ErrorCode code)
    {
        using var engine = new EngineHarness();
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "t", durable: false);
        _ = request switch
        {
            "durable queue" => engine.DeclareQueue(session, "q"),
            "durable exchange" => Exchange(engine, session, EngineHarness.Text("x")),
            "level process" => engine.OpenPublication(session, "t", DurabilityLevel.Process),
            _ => engine.OpenPublication(session, "t", DurabilityLevel.Disk),
        };
        engine.OpenPublication(session, "t", DurabilityLevel.Memory, "p");
        engine.Run();
        Assert.Equal(code, (ErrorCode)engine.Single<FailedEvent>(EventType.Failed).Code);
        engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened);
    }

    [Fact]
    public void ShouldTakeNamesOfOneTo255Bytes()
    {
        Assert.NotNull(NameRules.Problem("name", []));
        Assert.Null(NameRules.Problem("name", new byte[255]));
        Assert.NotNull(NameRules.Problem("name", new byte[256]));
        Assert.NotNull(NameRules.ProblemOrEmpty("name", new byte[256]));
        Assert.Null(NameRules.ProblemOrEmpty("name", []));

        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, new string('q', 255));
        engine.DeclareQueue(session, "é");
        engine.OpenPublication(session, new string('q', 255), DurabilityLevel.Process, new string('p', 255));
        engine.Run();
        engine.Publish(session, 1, 1, "m");
        engine.Run();
        Assert.Equal(2, engine.All<QueueDeclaredEvent>(EventType.QueueDeclared).Length);
        engine.Single<ConfirmEvent>(EventType.Confirm);
    }

    [Fact]
    public void ShouldAcceptTheSameDefinitionAgain()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        for (int i = 0; i < 2; i++)
        {
            engine.DeclareQueue(session, "q", maxLength: 5);
            Exchange(engine, session, EngineHarness.Text("x"));
            Binding(engine, session, CommandType.Bind, "x", "q", EngineHarness.Text("k"));
        }
        engine.Run();
        Assert.Equal(2, engine.All<QueueDeclaredEvent>(EventType.QueueDeclared).Length);
        Assert.Equal(4, engine.All<DoneEvent>(EventType.Done).Length);
        Assert.Equal(1, engine.Core.Engine.Topology.BindingCount);
    }

    private static uint Send(EngineHarness engine, int session, string request) => request switch
    {
        "declare queue, passive, empty name" => engine.DeclareQueue(session, "", passive: true),
        "declare queue, not UTF-8" => Queue(engine, session, NotUtf8),
        "declare queue, other durability" => engine.DeclareQueue(session, "q", durable: false, maxLength: 5),
        "declare queue, other limit" => engine.DeclareQueue(session, "q", maxLength: 6),
        "declare queue, default limit" => engine.DeclareQueue(session, "q"),
        "declare queue, passive and unknown" => engine.DeclareQueue(session, "other", passive: true),
        "delete queue, unknown" => Named(engine, session, CommandType.DeleteQueue, "other"),
        "declare exchange, empty name" => Exchange(engine, session, Empty),
        "declare exchange, not UTF-8" => Exchange(engine, session, NotUtf8),
        "declare exchange, kind default" => Exchange(engine, session, EngineHarness.Text("y"), kind: 0),
        "declare exchange, kind 6" => Exchange(engine, session, EngineHarness.Text("y"), kind: 6),
        "declare exchange, other durability" => Exchange(engine, session, EngineHarness.Text("x"), flags: 0),
        "delete exchange, unknown" => Named(engine, session, CommandType.DeleteExchange, "other"),
        "delete exchange, the default one" => Named(engine, session, CommandType.DeleteExchange, ""),
        "bind, default exchange" => Binding(engine, session, CommandType.Bind, "", "q", EngineHarness.Text("k")),
        "bind, unknown exchange" => Binding(engine, session, CommandType.Bind, "other", "q", EngineHarness.Text("k")),
        "bind, unknown queue" => Binding(engine, session, CommandType.Bind, "x", "other", EngineHarness.Text("k")),
        "bind, key not UTF-8" => Binding(engine, session, CommandType.Bind, "x", "q", NotUtf8),
        "unbind, not bound" => Binding(engine, session, CommandType.Unbind, "x", "q", EngineHarness.Text("k")),
        "unbind, default exchange" => Binding(engine, session, CommandType.Unbind, "", "q", EngineHarness.Text("q")),
        "open publication, level 0" => engine.OpenPublication(session, "q", DurabilityLevel.None),
        "open publication, level 4" => engine.OpenPublication(session, "q", (DurabilityLevel)4),
        "open publication, unknown exchange" => engine.OpenPublication(session, "q", DurabilityLevel.Process, exchange: "other"),
        "open publication, publisher not UTF-8" => Publication(engine, session, NotUtf8, Empty, Empty),
        "open publication, exchange not UTF-8" => Publication(engine, session, Empty, NotUtf8, Empty),
        "open publication, key not UTF-8" => Publication(engine, session, Empty, Empty, NotUtf8),
        "close publication, unknown" => engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = session, Request = engine.NextRequest(), Publication = 1 }),
        "close publication, handle 0" => engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = session, Request = engine.NextRequest() }),
        "subscribe, unknown queue" => engine.Subscribe(session, "other", 1),
        "subscribe, empty name" => Subscription(engine, session, Empty),
        "subscribe, not UTF-8" => Subscription(engine, session, NotUtf8),
        "unsubscribe, unknown" => engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = session, Request = engine.NextRequest(), Subscription = 1 }),
        _ => throw new ArgumentOutOfRangeException(nameof(request), request, "No such request."),
    };

    private static uint Queue(EngineHarness engine, int session, byte[] name) =>
        engine.Send(CommandType.DeclareQueue, new RequestCommand { Session = session, Request = engine.NextRequest() }, [.. name, 0, 0]);

    private static uint Named(EngineHarness engine, int session, CommandType type, string name) =>
        engine.Send(type, new RequestCommand { Session = session, Request = engine.NextRequest() }, EngineHarness.Text(name));

    private static uint Exchange(EngineHarness engine, int session, byte[] name, byte kind = 1, byte flags = 1) =>
        engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = session, Request = engine.NextRequest(), Kind = kind, Flags = flags }, [.. name, 0, 0]);

    private static uint Binding(EngineHarness engine, int session, CommandType type, string exchange, string queue, byte[] key) =>
        engine.Send(type, new RequestCommand { Session = session, Request = engine.NextRequest() }, [.. EngineHarness.Text(exchange), .. EngineHarness.Text(queue), .. key, 0, 0]);

    private static uint Publication(EngineHarness engine, int session, byte[] publisher, byte[] exchange, byte[] key) =>
        engine.Send(CommandType.OpenPublication, new OpenPublicationCommand { Session = session, Request = engine.NextRequest(), Level = 2 }, [.. publisher, .. exchange, .. key]);

    private static uint Subscription(EngineHarness engine, int session, byte[] queue) =>
        engine.Send(CommandType.Subscribe, new SubscribeCommand { Session = session, Request = engine.NextRequest() }, [.. queue, 0]);
}
