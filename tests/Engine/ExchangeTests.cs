using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Tests.Routing;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Exchanges and bindings as clients meet them: rules E1 to E9, B1, B4 to B7.</summary>
public sealed class ExchangeTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;
    private readonly EngineHarness _engine;
    private readonly int _session;
    private ulong _sequence;

    public ExchangeTests()
    {
        _engine = new EngineHarness(_directory);
        _session = _engine.OpenSession("/");
    }

    public void Dispose()
    {
        _engine.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("amq.direct", ExchangeKind.Direct)]
    [InlineData("amq.fanout", ExchangeKind.Fanout)]
    [InlineData("amq.topic", ExchangeKind.Topic)]
    [InlineData("amq.headers", ExchangeKind.Headers)]
    [InlineData("amq.match", ExchangeKind.Headers)]
    public void ShouldHaveExchangesOfItsOwn(string name, object kind)
    {
        Assert.Equal(ErrorCode.None, _engine.Exchange(_session, name, (ExchangeKind)kind));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, name, (ExchangeKind)kind, ExchangeFlags.None));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, name, ExchangeKind.ConsistentHash));
        Assert.Equal(ErrorCode.AccessRefused, _engine.DeleteExchange(_session, name));
        _engine.Queue(_session, "q");
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, name, "q", "k"));
        Assert.Equal(ErrorCode.None, Publish(name, "k"));
        Assert.Equal(0, _engine.Core.Engine.Topology.ExchangeCount);
    }

    [Fact]
    public void ShouldProtectTheDefaultExchange()
    {
        _engine.Queue(_session, "q");
        _engine.Exchange(_session, "x");
        Assert.Equal(ErrorCode.AccessRefused, _engine.Exchange(_session, ""));
        Assert.Equal(ErrorCode.AccessRefused, _engine.Exchange(_session, "", flags: ExchangeFlags.Passive));
        Assert.Equal(ErrorCode.AccessRefused, _engine.DeleteExchange(_session, ""));
        Assert.Equal(ErrorCode.AccessRefused, _engine.Bind(_session, "", "q", "k"));
        Assert.Equal(ErrorCode.AccessRefused, _engine.Unbind(_session, "", "q", "q"));
        Assert.Equal(ErrorCode.AccessRefused, _engine.BindExchange(_session, "x", ""));
        Assert.Equal(ErrorCode.None, Publish("", "q"));
        Assert.Equal(ErrorCode.NoRoute, Publish("", "other"));
    }

    [Fact]
    public void ShouldNameTheFirstDifference()
    {
        FieldTableWriter table = new FieldTableWriter().Add("alternate-exchange", "a");
        Assert.Equal(ErrorCode.None, _engine.Exchange(_session, "x", ExchangeKind.Topic, ExchangeFlags.Durable, table));
        Assert.Equal(ErrorCode.None, _engine.Exchange(_session, "x", ExchangeKind.Topic, ExchangeFlags.Durable, table));
        Differs("kind = topic, not fanout", ExchangeKind.Fanout, ExchangeFlags.Durable, table);
        Differs("durable = true, not false", ExchangeKind.Topic, ExchangeFlags.None, table);
        Differs("auto-delete = false, not true", ExchangeKind.Topic, ExchangeFlags.Durable | ExchangeFlags.AutoDelete, table);
        Differs("internal = false, not true", ExchangeKind.Topic, ExchangeFlags.Durable | ExchangeFlags.Internal, table);
        Differs("alternate-exchange = 'a', not none", ExchangeKind.Topic, ExchangeFlags.Durable, new FieldTableWriter());
        Differs("alternate-exchange = 'a', not 'b'", ExchangeKind.Topic, ExchangeFlags.Durable, new FieldTableWriter().Add("alternate-exchange", "b"));

        void Differs(string difference, ExchangeKind kind, ExchangeFlags flags, FieldTableWriter arguments)
        {
            Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, "x", kind, flags, arguments));
            Assert.Contains(difference, _engine.Sentence(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ShouldRefuseWhatCannotBeDeclared()
    {
        Assert.Equal(ErrorCode.CommandInvalid, _engine.Exchange(_session, "x", (ExchangeKind)6));
        Assert.Equal(ErrorCode.CommandInvalid, _engine.Exchange(_session, "x", ExchangeKind.Default));
        Assert.Equal(ErrorCode.AccessRefused, _engine.Exchange(_session, "amq.mine"));
        Assert.Equal(ErrorCode.NotFound, _engine.Exchange(_session, "x", flags: ExchangeFlags.Passive));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, "x", table: new FieldTableWriter().Add("alternate-exchange", 5)));
        Assert.Contains("alternate-exchange is 5", _engine.Sentence(), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, "x", ExchangeKind.ConsistentHash, table: new FieldTableWriter().Add("hash-property", "user_id")));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Exchange(_session, "x", ExchangeKind.ConsistentHash, table: new FieldTableWriter().Add("hash-property", "timestamp").Add("hash-header", "h")));
        Assert.Equal(ErrorCode.None, _engine.Exchange(_session, "x", ExchangeKind.Direct, table: new FieldTableWriter().Add("hash-property", "user_id")));
        Assert.Equal(ErrorCode.None, _engine.Exchange(_session, "x", (ExchangeKind)77, ExchangeFlags.Passive));
        Assert.Equal(1, _engine.Core.Engine.Topology.ExchangeCount);
    }

    [Fact]
    public void ShouldDeleteAnAutoDeleteExchangeWithItsLastBinding()
    {
        const ExchangeFlags flags = ExchangeFlags.Durable | ExchangeFlags.AutoDelete;
        _engine.Exchange(_session, "by unbind", flags: flags);
        _engine.Exchange(_session, "by queue", flags: flags);
        _engine.Exchange(_session, "by exchange", flags: flags);
        _engine.Exchange(_session, "never bound", flags: flags);
        _engine.Exchange(_session, "destination");
        _engine.Queue(_session, "q");
        _engine.Queue(_session, "r");
        _engine.Bind(_session, "by unbind", "q", "1");
        _engine.Bind(_session, "by unbind", "q", "2");
        _engine.Bind(_session, "by queue", "r");
        _engine.BindExchange(_session, "by exchange", "destination");

        _engine.Unbind(_session, "by unbind", "q", "1");
        Assert.True(_engine.HasExchange("by unbind"));
        _engine.Unbind(_session, "by unbind", "q", "2");
        Assert.False(_engine.HasExchange("by unbind"));
        _engine.DeleteQueue(_session, "r");
        Assert.False(_engine.HasExchange("by queue"));
        _engine.DeleteExchange(_session, "destination");
        Assert.False(_engine.HasExchange("by exchange"));
        Assert.True(_engine.HasExchange("never bound"));
    }

    [Fact]
    public void ShouldDeleteAChainOfAutoDeleteExchanges()
    {
        _engine.Queue(_session, "q");
        for (int i = 0; i < 20; i++)
            _engine.Exchange(_session, $"x{i}", ExchangeKind.Fanout, ExchangeFlags.AutoDelete | (i % 2 == 0 ? ExchangeFlags.Durable : 0));
        for (int i = 1; i < 20; i++)
            _engine.BindExchange(_session, $"x{i}", $"x{i - 1}");
        _engine.Bind(_session, "x0", "q");
        _engine.Bind(_session, "x10", "q"); // Not its last binding that goes.
        _engine.Unbind(_session, "x0", "q");
        Assert.Equal(10, _engine.Core.Engine.Topology.ExchangeCount);
        Assert.True(_engine.HasExchange("x10"));
        Assert.False(_engine.HasExchange("x9"));
        _engine.DeleteQueue(_session, "q");
        Assert.Equal(0, _engine.Core.Engine.Topology.ExchangeCount);
        Assert.Equal(0, _engine.Core.Engine.Topology.BindingCount);
    }

    [Fact]
    public void ShouldRefuseClientsOnAnInternalExchange()
    {
        _engine.Exchange(_session, "inner", ExchangeKind.Fanout, ExchangeFlags.Internal);
        _engine.Exchange(_session, "outer", ExchangeKind.Fanout);
        _engine.Queue(_session, "q");
        _engine.Bind(_session, "inner", "q");
        _engine.BindExchange(_session, "outer", "inner");
        _engine.Events.Clear();
        _engine.OpenPublication(_session, "", DurabilityLevel.Memory, "", "inner");
        _engine.Run();
        Assert.Equal(ErrorCode.AccessRefused, (ErrorCode)_engine.Single<FailedEvent>(EventType.Failed).Code);
        Assert.Equal(ErrorCode.None, Publish("outer", "k"));
    }

    [Fact]
    public void ShouldDeleteOnlyUnusedWhenAskedTo()
    {
        _engine.Exchange(_session, "x");
        _engine.Exchange(_session, "y");
        _engine.Queue(_session, "q");
        _engine.Bind(_session, "x", "q");
        _engine.BindExchange(_session, "y", "x");
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.DeleteExchange(_session, "x", DeleteFlags.IfUnused));
        _engine.Unbind(_session, "x", "q");
        Assert.Equal(ErrorCode.None, _engine.DeleteExchange(_session, "x", DeleteFlags.IfUnused)); // Bindings to it do not count.
        Assert.Equal(0, _engine.Core.Engine.Topology.BindingCount);
    }

    [Fact]
    public void ShouldRouteNothingForPublicationsOfADeletedExchange()
    {
        _engine.Exchange(_session, "x", ExchangeKind.Fanout);
        _engine.Queue(_session, "q");
        _engine.Bind(_session, "x", "q");
        uint publication = _engine.Open(_session, "x");
        Assert.Equal(ErrorCode.None, _engine.PublishNow(_session, publication, ++_sequence));
        _engine.DeleteExchange(_session, "x");
        Assert.Equal(ErrorCode.NoRoute, _engine.PublishNow(_session, publication, ++_sequence));
        _engine.Exchange(_session, "x", ExchangeKind.Fanout);
        _engine.Bind(_session, "x", "q");
        Assert.Equal(ErrorCode.NoRoute, _engine.PublishNow(_session, publication, ++_sequence));
        Assert.Equal(ErrorCode.None, Publish("x", "k"));
    }

    [Fact]
    public void ShouldKnowBindingsByAllFourParts()
    {
        _engine.Exchange(_session, "x", ExchangeKind.Headers);
        _engine.Queue(_session, "q");
        FieldTableWriter table = new FieldTableWriter().Add("a", 1).Add("b", 2);
        FieldTableWriter turned = new FieldTableWriter().Add("b", 2).Add("a", 1);
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "x", "q", "k", table));
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "x", "q", "k", turned));
        Assert.Equal(1, _engine.Core.Engine.Topology.BindingCount);
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "x", "q", "k"));
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "x", "q", "l", table));
        Assert.Equal(3, _engine.Core.Engine.Topology.BindingCount);
        Assert.Equal(ErrorCode.NotFound, _engine.Unbind(_session, "x", "q", "l"));
        Assert.Equal(ErrorCode.NotFound, _engine.UnbindExchange(_session, "x", "x", "l"));
        Assert.Equal(ErrorCode.None, _engine.Unbind(_session, "x", "q", "k", turned));
        Assert.Equal(ErrorCode.NotFound, _engine.Unbind(_session, "x", "q", "k", table));
        Assert.Equal(2, _engine.Core.Engine.Topology.BindingCount);
    }

    [Fact]
    public void ShouldRefuseBindingsThatMeanNothing()
    {
        _engine.Exchange(_session, "hash", ExchangeKind.ConsistentHash);
        _engine.Exchange(_session, "headers", ExchangeKind.Headers);
        _engine.Queue(_session, "q");
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Bind(_session, "hash", "q", "heavy"));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Bind(_session, "hash", "q", "1001"));
        Assert.Equal(ErrorCode.None, _engine.Bind(_session, "hash", "q", "1000"));
        Assert.Equal(ErrorCode.PreconditionFailed, _engine.Bind(_session, "headers", "q", "", new FieldTableWriter().Add("x-match", "none")));
        Assert.Equal(ErrorCode.NotFound, _engine.BindExchange(_session, "headers", "other"));
        Assert.Equal(1, _engine.Core.Engine.Topology.BindingCount);
    }

    [Fact]
    public void ShouldReturnOrCountWhatReachesNoQueue()
    {
        _engine.Exchange(_session, "x");
        uint mandatory = _engine.Open(_session, "x");
        uint other = _engine.Open(_session, "x", mandatory: false);
        Assert.Equal(ErrorCode.NoRoute, _engine.PublishNow(_session, mandatory, 1, "k"));
        Assert.Equal(ErrorCode.None, _engine.PublishNow(_session, other, 1, "k"));
        Assert.Equal((byte)DurabilityLevel.None, _engine.Single<ConfirmEvent>(EventType.Confirm).Level);
        Assert.Equal(1, _engine.Core.Engine.UnroutableCount);
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    public void ShouldVoidCachedRoutesWithEveryChange(string key)
    {
        // By the publication's key, and by the message's.
        _engine.Exchange(_session, "x", ExchangeKind.Topic, table: new FieldTableWriter().Add("alternate-exchange", "spare"));
        _engine.Queue(_session, "q");
        uint publication = _engine.Open(_session, "x", "k");
        Expect(ErrorCode.NoRoute);
        _engine.Bind(_session, "x", "q", "k");
        Expect(ErrorCode.None);
        _engine.Unbind(_session, "x", "q", "k");
        Expect(ErrorCode.NoRoute);
        _engine.Bind(_session, "x", "q", "#");
        Expect(ErrorCode.None);
        _engine.DeleteQueue(_session, "q");
        Expect(ErrorCode.NoRoute);
        _engine.Queue(_session, "q");
        Expect(ErrorCode.NoRoute); // The new one is not bound.
        _engine.Exchange(_session, "spare", ExchangeKind.Fanout);
        _engine.Bind(_session, "spare", "q");
        Expect(ErrorCode.None);
        _engine.DeleteExchange(_session, "spare");
        Expect(ErrorCode.NoRoute);
        _engine.Exchange(_session, "y", ExchangeKind.Fanout);
        _engine.BindExchange(_session, "x", "y", "k");
        Expect(ErrorCode.NoRoute);
        _engine.Bind(_session, "y", "q");
        Expect(ErrorCode.None);
        _engine.UnbindExchange(_session, "x", "y", "k");
        Expect(ErrorCode.NoRoute);

        void Expect(ErrorCode code)
        {
            Assert.Equal(code, _engine.PublishNow(_session, publication, ++_sequence, key));
            Assert.Equal(code, _engine.PublishNow(_session, publication, ++_sequence, key));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    public void ShouldNotCacheWhatDependsOnHeaders(string key)
    {
        _engine.Exchange(_session, "x", ExchangeKind.Fanout);
        _engine.Exchange(_session, "h", ExchangeKind.Headers);
        _engine.Queue(_session, "q");
        _engine.BindExchange(_session, "x", "h");
        _engine.Bind(_session, "h", "q", "", new FieldTableWriter().Add("a", 1));
        uint publication = _engine.Open(_session, "x");
        byte[] one = RoutingMap.Headers(new FieldTableWriter().Add("a", 1));
        byte[] two = RoutingMap.Headers(new FieldTableWriter().Add("a", 2));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(ErrorCode.None, _engine.PublishNow(_session, publication, ++_sequence, key, one));
            Assert.Equal(ErrorCode.NoRoute, _engine.PublishNow(_session, publication, ++_sequence, key, two));
            Assert.Equal(ErrorCode.NoRoute, _engine.PublishNow(_session, publication, ++_sequence, key));
        }
    }

    private ErrorCode Publish(string exchange, string key)
    {
        uint publication = _engine.Open(_session, exchange);
        return _engine.PublishNow(_session, publication, 1, key);
    }
}
