using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Browsing and conflating: rules C9 and C10 of docs/model.md.</summary>
public sealed class ViewTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly EngineHarness _engine;
    private readonly int _session;
    private ulong _sequence;

    public ViewTests()
    {
        _engine = new EngineHarness(_disk, new BrokerLimits { MaxConflationKeys = 100 });
        _session = _engine.OpenSession();
        _engine.Request(CommandType.SetMaxUnacked, _session, 0);
        _engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _session, Request = 1000, Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("x"), 0, 0]);
        _engine.DeclareQueue(_session, "q");
        _engine.Send(CommandType.Bind, new RequestCommand { Session = _session, Request = 1001 }, [.. EngineHarness.Text("x"), .. EngineHarness.Text("q"), 0, 0, 0]);
        _engine.OpenPublication(_session, "", DurabilityLevel.Process, exchange: "x", window: 60_000);
        _engine.Run();
        _engine.Events.Clear();
    }

    public void Dispose()
    {
        _engine.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public void ShouldShowReadyAndUnsettledMessagesInOrderAndTakeNone()
    {
        _engine.Subscribe(_session, "q", 2);
        Publish("k", "a", "b", "c");
        _engine.Subscribe(_session, "q", Browse(2));
        _engine.Run();
        Assert.Equal([(2u, "a"), (2u, "b")], _engine.Deliveries()[2..]);
        _engine.Credit(_session, 2, 10);
        Publish("k", "d");
        Assert.Equal([(2u, "c"), (2u, "d")], _engine.Deliveries()[4..]);
        Assert.Equal((2, 2), (Queue.ReadyCount, Queue.UnsettledCount));
        Assert.Equal([1ul, 2, 3, 4], _engine.All<DeliverEvent>(EventType.Deliver).Where(e => e.Subscription == 2).Select(e => e.Tag));
        _engine.Settle(_session, 2, 1, 1);
        _engine.Run();
        Assert.Equal((ushort)ErrorCode.UnknownDeliveryTag, _engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
    }

    [Fact]
    public void ShouldShowABrowserWhatOthersConsumeAtOnce()
    {
        _engine.Subscribe(_session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.NoAck, CreditMessages = 100, CreditBytes = ulong.MaxValue });
        _engine.Subscribe(_session, "q", Browse(100));
        Publish("k", "a", "b");
        Assert.Equal(["a", "b"], _engine.Deliveries().Where(d => d.Subscription == 2).Select(d => d.Body));
        Assert.Equal(["a", "b"], _engine.Deliveries().Where(d => d.Subscription == 1).Select(d => d.Body));
        Assert.Equal(0, Queue.Count);
    }

    [Fact]
    public void ShouldAnswerAGetOfABrowser()
    {
        Publish("k", "a", "b", "c");
        _engine.Subscribe(_session, "q", Browse(0));
        _engine.Run();
        uint request = _engine.Get(_session, 1, 2);
        _engine.Run();
        Assert.Equal([(1u, "a"), (1u, "b")], _engine.Deliveries());
        DoneEvent done = _engine.Single<DoneEvent>(EventType.Done);
        Assert.Equal((request, 2ul), (done.Request, done.Count));
    }

    [Fact]
    public void ShouldShowAllOfALargeQueueWithItsHoles()
    {
        for (int i = 0; i < 20; i++)
            Publish("k", [.. Enumerable.Range(i * 500, 500).Select(j => $"{j}")]);
        _engine.Subscribe(_session, "q", 9999);
        _engine.Run();
        _engine.Settle(_session, 1, 2, 9999);
        _engine.Run();
        _engine.Events.Clear();
        _engine.Subscribe(_session, "q", Browse(10_000));
        _engine.Run();
        Assert.Equal([(2u, "0"), (2u, "9999")], _engine.Deliveries());
    }

    [Fact]
    public void ShouldShareATurnAmongManyBrowsers()
    {
        for (int i = 0; i < 4; i++)
            Publish("k", [.. Enumerable.Repeat("m", 500)]);
        for (int i = 0; i < 600; i++)
            _engine.Subscribe(_session, "q", Browse(3));
        _engine.Run();
        Assert.All(_engine.Deliveries().GroupBy(d => d.Subscription), group => Assert.Equal(3, group.Count()));
        Assert.Equal(1800, _engine.Deliveries().Length);
    }

    [Fact]
    public void ShouldShowTheNewestMessagePerKeyAndSayWhatItStandsFor()
    {
        Publish("EUR", "e1", "e2");
        Publish("USD", "u1");
        Publish("EUR", "e3");
        _engine.Subscribe(_session, "q", Conflate(1));
        _engine.Run();
        Publish("USD", "u2");
        Publish("CHF", "c1");
        Publish("EUR", "e4");
        _engine.Credit(_session, 1, 10);
        _engine.Run();
        Assert.Equal([(1u, "e3"), (1u, "u2"), (1u, "c1"), (1u, "e4")], _engine.Deliveries());
        Assert.Equal(
            [(1ul, 1ul, 4ul, 2ul), (2ul, 3ul, 5ul, 1ul), (3ul, 6ul, 6ul, 0ul), (4ul, 7ul, 7ul, 0ul)],
            _engine.All<DeliverConflatedEvent>(EventType.DeliverConflated).Select(e => (e.Deliver.Tag, e.FirstSequence, e.Deliver.QueueSequence, e.Elided)));
        Assert.Equal(7, Queue.ReadyCount);
    }

    [Fact]
    public void ShouldShowAMessageThatOthersHaveConsumedMeanwhile()
    {
        _engine.Subscribe(_session, "q", Conflate(0));
        _engine.Subscribe(_session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.NoAck, CreditMessages = 60_000, CreditBytes = ulong.MaxValue });
        Publish("a", "1");
        Publish("b", "2");
        Publish("a", "3");
        string filler = new('x', 200_000);
        for (int i = 0; i < 40; i++) // Its segment would be gone by now.
            Publish("filler", filler);
        _engine.Events.Clear();
        _engine.Credit(_session, 1, 2);
        _engine.Run();
        Assert.Equal([(1u, "3"), (1u, "2")], _engine.Deliveries());
        _engine.Unsubscribe(_session, 1);
        _engine.Run();
        Assert.Equal(0, _engine.Port.Passing.Count);
    }

    [Fact]
    public void ShouldShowWhatReplacesAMessageInALastValueQueue()
    {
        _engine.DeclareQueue(_session, "prices", QueueFlags.None, new FieldTableWriter().Add("x-last-value-key", ""));
        _engine.Send(CommandType.Bind, new RequestCommand { Session = _session, Request = 1002 }, [.. EngineHarness.Text("x"), .. EngineHarness.Text("prices"), 0, 0, 0]);
        _engine.Subscribe(_session, "prices", Conflate(100));
        Publish("EUR", "e1");
        Publish("USD", "u1");
        Publish("EUR", "e2");
        Publish("EUR", "e3");
        Assert.Equal([(1u, "e1"), (1u, "u1"), (1u, "e2"), (1u, "e3")], _engine.Deliveries());
        Assert.Equal(2, _engine.Core.Engine.Topology.QueuesById()[^1].ReadyCount);
    }

    [Fact]
    public void ShouldConflateByAHeaderAndShowEachMessageWithoutIt()
    {
        _engine.Subscribe(_session, "q", Conflate(0), "isin");
        foreach ((string? isin, string body) in new (string?, string)[] { ("X", "1"), (null, "2"), ("Y", "3"), ("X", "4"), (null, "5") })
            PublishWith(isin, body);
        _engine.Credit(_session, 1, 10);
        _engine.Run();
        Assert.Equal([(1u, "4"), (1u, "2"), (1u, "3"), (1u, "5")], _engine.Deliveries());
    }

    [Fact]
    public void ShouldGiveUpTheOldestKeyWhenMoreWaitThanTheLimit()
    {
        _engine.Subscribe(_session, "q", Conflate(0));
        for (int i = 0; i < 103; i++)
            Publish($"k{i}", $"{i}");
        Publish("k0", "again");
        _engine.Credit(_session, 1, 1000);
        _engine.Run();
        Assert.Equal([.. Enumerable.Range(4, 99).Select(i => (1u, $"{i}")), (1u, "again")], _engine.Deliveries());
        Assert.Equal(4ul, _engine.Core.Engine.ElidedCount);
    }

    [Fact]
    public void ShouldShowTheNewestOfManyKeysAgainAndAgain()
    {
        _engine.Subscribe(_session, "q", Conflate(0));
        var random = new Random(5);
        var last = new Dictionary<string, (int Body, ulong Count)>();
        var order = new List<string>();
        int body = 0;
        for (int round = 0; round < 50; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                string key = $"k{random.Next(90)}";
                if (!last.ContainsKey(key))
                    order.Add(key);
                last[key] = (++body, last.GetValueOrDefault(key).Count + 1);
                _engine.Publish(_session, 1, ++_sequence, $"{body}", key);
            }
            _engine.Run();
            _engine.Events.Clear();
            int shown = Math.Min(order.Count, random.Next(40));
            _engine.Credit(_session, 1, (uint)shown);
            _engine.Run();
            Assert.Equal(
                order.Take(shown).Select(key => ($"{last[key].Body}", last[key].Count - 1)),
                _engine.Events.Where(e => e.Type == EventType.DeliverConflated).Select(e => (e.Body!, e.Read<DeliverConflatedEvent>().Elided)));
            foreach (string key in order.Take(shown))
                last.Remove(key);
            order.RemoveRange(0, shown);
        }
    }

    private static SubscribeCommand Browse(uint credit) => new() { Flags = (uint)SubscribeFlags.Browse, CreditMessages = credit, CreditBytes = ulong.MaxValue };

    private static SubscribeCommand Conflate(uint credit) => new() { Flags = (uint)SubscribeFlags.Conflate, CreditMessages = credit, CreditBytes = ulong.MaxValue };

    private BrokerQueue Queue
    {
        get
        {
            Assert.True(_engine.Core.Engine.Topology.Default.TryGetQueue("q"u8, out BrokerQueue? queue));
            return queue;
        }
    }

    private void Publish(string key, params string[] bodies)
    {
        foreach (string body in bodies)
            _engine.Publish(_session, 1, ++_sequence, body, key);
        _engine.Run();
    }

    private void PublishWith(string? isin, string body)
    {
        byte[] headers = [];
        if (isin != null)
        {
            var table = new FieldTableWriter();
            table.Add("isin", isin);
            headers = [0x20, 0, 0, 0, 0, (byte)table.Entries.Length, .. table.Entries];
        }
        _engine.Send(
            CommandType.Publish,
            new PublishCommand { Session = _session, Publication = 1, Sequence = ++_sequence, BodyLength = body.Length, HeadersLength = (ushort)headers.Length },
            [.. headers, .. System.Text.Encoding.UTF8.GetBytes(body)]);
        _engine.Run();
    }
}
