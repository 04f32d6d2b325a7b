using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using IRecordHandler = LowLatency.Core.Rings.IRecordHandler;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Old segments in which little is live are emptied, and what was moved is what it was, also after a restart. Segments of 1 MiB.</summary>
public sealed unsafe class ReclaimTests : IDisposable
{
    private const int SegmentSize = 1024 * 1024;
    private static readonly string Filler = ":" + new string('f', 60_000);

    private readonly QueueHarness _broker = new();

    public void Dispose() => _broker.Dispose();

    private RecordLog Log => _broker.Engine.Core.Journal!.Log;

    [Fact]
    public void ShouldNotKeepAJournalForOneForgottenMessage()
    {
        _broker.Declare("flow");
        _broker.Declare("forgotten");
        _broker.Publish("forgotten", "ready");
        _broker.Publish("flow", "unsettled");
        _broker.Take("flow", 1);
        for (int i = 0; i < 300; i++)
        {
            _broker.Publish("flow", i + Filler);
            if (i % 50 == 0)
                _broker.Publish("forgotten", $"{i}");
            _broker.Take("flow", 1);
            _broker.Settle("flow", (ulong)i + 2, SettleKind.Ack, (ulong)i + 2);
            Assert.InRange(Log.ClosedSegments, 0, 4);
        }
        Assert.True(Log.OldestIndex > 10);
        _broker.Restart(sameHash: false);
        Assert.Equal(["unsettled"], _broker.Take("flow"));
        Assert.Equal(DeliverEvent.RedeliveredFlag, _broker.Engine.Single<DeliverEvent>(EventType.Deliver).Flags);
        Assert.Equal(["ready", "0", "50", "100", "150", "200", "250"], _broker.Take("forgotten"));
        Assert.All(_broker.Engine.All<DeliverEvent>(EventType.Deliver), deliver => Assert.Equal(0, deliver.Flags));
        Assert.Equal([1ul, 2, 3, 4, 5, 6, 7], _broker.Engine.All<DeliverEvent>(EventType.Deliver).Select(deliver => deliver.QueueSequence));
    }

