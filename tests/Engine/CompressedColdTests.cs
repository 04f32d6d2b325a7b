using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Journals;
using Xunit;
using static LowLatency.Tests.Engine.ColdMessages;

namespace LowLatency.Tests.Engine;

/// <summary>As <see cref="ColdTests"/>, with segments that are compressed as soon as they are cold: nobody is to see a difference.</summary>
public sealed unsafe class CompressedColdTests : IDisposable
{
    private const int SegmentSize = 1024 * 1024;
    private const int Segments = 10;

    private readonly QueueHarness _broker = new(journalMemory: 0, compresses: true);

    public CompressedColdTests() => _broker.Level = DurabilityLevel.Process;

    public void Dispose() => _broker.Dispose();

    private RecordLog Log => _broker.Engine.Core.Journal!.Log;

    private BrokerEngine Core => _broker.Engine.Core.Engine;

    [Fact]
    public void ShouldDrainWhatWasPublished()
    {
        Fill(_broker, "cold", Segments);
        Assert.InRange(Compress(), Segments - 4, Segments);
        Assert.InRange(_broker.Disk.Used, 1, 7 * SegmentSize); // Four that are hot, the next, and little more.
        ulong state = Core.StateHash();
        Assert.Equal(Numbers(0, Segments * PerSegment), _broker.Take("cold").Select(Number));
        Assert.NotEqual(state, Core.StateHash());
        Assert.InRange(Log.Decompressed.Bytes, 1, (JournalOptions.MinColdSegments + 2) * (long)SegmentSize);
        _broker.Settle("cold", Segments * PerSegment);
        Assert.Equal(0, _broker.Queue("cold").Count);
        Assert.Equal(0, Log.LiveBytes);
    }

    [Fact]
    public void ShouldChangeNoState()
    {
        Fill(_broker, "cold", Segments);
        ulong state = Core.StateHash();
        long live = Log.LiveBytes;
        Assert.NotEqual(0, Compress());
        Assert.Equal((state, live), (Core.StateHash(), Log.LiveBytes));
        _broker.Restart(); // By the same hash.
        Assert.Equal(live, Log.LiveBytes);
    }

    [Fact]
    public void ShouldDrainAfterARestart()
    {
        Fill(_broker, "cold", Segments);
        Compress();
        Assert.Equal(40, _broker.Take("cold", 40).Length);
        _broker.Settle("cold", 20);
        _broker.PowerCut(3);
        Assert.NotNull(Log.FindSegment(Log.OldestIndex * SegmentSize)!.Compressed);
        Assert.Equal(Numbers(20, Segments * PerSegment - 20), _broker.Take("cold").Select(Number));
    }

    [Fact]
    public void ShouldDrainWhileMoreIsPublishedAndCompressed()
    {
        var taken = new List<int>();
        _broker.Declare("cold");
        Fill(_broker, "cold", Segments);
        for (int i = 0; i < 30; i++)
        {
            Compress(steps: 15);
            taken.AddRange(_broker.Take("cold", 6).Select(Number));
            _broker.Publish("cold", $"cold {Segments * PerSegment + i} {Filler}");
        }
        taken.AddRange(_broker.Take("cold").Select(Number));
        Assert.Equal(Numbers(0, Segments * PerSegment + 30), taken);
    }

    [Fact]
    public void ShouldMoveTheOldestOfAFullQueueInPlace()
    {
        _broker.Declare("dead");
        _broker.Declare("full", QueueHarness.Arguments.Add("x-max-length", Segments * PerSegment).Add("x-overflow", "drop-head").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        Fill(_broker, "full", Segments);
        Compress();
        Assert.NotNull(Log.FindSegment(_broker.Queue("full").Entries.Find(1)->Position)!.Compressed);
        for (int i = 0; i < 20; i++)
            _broker.Publish("full", $"more {i} short");
        Assert.Equal(Numbers(0, 20), _broker.Take("dead").Select(Number));
    }

    [Fact]
    public void ShouldExpireWhatIsCompressed()
    {
        _broker.Declare("dead");
        _broker.Declare("cold", QueueHarness.Arguments.Add("x-message-ttl", 60_000).Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "dead"));
        Fill(_broker, "cold", Segments);
        Compress();
        _broker.Advance(61_000);
        Assert.Equal(0, _broker.Queue("cold").Count);
        Assert.Equal(Numbers(0, Segments * PerSegment), _broker.Take("dead").Select(Number));
    }

