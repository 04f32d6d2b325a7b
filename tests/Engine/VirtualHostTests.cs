using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Virtual hosts: rules V1 to V4.</summary>
public sealed class VirtualHostTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;
    private readonly EngineHarness _engine;
    private readonly int _session;

    public VirtualHostTests()
    {
        _engine = new EngineHarness(_directory, new BrokerLimits { MaxVirtualHosts = 4 });
        _session = _engine.OpenSession("/");
    }

    public void Dispose()
    {
        _engine.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void ShouldDeclareAndDeleteAllButTheDefault()
    {
        FieldTableWriter limits = new FieldTableWriter().Add("max-queues", 5);
        Assert.Equal(ErrorCode.NotFound, _engine.VirtualHost(_session, "a", passive: true));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "a", limits));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "a", limits));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "a", passive: true));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.VirtualHost(_session, "a"));
        Assert.Contains("max-queues = 5, not none", _engine.Sentence(), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.VirtualHost(_session, "b", new FieldTableWriter().Add("max-queues", "five")));
        Assert.Equal(ErrorCode.InvalidName, _engine.VirtualHost(_session, ""));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "b"));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "c"));
        Assert.Equal(ErrorCode.LimitReached, _engine.VirtualHost(_session, "d"));
        Assert.Equal(ErrorCode.None, _engine.DeleteVirtualHost(_session, "c"));
        Assert.Equal(ErrorCode.NotFound, _engine.DeleteVirtualHost(_session, "c"));
        Assert.Equal(ErrorCode.AccessRefused, _engine.DeleteVirtualHost(_session, "/"));
        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "/"));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.VirtualHost(_session, "/", limits));
    }

    [Fact]
    public void ShouldKeepNamesApart()
    {
        _engine.VirtualHost(_session, "a");
        int inside = _engine.OpenSession("a");
        _engine.Queue(_session, "q");
        Assert.Equal(ErrorCode.NotFound, _engine.Queue(inside, "q", QueueFlags.Passive));
        Assert.Equal(ErrorCode.None, _engine.Queue(inside, "q", 0));
        Assert.Equal(ErrorCode.None, _engine.Exchange(inside, "x", ExchangeKind.Fanout));
        Assert.Equal(ErrorCode.NotFound, _engine.Exchange(_session, "x", flags: ExchangeFlags.Passive));
        Assert.Equal(ErrorCode.None, _engine.Exchange(inside, "amq.topic", ExchangeKind.Topic));
        _engine.Bind(inside, "x", "q");
        Assert.Equal(ErrorCode.None, _engine.PublishNow(inside, _engine.Open(inside, "x"), 1, "k"));
        Assert.Equal(ErrorCode.None, _engine.PublishNow(inside, _engine.Open(inside, ""), 1, "q"));
        _engine.Host("/").TryGetQueue("q"u8, out Core.Queues.BrokerQueue? outer);
        _engine.Host("a").TryGetQueue("q"u8, out Core.Queues.BrokerQueue? inner);
        Assert.Equal((0, 2), (outer!.Count, inner!.Count));
    }

    [Fact]
    public void ShouldEndAConnectionToAnUnknownOne()
    {
        int lost = _engine.OpenSession("nowhere");
        SessionFaultEvent fault = _engine.Single<SessionFaultEvent>(EventType.SessionFault);
        Assert.Equal((lost, ErrorCode.NotAllowed), (fault.Session, (ErrorCode)fault.Code));
        _engine.CloseSession(lost);
        _engine.Run();
        Assert.Equal(lost, _engine.Single<SessionClosedEvent>(EventType.SessionClosed).Session);
    }

    [Fact]
    public void ShouldHoldItsLimits()
    {
        _engine.VirtualHost(_session, "a", new FieldTableWriter().Add("max-queues", 1).Add("max-exchanges", 1).Add("max-bindings", 1).Add("max-connections", 2));
        int inside = _engine.OpenSession("a");
        _engine.OpenSession("a", connection: inside); // A channel is not a connection.
        int second = _engine.OpenSession("a");
        _engine.Events.Clear();
        int third = _engine.OpenSession("a");
        Assert.Equal(ErrorCode.NotAllowed, (ErrorCode)_engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
        _engine.CloseSession(third);
        _engine.CloseSession(second);
        _engine.Run();
        _engine.Events.Clear();
        _engine.OpenSession("a");
        _engine.Single<SessionOpenedEvent>(EventType.SessionOpened);

        Assert.Equal(ErrorCode.None, _engine.Queue(inside, "q"));
        Assert.Equal(ErrorCode.LimitReached, _engine.Queue(inside, "r"));
        Assert.Equal(ErrorCode.None, _engine.Queue(inside, "q"));
        Assert.Equal(ErrorCode.None, _engine.Exchange(inside, "x"));
        Assert.Equal(ErrorCode.LimitReached, _engine.Exchange(inside, "y"));
        Assert.Equal(ErrorCode.None, _engine.Bind(inside, "x", "q", "k"));
        Assert.Equal(ErrorCode.LimitReached, _engine.Bind(inside, "x", "q", "l"));
        Assert.Equal(ErrorCode.None, _engine.Bind(inside, "x", "q", "k"));
        Assert.Equal(ErrorCode.None, _engine.Queue(_session, "r"));
        Assert.Equal(ErrorCode.None, _engine.DeleteQueue(inside, "q"));
        Assert.Equal(ErrorCode.None, _engine.Queue(inside, "r"));
    }

    [Fact]
    public void ShouldTakeAllThatIsInItAlong()
    {
        _engine.VirtualHost(_session, "a");
        int inside = _engine.OpenSession("a");
        int channel = _engine.OpenSession("a", connection: inside);
        _engine.Queue(inside, "q");
        _engine.Queue(inside, "mine", QueueFlags.Exclusive);
        _engine.Exchange(inside, "x", ExchangeKind.Fanout);
        _engine.Bind(inside, "x", "q");
        _engine.Bind(inside, "x", "mine");
        uint publication = _engine.Open(inside, "x");
        _engine.PublishNow(inside, publication, 1);
        _engine.Subscribe(channel, "q", 1);
        _engine.Run();
        Assert.Equal(ErrorCode.None, _engine.DeleteVirtualHost(_session, "a"));
        Assert.Equal([inside, channel], _engine.All<SessionFaultEvent>(EventType.SessionFault).Where(fault => (ErrorCode)fault.Code == ErrorCode.ConnectionForced).Select(fault => fault.Session).Order());
        Assert.Equal((0, 0, 0, 1), (_engine.Core.Engine.Topology.QueueCount, _engine.Core.Engine.Topology.ExchangeCount, _engine.Core.Engine.Topology.BindingCount, _engine.Core.Engine.Topology.HostCount));
        _engine.CloseSession(channel);
        _engine.CloseSession(inside);
        _engine.Run();
        Assert.Equal(2, _engine.All<SessionClosedEvent>(EventType.SessionClosed).Length);

        Assert.Equal(ErrorCode.None, _engine.VirtualHost(_session, "a"));
        int again = _engine.OpenSession("a");
        Assert.Equal(ErrorCode.NotFound, _engine.Queue(again, "q", QueueFlags.Passive));
    }
}