    [Fact]
    public void ShouldLeadADeliveryThatWasNotReadYetToWhereItsMessageIs()
    {
        _broker.Declare("q");
        _broker.Declare("flow");
        _broker.Publish("q", "slow");
        _broker.Publish("q", "slower");
        _broker.Publish("flow", "first");
        _broker.Take("flow", 10_000);
        _broker.Engine.Events.Clear();
        _broker.Engine.Subscribe(_broker.Session, "q", 1);
        _broker.Engine.Subscribe(_broker.Session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.NoAck, CreditMessages = 1, CreditBytes = ulong.MaxValue });
        _broker.Engine.Polls = false;
        long oldest = Log.OldestIndex;
        for (ulong i = 1; i <= 100; i++)
        {
            _broker.Publish("flow", Filler);
            _broker.Settle("flow", i);
        }
        Assert.True(Log.OldestIndex > oldest + 2, $"from {oldest} to {Log.OldestIndex}");
        _broker.Engine.Polls = true;
        _broker.Engine.Run();
        Assert.Equal(["slow", "slower"], _broker.Engine.Deliveries().Where(delivery => delivery.Subscription != 1).Select(delivery => delivery.Body));
    }

    [Fact]
    public void ShouldKeepWhatAConflatingSubscriptionWaitsToSee()
    {
        _broker.Declare("q");
        _broker.Declare("flow");
        _broker.Engine.Subscribe(_broker.Session, "q", new SubscribeCommand { Flags = (uint)SubscribeFlags.Conflate });
        _broker.Engine.Run();
        _broker.Publish("q", "old");
        Assert.Equal(["old"], _broker.Drain("q"));
        Flow(100);
        Assert.InRange(Log.ClosedSegments, 0, 4);
        _broker.Engine.Events.Clear();
        _broker.Engine.Credit(_broker.Session, 1, 1);
        _broker.Engine.Run();
        Assert.Equal([(1u, "old")], _broker.Engine.Deliveries());
    }

    [Fact]
    public void ShouldNotVouchForDamage()
    {
        _broker.Declare("q");
        _broker.Declare("flow");
        _broker.Publish("q", "rotten");
        byte* record = Log.Record(_broker.Queue("q").Entries.Find(1)->Position);
        Flow(10);
        record[RecordLayout.HeaderLength + RecordLayout.AlignedLength(0) + 40] ^= 1;
        uint publication = _broker.Engine.OpenPublication(_broker.Session, "flow", DurabilityLevel.Process);
        _broker.Engine.Run();
        publication = _broker.Engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].Publication;
        _broker.Take("flow", 1000);
        for (ulong i = 1; i <= 200 && Log.State == JournalState.Open; i++)
        {
            _broker.Engine.Publish(_broker.Session, publication, i, Filler);
            while (_broker.Engine.Step() > 0 && Log.State == JournalState.Open)
            {
            }
            if (_broker.Engine.All<DeliverEvent>(EventType.Deliver) is { Length: > 0 } deliveries)
                _broker.Engine.Settle(_broker.Session, deliveries[^1].Subscription, 0, deliveries[^1].Tag);
        }
        Assert.Equal(JournalState.Failed, Log.State);
        Assert.Contains("damaged at position", Log.FailureText, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldNotGoRoundWhereMoreIsLiveThanIsCounted()
    {
        // Each message is in four queues and forgotten in one: a quarter of it counts as live, all of it is.
        string[] queues = ["a", "b", "c", "forgotten"];
        foreach (string queue in queues)
            _broker.Declare(queue);
        _broker.Engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _broker.Session, Request = 1000, Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("all"), 0, 0]);
        foreach (string queue in queues)
            _broker.Engine.Send(CommandType.Bind, new RequestCommand { Session = _broker.Session, Request = 1001 }, [.. EngineHarness.Text("all"), .. EngineHarness.Text(queue), 0, 0, 0]);
        uint publication = _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Process, exchange: "all");
        _broker.Engine.Run();
        publication = _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        for (ulong i = 1; i <= 200; i++)
        {
            _broker.Engine.Publish(_broker.Session, publication, i, Filler);
            _broker.Engine.Run();
            foreach (string queue in queues[..3])
            {
                _broker.Take(queue, 1);
                _broker.Settle(queue, i);
            }
        }
        long published = 200L * Filler.Length;
        Assert.InRange(_broker.Engine.Core.Engine.ReclaimedBytes, 1, 4 * published);
        _broker.Restart();
        Assert.Equal(200, _broker.Queue("forgotten").Count);
    }

    [Fact]
    public void ShouldMoveAMessageWithAllItsQueues()
    {
        string[] queues = ["a", "b", "c"];
        _broker.Declare("flow");
        foreach (string queue in queues)
            _broker.Declare(queue);
        _broker.Engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _broker.Session, Request = 1000, Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("all"), 0, 0]);
        foreach (string queue in queues)
            _broker.Engine.Send(CommandType.Bind, new RequestCommand { Session = _broker.Session, Request = 1001 }, [.. EngineHarness.Text("all"), .. EngineHarness.Text(queue), 0, 0, 0]);
        _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Process, exchange: "all");
        _broker.Engine.Run();
        uint publication = _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        _broker.Engine.Publish(_broker.Session, publication, 1, "in all of them");
        _broker.Engine.Run();
        Flow(100);
        Assert.True(Log.OldestIndex > 0);
        _broker.Restart(sameHash: false);
        foreach (string queue in queues)
            Assert.Equal(["in all of them"], _broker.Take(queue));
    }

    [Fact]
    public void ShouldLeaveASegmentAloneThatBecameAnotherOneInTheMiddle()
    {
        // More small messages than one slice looks at, in a segment that is to be emptied: one slice, and then its messages go by themselves.
        _broker.Level = DurabilityLevel.Process;
        _broker.Declare("small");
        _broker.Declare("flow");
        for (int i = 0; i < 2000; i++)
            _broker.Publish("small", $"{i}");
        Segment segment = Log.FindSegment(_broker.Queue("small").Entries.Find(1)->Position)!;
        long index = segment.Index;
        _broker.Publish("flow", "first");
        uint publication = 2;
        ulong sequence = 1;
        BrokerEngine engine = _broker.Engine.Core.Engine;
        while (engine.ReclaimedBytes == 0)
        {
            Assert.True(sequence < 200);
            Flow();
            _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "flow");
            Batch();
            engine.Reclaim();
        }
        long moved = engine.ReclaimedBytes;
        Assert.InRange(segment.References, 1, 1999);
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "small");
        Batch();
        Assert.Equal(0, segment.References);
        while (segment.Index == index || segment.References == 0 || segment == Log.Active)
        {
            Assert.True(sequence < 200);
            Flow();
        }
        engine.Reclaim();
        Assert.Equal(moved, engine.ReclaimedBytes);

        void Flow()
        {
            _broker.Engine.Publish(_broker.Session, publication, ++sequence, Filler);
            Batch();
        }

        void Batch()
        {
            engine.BeginBatch(_broker.Engine.NowNs);
            engine.OnLoaded();
            var handler = new Commands(engine);
            _broker.Engine.Core.Ingress.Poll(ref handler, 100);
            engine.EndBatch();
            _broker.Engine.Core.Journal!.Maintain();
            _broker.Engine.Core.Journal.Preparer.DoWork();
            _broker.Engine.Core.Journal.Flusher.DoWork();
        }
    }

    private readonly struct Commands(BrokerEngine engine) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body) => engine.OnRecord(type, body);
    }

    /// <summary>More of them with LOWLATENCY_RECLAIM_SEEDS.</summary>
    public static TheoryData<int> Seeds =>
        [.. Enumerable.Range(1, int.Parse(Environment.GetEnvironmentVariable("LOWLATENCY_RECLAIM_SEEDS") ?? "6", System.Globalization.CultureInfo.InvariantCulture))];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void ShouldKeepEveryMessageAsItIsWhileTheJournalStaysShort(int seed)
    {
        var random = new Random(seed);
        string[] queues = ["plain", "levels", "backoff", "values", "short", "dead"];
        Declare();
        // Whole seconds pass, and whatever happens at a time does so 300 ms after one: how fast the test runs makes no difference.
        long nowNs = UnixClock.NowNs();
        long moved = 0;
        var unsettled = new List<(uint Subscription, ulong Tag)>();
        for (int step = 0; step < 400; step++)
        {
            _broker.SetClock(nowNs);
            Flow(2);
            _broker.Engine.Events.Clear();
            string queue = queues[random.Next(queues.Length)];
            switch (random.Next(12))
            {
                case < 5:
                    _broker.Publish(queue, step + new string('m', random.Next(8) == 0 ? 100_000 : random.Next(10_000)), Headers(random));
                    break;
                case < 7 when queue is not ("short" or "values"): // One that is delivered there may go when the restart puts it back.
                    _broker.Take(queue, (uint)random.Next(1, 4));
                    break;
                case < 10 when unsettled.Count > 0:
                    (uint subscription, ulong tag) = unsettled[random.Next(unsettled.Count)];
                    unsettled.Remove((subscription, tag));
                    _broker.Engine.Events.Clear();
                    _broker.Engine.Settle(_broker.Session, subscription, tag, tag, (SettleKind)random.Next(1, 4));
                    _broker.Engine.Run();
                    break;
                case 10:
                    nowNs += random.Next(20) * 1_000_000_000L;
                    break;
                case 11 when random.Next(6) == 0:
                    _broker.Engine.Core.Journal!.RequestFlush();
                    _broker.Engine.Run();
                    string before = Contents();
                    unsettled.Clear();
                    moved += _broker.Engine.Core.Engine.ReclaimedBytes;
                    if (random.Next(2) == 0)
                    {
                        _broker.Restart(sameHash: false);
                        Assert.Equal(before, Contents());
                    }
                    else
                    {
                        _broker.PowerCut(seed + step); // Everything is durable: the same, flagged.
                        Assert.Equal(before, Contents());
                    }
                    before = Contents(withRecords: true);
                    _broker.Restart(sameHash: false);
                    Assert.Equal(before, Contents(withRecords: true));
                    break;
            }
            Assert.DoesNotContain(_broker.Engine.Events, e => e.Type == EventType.SessionFault);
            unsettled.AddRange(_broker.Engine.All<DeliverEvent>(EventType.Deliver).Select(deliver => (deliver.Subscription, deliver.Tag)));
            _broker.Engine.Events.Clear();
            AssertShort();
        }
        Assert.True(moved + _broker.Engine.Core.Engine.ReclaimedBytes > SegmentSize, $"only {moved} bytes were moved");
    }

    private void Declare()
    {
        _broker.Declare("dead");
        _broker.Declare("flow");
        _broker.Declare("plain", QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Declare("levels", QueueHarness.Arguments.Add("x-max-priority", 9));
        _broker.Declare("backoff", QueueHarness.Arguments.Add("x-redelivery-delay", 5300).Add("x-redelivery-delay-max", 5300).Add("x-delivery-limit", 5));
        _broker.Declare("values", QueueHarness.Arguments.Add("x-last-value-key", "k"));
        _broker.Declare("short", QueueHarness.Arguments.Add("x-message-ttl", 30_300).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        _broker.Level = DurabilityLevel.Process;
    }

    private static byte[] Headers(Random random)
    {
        var headers = new ContentHeaderBuilder();
        headers.Headers.Add("k", random.Next(5));
        if (random.Next(4) == 0)
            headers.Headers.Add("x-delay", 1000 * random.Next(60) + 300);
        if (random.Next(3) == 0)
            headers.Priority((byte)random.Next(10));
        return headers.Build().ToArray();
    }

    /// <summary>All that a restart keeps: of each queue its messages with their places, counts and bodies.</summary>
    private string Contents(bool withRecords = false)
    {
        var lines = new List<string>();
        foreach (BrokerQueue queue in _broker.Engine.Core.Engine.Topology.QueuesById())
        {
            for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry == null)
                    continue;
                int count = entry->DeliveryCount + (entry->State == EntryState.Unsettled ? 1 : 0);
                lines.Add($"{queue.DisplayName} {sequence} {count} {entry->Priority} {BodyAt(entry->Position)}{(withRecords ? $" {entry->Position} {entry->MaybeDelivered} {entry->State}" : "")}");
            }
            foreach (ScheduledMessage message in (queue.Scheduled == null ? [] : queue.Scheduled.Items.ToArray()).OrderBy(message => message.Number))
                lines.Add($"{queue.DisplayName} {message.Number} {message.DueNs} {BodyAt(message.Position)}{(withRecords ? $" {message.Position} {message.MaybeDelivered}" : "")}");
        }
        return string.Join('\n', lines);
    }

    private string BodyAt(long position)
    {
        _broker.Engine.Reader.Enter();
        Assert.True(_broker.Engine.Reader.TryRead(position, out MessageView view), $"No record at {position}.");
        string text = System.Text.Encoding.UTF8.GetString(view.Body);
        _broker.Engine.Reader.Exit();
        return $"{text.Length} {text[..Math.Min(text.Length, 8)]}";
    }

    private void Flow(int messages)
    {
        for (int i = 0; i < messages; i++)
        {
            _broker.Publish("flow", Filler);
            _broker.Drain("flow");
        }
    }

    /// <summary>Live bytes as anyone can count them, and the segments behind the active one.</summary>
    private void AssertShort()
    {
        var records = new HashSet<long>();
        long live = 0;
        foreach (BrokerQueue queue in _broker.Engine.Core.Engine.Topology.QueuesById())
        {
            for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry != null && records.Add(entry->Position))
                    live += entry->PayloadLength + 96;
            }
            foreach (ScheduledMessage message in queue.Scheduled == null ? [] : queue.Scheduled.Items.ToArray())
                live += records.Add(message.Position) ? message.PayloadLength + 96 : 0;
        }
        Assert.Equal(live, Log.LiveBytes);
        Assert.True(Log.ClosedSegments * (long)SegmentSize <= 2 * live + 3 * SegmentSize, $"{Log.ClosedSegments} closed segments for {live} live bytes");
    }
}
