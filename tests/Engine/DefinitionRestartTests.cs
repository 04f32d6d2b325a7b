using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Definitions over a restart: rules E4, B1, S1, S2, and what a snapshot must carry.</summary>
public sealed class DefinitionRestartTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldBringBackEveryDurableDefinition(bool fromSnapshot)
    {
        using var disk = new SimulatedDisk();
        ulong before;
        using (var engine = new EngineHarness(disk))
        {
            int session = engine.OpenSession("/");
            Define(engine, session);
            engine.VirtualHost(session, "gone");
            engine.Queue(engine.OpenSession("gone"), "q");
            engine.DeleteVirtualHost(session, "gone");
            engine.VirtualHost(session, "desk", new FieldTableWriter().Add("max-queues", 100).Add("note", "kept"));
            Define(engine, engine.OpenSession("desk"));
            if (fromSnapshot)
                FillSegments(engine, session);
            Check(engine);
            before = engine.Core.Engine.StateHash();
            engine.Kill();
        }
        for (int restart = 0; restart < 2; restart++)
        {
            using var again = new EngineHarness(disk);
            Assert.Equal(before, again.Core.Engine.StateHash());
            if (fromSnapshot)
                Assert.NotEqual(0, again.Core.Journal!.Log.OldestIndex);
            Check(again);
            int session = again.OpenSession("desk");
            Assert.Equal(ErrorCode.None, again.Exchange(session, "headers", ExchangeKind.Headers));
            Assert.Equal(ErrorCode.None, again.Queue(session, "q", table: new FieldTableWriter().Add("x-max-length", 5000).Add("mine", "kept")));
            // New ids do not meet those of before.
            Assert.Equal(ErrorCode.None, again.Queue(session, "new", QueueFlags.Durable));
            Assert.Equal(ErrorCode.None, again.Exchange(session, "new"));
            Assert.Equal(ErrorCode.None, again.VirtualHost(session, "new"));
            Assert.Equal(ErrorCode.None, again.DeleteQueue(session, "new"));
            Assert.Equal(ErrorCode.None, again.DeleteExchange(session, "new"));
            Assert.Equal(ErrorCode.None, again.DeleteVirtualHost(session, "new"));
            Assert.Equal(before, again.Core.Engine.StateHash());
            again.Kill();
        }
    }

    [Fact]
    public void ShouldForgetTransientExchangesAndTheirBindings()
    {
        using var disk = new SimulatedDisk();
        using (var engine = new EngineHarness(disk))
        {
            int session = engine.OpenSession("/");
            engine.Exchange(session, "transient", flags: 0);
            engine.Exchange(session, "durable");
            engine.Queue(session, "q");
            engine.Queue(session, "t", 0);
            engine.Bind(session, "transient", "q");
            engine.Bind(session, "durable", "t");
            engine.Bind(session, "durable", "q");
            engine.BindExchange(session, "durable", "transient");
            engine.Kill();
        }
        using var again = new EngineHarness(disk);
        Assert.False(again.HasExchange("transient"));
        Assert.True(again.HasExchange("durable"));
        Assert.Equal(1, again.Core.Engine.Topology.BindingCount);
    }

    [Fact]
    public void ShouldNotDeleteAgainWhatOnlyATransientBindingKept()
    {
        using var disk = new SimulatedDisk();
        ulong before;
        using (var engine = new EngineHarness(disk))
        {
            int session = engine.OpenSession("/");
            engine.Exchange(session, "x", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
            engine.Exchange(session, "y", flags: ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
            engine.Queue(session, "q");
            engine.Queue(session, "t", 0);
            engine.Bind(session, "x", "q");
            engine.Bind(session, "x", "t");
            engine.Bind(session, "y", "t");
            engine.DeleteQueue(session, "q"); // The transient binding keeps x; a replay does not see it.
            Assert.True(engine.HasExchange("x"));
            before = engine.Core.Engine.StateHash();
            engine.Kill();
        }
        using (var again = new EngineHarness(disk))
        {
            Assert.True(again.HasExchange("x"));
            Assert.True(again.HasExchange("y"));
            Assert.Equal(before, again.Core.Engine.StateHash());
            int session = again.OpenSession("/");
            again.Queue(session, "t", 0);
            again.Bind(session, "x", "t");
            again.DeleteQueue(session, "t"); // Takes a durable exchange along.
            Assert.False(again.HasExchange("x"));
            again.Kill();
        }
        using var last = new EngineHarness(disk);
        Assert.False(last.HasExchange("x"));
    }

    [Fact]
    public void ShouldDeleteManyExchangesWithOneQueue()
    {
        // More records than fit into one group.
        const int count = 6000;
        using var disk = new SimulatedDisk();
        ulong before;
        using (var engine = new EngineHarness(disk))
        {
            int session = engine.OpenSession("/");
            engine.Queue(session, "q");
            for (int i = 0; i < count; i++)
            {
                engine.Send(
                    CommandType.DeclareExchange,
                    new DeclareExchangeCommand { Session = session, Kind = 1, Flags = (ushort)(ExchangeFlags.Durable | ExchangeFlags.AutoDelete) },
                    [.. EngineHarness.Text($"x{i}"), 0, 0]);
                engine.Send(CommandType.Bind, new RequestCommand { Session = session }, [.. EngineHarness.Text($"x{i}"), .. EngineHarness.Text("q"), 0, 0, 0]);
                if (i % 100 == 99)
                    engine.Run();
            }
            Assert.Equal(count, engine.Core.Engine.Topology.ExchangeCount);
            Assert.Equal(ErrorCode.None, engine.DeleteQueue(session, "q"));
            engine.RunUntil(() => engine.Core.Engine.Topology.ExchangeCount == 0);
            engine.Run();
            before = engine.Core.Engine.StateHash();
            engine.Kill();
        }
        using var again = new EngineHarness(disk);
        Assert.Equal(0, again.Core.Engine.Topology.ExchangeCount);
        Assert.Equal(before, again.Core.Engine.StateHash());
    }

    [Fact]
    public void ShouldKeepTheBoundOfItsDeclarationWhateverTheDefaultIsLater()
    {
        using var disk = new SimulatedDisk();
        using (var engine = new EngineHarness(disk, new BrokerLimits { DefaultQueueLength = 7 }))
        {
            engine.Queue(engine.OpenSession("/"), "q");
            engine.Kill();
        }
        using var again = new EngineHarness(disk, new BrokerLimits { DefaultQueueLength = 9 });
        Assert.Equal(7, again.Core.Engine.Topology.QueuesById()[0].MaxLength);
    }

    private static void Define(EngineHarness engine, int session)
    {
        FieldTableWriter table = new FieldTableWriter().Add("x-max-length", 5000).Add("mine", "kept");
        engine.Queue(session, "q", QueueFlags.Durable, table);
        engine.Queue(session, "auto", QueueFlags.Durable | QueueFlags.AutoDelete);
        engine.Queue(session, "transient", 0);
        engine.Exchange(session, "temporary", flags: 0); // Its id is used, too.
        engine.Exchange(session, "direct");
        engine.Exchange(session, "fanout", ExchangeKind.Fanout, ExchangeFlags.Durable | ExchangeFlags.Internal);
        engine.Exchange(session, "topic", ExchangeKind.Topic, ExchangeFlags.Durable | ExchangeFlags.AutoDelete);
        engine.Exchange(session, "headers", ExchangeKind.Headers);
        engine.Exchange(session, "hash", ExchangeKind.ConsistentHash, ExchangeFlags.Durable, new FieldTableWriter().Add("hash-header", "a").Add("alternate-exchange", "fanout"));
        engine.Bind(session, "direct", "q", "k");
        engine.Bind(session, "direct", "transient", "k");
        engine.Bind(session, "direct", "q", "l");
        engine.BindExchange(session, "topic", "fanout", "#.x");
        engine.Bind(session, "headers", "q", "", new FieldTableWriter().Add("x-match", "any").Add("a", 1).AddVoid("b"));
        engine.Bind(session, "hash", "auto", "10");
        engine.Bind(session, "hash", "q", "20");
        engine.Bind(session, "amq.topic", "q", "a.*");
        engine.BindExchange(session, "amq.fanout", "direct", "");
        engine.Unbind(session, "direct", "q", "l");
        engine.Queue(session, "deleted");
        engine.Bind(session, "fanout", "deleted");
        engine.DeleteQueue(session, "deleted");
    }

    private static void Check(EngineHarness engine)
    {
        foreach (string host in (string[])["/", "desk"])
        {
            Assert.True(engine.HasQueue("q", host));
            Assert.True(engine.HasExchange("hash", host));
            Assert.False(engine.HasQueue("deleted", host));
        }
        Assert.False(engine.Core.Engine.Topology.TryGetHost("gone"u8, out _));
        // A route through all of it: as before, so as after.
        int session = engine.OpenSession("desk");
        Assert.Equal(ErrorCode.None, engine.PublishNow(session, engine.Open(session, "amq.fanout"), 1, "k"));
        Assert.Equal(ErrorCode.NoRoute, engine.PublishNow(session, engine.Open(session, "amq.fanout"), 1, "l"));
        Assert.Equal(ErrorCode.None, engine.PublishNow(session, engine.Open(session, "amq.topic"), 1, "a.b"));
        Assert.Equal(ErrorCode.None, engine.PublishNow(session, engine.Open(session, "hash"), 1, "k"));
        engine.CloseSession(session);
        engine.Run();
    }

    // Until the first segment, with the definitions themselves, is not needed any more.
    private static void FillSegments(EngineHarness engine, int session)
    {
        engine.Queue(session, "filler", QueueFlags.Durable);
        engine.OpenPublication(session, "filler", DurabilityLevel.Process);
        engine.Subscribe(session, "filler", 60_000);
        engine.Run();
        uint publication = engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].Publication;
        uint subscription = engine.All<SubscribedEvent>(EventType.Subscribed)[^1].Subscription;
        string body = new('x', 10_000);
        ulong sent = 0;
        while (engine.Core.Journal!.Log.OldestIndex == 0)
        {
            for (int i = 0; i < 20; i++)
                engine.Publish(session, publication, ++sent, body);
            engine.Run();
            engine.Settle(session, subscription, 0, sent, SettleKind.Ack, credit: 20);
            engine.Run();
            engine.Events.Clear();
        }
        engine.DeleteQueue(session, "filler");
    }
}