    [Fact]
    public void ShouldEmptyACompressedSegment()
    {
        _broker.Declare("forgotten");
        _broker.Publish("forgotten", "still here");
        Fill(_broker, "backlog", Segments);
        Assert.NotEqual(0, Compress());
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "backlog");
        _broker.Engine.Run();
        _broker.Declare("flow");
        for (int i = 0; i < 5 * PerSegment; i++)
        {
            _broker.Publish("flow", Filler);
            _broker.Drain("flow");
        }
        Assert.True(Core.ReclaimedBytes > 0);
        Assert.InRange(Log.ClosedSegments, 0, 4);
        Assert.InRange(_broker.Disk.Used, 1, 8 * SegmentSize);
        Assert.Equal(["still here"], _broker.Take("forgotten", 1));
    }

    [Fact]
    public void ShouldCountWhatSeveralQueuesShare()
    {
        string[] queues = [.. Enumerable.Range(0, 12).Select(number => $"q{number}")];
        _broker.Engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _broker.Session, Request = 1000, Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("all"), 0, 0]);
        foreach (string queue in queues)
        {
            _broker.Declare(queue);
            _broker.Engine.Send(CommandType.Bind, new RequestCommand { Session = _broker.Session, Request = 1001 }, [.. EngineHarness.Text("all"), .. EngineHarness.Text(queue), 0, 0, 0]);
        }
        _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Process, exchange: "all");
        _broker.Engine.Run();
        uint publication = _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        for (ulong i = 1; i <= Segments * PerSegment; i++)
        {
            _broker.Engine.Publish(_broker.Session, publication, i, $"all {i - 1} {Filler}");
            _broker.Engine.Run();
        }
        Assert.NotEqual(0, Compress());
        long live = Log.LiveBytes;
        _broker.Restart();
        Assert.Equal(live, Log.LiveBytes);
        Assert.InRange(Log.Decompressed.TakenCount, 1, Segments); // Once for all queues.
        foreach (string queue in queues)
            Assert.Equal(Numbers(0, Segments * PerSegment), _broker.Take(queue).Select(Number));
    }

    [Fact]
    public void ShouldNotServeWhatIsDamaged()
    {
        Fill(_broker, "cold", Segments);
        Compress();
        long segment = _broker.Queue("cold").Entries.Find(20)->Position / SegmentSize;
        SimulatedFile file = _broker.Disk.Names[JournalFiles.Segment(segment)];
        int at = CompressedSegmentFile.BlocksStart(SegmentSize) + 2000;
        file.Damage(at, [(byte)(file.Bytes[at] ^ 1)]);
        string[] bodies = _broker.Take("cold");
        Assert.Equal(JournalState.Failed, Log.State);
        Assert.Contains("damaged between positions", Log.FailureText, StringComparison.Ordinal);
        Assert.Equal(Numbers(0, bodies.Length), bodies.Select(Number));
        Assert.InRange(bodies.Length, 1, 19);
    }

    [Fact]
    public void ShouldCompressInTheBackground()
    {
        const int segments = 24;
        using var folder = new TemporaryFolder();
        using var engine = new EngineHarness(folder.Path, journalMemory: 0, compresses: true);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "cold");
        engine.OpenPublication(session, "cold", DurabilityLevel.Process);
        engine.Run();
        for (int i = 1; i <= segments * PerSegment; i++)
        {
            engine.Publish(session, 1, (ulong)i, $"cold {i - 1} {Filler}");
            engine.RunUntil(() => engine.Core.Engine.PublishedCount == i);
        }
        RecordLog log = engine.Core.Journal!.Log;
        engine.Core.Journal.RequestFlush();
        // Its thread stands behind all others: on a machine that is busy with other tests it comes to little. What it has not done goes on beside the drain.
        engine.RunUntil(() => log.CompressedCount >= 2, seconds: 120);
        engine.RunUntil(() => Directory.EnumerateFiles(folder.Path).Count(file => new FileInfo(file).Length is > 0 and < SegmentSize / 2) >= 2);
        engine.Events.Clear();
        engine.Subscribe(session, "cold", 10_000);
        engine.RunUntil(() => engine.Deliveries().Length == segments * PerSegment);
        Assert.Equal(Numbers(0, segments * PerSegment), engine.Bodies().Select(Number));
        Assert.Equal(JournalState.Open, log.State);
    }

    private long Compress(int steps = 2000)
    {
        for (int i = 0; i < steps; i++)
            _broker.Engine.Step();
        return Log.CompressedCount;
    }
}
