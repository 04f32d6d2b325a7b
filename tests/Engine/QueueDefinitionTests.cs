using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Queues as clients declare, own and delete them: rules Q1 to Q3, Q5 and Q7.</summary>
public sealed class QueueDefinitionTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;
    private readonly EngineHarness _engine;
    private readonly int _session;

    public QueueDefinitionTests()
    {
        _engine = new EngineHarness(_directory);
        _session = _engine.OpenSession("/", nonce: 42);
    }

    public void Dispose()
    {
        _engine.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void ShouldNameTheFirstDifference()
    {
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "q", QueueFlags.Durable, new FieldTableWriter().Add("x-message-ttl", 5)));
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "q", QueueFlags.Durable, new FieldTableWriter().Add("x-message-ttl", 5L).Add("mine", "kept")));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Queue(_session, "q", QueueFlags.Durable, new FieldTableWriter().Add("x-message-ttl", 6)));
        Assert.Contains("x-message-ttl = 5, not 6", _engine.Sentence(), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Queue(_session, "q", QueueFlags.Durable | QueueFlags.Exclusive, new FieldTableWriter().Add("x-message-ttl", 5)));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Queue(_session, "q", QueueFlags.Durable | QueueFlags.AutoDelete, new FieldTableWriter().Add("x-message-ttl", 5)));
        Assert.Contains("auto-delete = false, not true", _engine.Sentence(), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "q", QueueFlags.Passive));
    }

    [Fact]
    public void ShouldRefuseArgumentsThatAreWrong()
    {
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Queue(_session, "q", table: new FieldTableWriter().Add("x-max-length", -1)));
        Assert.Contains("x-max-length is -1", _engine.Sentence(), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Queue(_session, "q", table: new FieldTableWriter().Add("x-overflow", "drop-tail")));
        Assert.False(_engine.HasQueue("q"));
    }

    [Fact]
    public void ShouldRefuseATableThatIsMalformed()
    {
        _engine.Events.Clear();
        _engine.Send(CommandType.DeclareQueue, new RequestCommand { Session = _session, Request = _engine.NextRequest() }, [.. EngineHarness.Text("q"), 3, 0, 1, (byte)'a', (byte)'?']);
        _engine.Run();
        Assert.Equal(ErrorCode.MalformedHeaders, (ErrorCode)_engine.Single<FailedEvent>(EventType.Failed).Code);
    }

    [Fact]
    public void ShouldKeepNamesOfItsOwn()
    {
        Assert.Equal(ErrorCode.AccessRefused, _engine.Queue(_session, "amq.mine"));
        Assert.Equal(ErrorCode.NotFound, _engine.Queue(_session, "amq.mine", QueueFlags.Passive));
    }

    [Fact]
    public void ShouldGiveNamesThatAreAskedFor()
    {
        string[] names = [.. Enumerable.Range(0, 50).Select(_ => GivenName(_engine, _session))];
        Assert.Equal(50, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^amq\\.gen-[A-Za-z0-9_-]{22}$", name));
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, names[3], 0)); // It exists.
        Assert.True(_engine.HasQueue(names[3]));

        // The same input gives the same names, another secret others.
        using var again = new EngineHarness();
        Assert.Equal(names[0], GivenName(again, again.OpenSession("/", nonce: 42)));
        Assert.DoesNotContain(GivenName(again, again.OpenSession("/", nonce: 43)), names);
    }

    [Fact]
    public void ShouldLetOnlyItsConnectionUseAnExclusiveQueue()
    {
        int channel = _engine.OpenSession("/", connection: _session);
        int other = _engine.OpenSession("/");
        Assert.Equal(ErrorCode.None, _engine.Queue(channel, "q", QueueFlags.Exclusive | QueueFlags.Durable));
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "q", QueueFlags.Exclusive));
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "q", QueueFlags.Passive));
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "amq.fanout", "q"));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.Queue(other, "q", QueueFlags.Exclusive));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.Queue(other, "q", 0));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.Queue(other, "q", QueueFlags.Passive));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.Bind(other, "amq.direct", "q"));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.Unbind(other, "amq.fanout", "q"));
        Assert.Equal(ErrorCode.ResourceLocked, _engine.DeleteQueue(other, "q"));
        _engine.Events.Clear();
        _engine.Subscribe(other, "q", 1);
        _engine.Run();
        Assert.Equal(ErrorCode.ResourceLocked, (ErrorCode)_engine.Single<FailedEvent>(EventType.Failed).Code);
        // Anybody may publish to it.
        Assert.Equal(ErrorCode.None, _engine.PublishNow(other, _engine.Open(other, "", "q"), 1));
    }

    [Fact]
    public void ShouldDeleteExclusiveQueuesWithTheConnectionAndNotBefore()
    {
        int connection = _engine.OpenSession("/");
        int channel = _engine.OpenSession("/", connection);
        _engine.Exchange(_session, "x", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
        _engine.Queue(channel, "q", QueueFlags.Exclusive);
        _engine.Bind(channel, "x", "q");
        _engine.Queue(channel, "shared", 0);
        _engine.CloseSession(channel);
        _engine.Run();
        Assert.True(_engine.HasQueue("q"));
        _engine.CloseSession(connection);
        _engine.Run();
        Assert.False(_engine.HasQueue("q"));
        Assert.False(_engine.HasExchange("x"));
        Assert.True(_engine.HasQueue("shared"));
    }

    [Fact]
    public void ShouldTellConsumersOfAnExclusiveQueueThatItIsGone()
    {
        int connection = _engine.OpenSession("/");
        int channel = _engine.OpenSession("/", connection);
        _engine.Queue(connection, "q", QueueFlags.Exclusive);
        _engine.Subscribe(channel, "q", 10);
        _engine.Run();
        _engine.Events.Clear();
        _engine.CloseSession(connection);
        _engine.Run();
        SubscriptionEndedEvent ended = _engine.Single<SubscriptionEndedEvent>(EventType.SubscriptionEnded);
        Assert.Equal((channel, ErrorCode.NotFound), (ended.Session, (ErrorCode)ended.Code));
    }

    [Theory]
    [InlineData(QueueFlags.AutoDelete)]
    [InlineData(QueueFlags.AutoDelete | QueueFlags.Durable)]
    public void ShouldDeleteAnAutoDeleteQueueWithItsLastConsumer(object flags)
    {
        _engine.Queue(_session, "by unsubscribe", (QueueFlags)flags);
        _engine.Queue(_session, "by close", (QueueFlags)flags);
        _engine.Queue(_session, "never used", (QueueFlags)flags);
        int other = _engine.OpenSession("/");
        _engine.Subscribe(_session, "by unsubscribe", 1);
        _engine.Subscribe(other, "by unsubscribe", 1);
        _engine.Subscribe(other, "by close", 1);
        _engine.Run();
        _engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = _session, Request = _engine.NextRequest(), Subscription = 1 });
        _engine.Run();
        Assert.True(_engine.HasQueue("by unsubscribe"));
        _engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = other, Request = _engine.NextRequest(), Subscription = 1 });
        _engine.Run();
        Assert.False(_engine.HasQueue("by unsubscribe"));
        Assert.True(_engine.HasQueue("by close"));
        _engine.CloseSession(other);
        _engine.Run();
        Assert.False(_engine.HasQueue("by close"));
        Assert.True(_engine.HasQueue("never used"));
    }

    [Fact]
    public void ShouldDeleteOnlyUnusedOrEmptyWhenAskedToAndCountWhatWasReady()
    {
        _engine.Queue(_session, "q");
        uint publication = _engine.Open(_session, "", "q");
        for (ulong i = 1; i <= 3; i++)
            _engine.PublishNow(_session, publication, i);
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.DeleteQueue(_session, "q", DeleteFlags.IfEmpty));
        _engine.Subscribe(_session, "q", 1);
        _engine.Run();
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.DeleteQueue(_session, "q", DeleteFlags.IfUnused));
        Assert.Equal(ErrorCode.None, _engine.DeleteQueue(_session, "q"));
        Assert.Equal(2u, _engine.Single<DoneEvent>(EventType.Done).Count); // One was delivered.
        Assert.Equal(ErrorCode.NotFound, (ErrorCode)_engine.Single<SubscriptionEndedEvent>(EventType.SubscriptionEnded).Code);
        _engine.Queue(_session, "q");
        Assert.Equal(ErrorCode.None, _engine.DeleteQueue(_session, "q", DeleteFlags.IfEmpty | DeleteFlags.IfUnused));
    }

    private static string GivenName(EngineHarness engine, int session)
    {
        Assert.Equal(ErrorCode.None, engine.Queue(session, "", 0));
        byte[] bytes = engine.Events.Single(e => e.Type == EventType.QueueDeclared).Bytes;
        int at = bytes.AsSpan().IndexOf("amq."u8);
        return Encoding.UTF8.GetString(bytes.AsSpan(at, bytes[at - 1]));
    }
}
