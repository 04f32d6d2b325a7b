using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>The snapshot of a segment in slices: bounded work for each, and a restart on it finds what there was. Segments of 1 MiB.</summary>
public sealed unsafe class SnapshotTests : IDisposable
{
    private static readonly string Filler = new('f', 100_000);

    private readonly QueueHarness _broker = new() { Level = DurabilityLevel.Process };

    public void Dispose() => _broker.Dispose();

    private RecordLog Log => _broker.Engine.Core.Journal!.Log;

    private BrokerEngine Core => _broker.Engine.Core.Engine;

    [Fact]
    public void ShouldWriteNoMoreThanASliceAtATime()
    {
        _broker.Declare("flow");
        for (int i = 0; i < 3000; i++)
            _broker.Engine.DeclareQueue(_broker.Session, $"q{i}");
        _broker.Engine.Run();
        Open();
        Segment segment = Log.Active!;
        Core.SnapshotSlice = 256;
        long most = 0;
        long records = Core.SnapshotRecords;
        for (int slices = 0; Core.IsSnapshotOpen; slices++)
        {
            Assert.InRange(slices, 0, 12); // 3,001 queues.
            Assert.False(segment.HasSnapshot);
            Core.ContinueSnapshot();
            most = Math.Max(most, Core.SnapshotRecords - records);
            records = Core.SnapshotRecords;
        }
        Assert.InRange(most, 1, 2 * Core.SnapshotSlice); // A queue has two.
        Assert.True(segment.HasSnapshot);
        Assert.Equal(Log.Tail, segment.SnapshotEnd);
        // One for the beginning and the end, two for each queue.
        Assert.InRange(Core.SnapshotRecords, 2 * 3001, 2 * 3001 + 10);
    }

    [Fact]
    public void ShouldTellOfAQueueBeforeItsMessage()
    {
        _broker.Declare("flow");
        _broker.Declare("first");
        _broker.Declare("second");
        Open();
        _broker.Publish("second", "in the middle");
        _broker.Declare("late");
        _broker.Publish("late", "new");
        Finish();
        _broker.Restart();
        Assert.True(Log.OldestIndex > 0);
        Assert.Equal(["in the middle"], _broker.Take("second"));
        Assert.Equal(["new"], _broker.Take("late"));
        Assert.Empty(_broker.Take("first"));
    }

    [Fact]
    public void ShouldKnowAPublisherByWhatItStoredMeanwhile()
    {
        _broker.Declare("flow");
        _broker.Declare("q");
        uint publication = Named("desk");
        for (ulong i = 1; i <= 4; i++)
            _broker.Engine.Publish(_broker.Session, publication, i, $"{i}");
        _broker.Engine.Run();
        _broker.Drain("q");
        Open();
        _broker.Engine.Publish(_broker.Session, publication, 7, "7"); // 5 and 6 were never sent.
        _broker.Engine.Run();
        Finish();
        _broker.Restart();
        _broker.Engine.Events.Clear();
        Named("desk");
        Assert.Equal(7ul, _broker.Engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].LastSequence);
    }

    [Fact]
    public void ShouldKeepBindingsInTheirOrder()
    {
        _broker.Declare("flow");
        Assert.Equal(ErrorCode.None, _broker.Engine.Exchange(_broker.Session, "all", ExchangeKind.Fanout));
        for (int i = 0; i < 6; i++)
        {
            _broker.Declare($"q{i}");
            if (i < 5)
                Bind($"q{i}");
        }
        Open();
        // Between any two of its slices one more comes, and one goes: also the one that is next.
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(ErrorCode.None, _broker.Engine.Unbind(_broker.Session, "all", $"q{i}"));
            Step();
            Bind(i == 0 ? "q5" : $"q{i - 1}");
            Step();
        }
        Finish();
        _broker.Restart();
        Assert.True(Log.OldestIndex > 0);

        void Step()
        {
            Core.SnapshotSlice = 5;
            Core.ContinueSnapshot();
            Core.SnapshotSlice = 0;
        }
    }

    [Fact]
    public void ShouldKeepTheBindingsOfTheExchangeAfterOneThatIsDeleted()
    {
        _broker.Declare("flow");
        _broker.Declare("q");
        // With each number of slices before the deletion.
        for (int slices = 0; slices < 25; slices++)
        {
            foreach (string name in (string[])["first", "all"])
            {
                Assert.Equal(ErrorCode.None, _broker.Engine.Exchange(_broker.Session, name, ExchangeKind.Fanout));
                Assert.Equal(ErrorCode.None, _broker.Engine.Bind(_broker.Session, name, "q"));
            }
            long before = Log.OldestIndex;
            Open();
            Core.SnapshotSlice = 1;
            for (int i = 0; i < slices; i++)
                Core.ContinueSnapshot();
            Core.SnapshotSlice = 0;
            Assert.Equal(ErrorCode.None, _broker.Engine.DeleteExchange(_broker.Session, "first"));
            Finish();
            _broker.Restart();
            Assert.True(Log.OldestIndex > before);
            Assert.Equal(ErrorCode.None, _broker.Engine.DeleteExchange(_broker.Session, "all"));
        }
    }

    [Fact]
    public void ShouldGoOnInTheNextSegment()
    {
        _broker.Declare("flow");
        Open();
        Segment first = Log.Active!;
        for (int i = 0; i < 15; i++)
            Publish("flow", Filler);
        Assert.NotEqual(first, Log.Active);
        Assert.True(Core.IsSnapshotOpen);
        Assert.False(Log.Active!.HasSnapshot);
        Core.SnapshotSlice = 256;
        _broker.Engine.Run();
        Assert.True(first.HasSnapshot);
        Assert.False(Log.Active.HasSnapshot);
        Assert.InRange(first.SnapshotEnd, Log.Active.Base, Log.Tail);
        Drain("flow");
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        Assert.Equal(first.Index, Log.OldestIndex);
        _broker.Restart();
        Assert.Equal(first.Index, Log.OldestIndex);
    }

    [Fact]
    public void ShouldNotBeginWithOneThatIsNotWhole()
    {
        _broker.Declare("flow");
        _broker.Declare("q");
        long before = Log.OldestIndex;
        Open();
        _broker.Publish("q", "kept");
        Drain("flow");
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        Assert.Equal(before, Log.OldestIndex);
        _broker.Restart();
        Assert.Equal(before, Log.OldestIndex);
        Assert.Equal(["kept"], _broker.Take("q"));
        // The run after it writes its own.
        for (int i = 0; i < 15; i++)
            Publish("flow", Filler);
        Assert.True(Log.Active!.HasSnapshot);
        _broker.Drain("q");
        Finish();
        Assert.True(Log.OldestIndex > before);
        _broker.Restart();
    }

    [Fact]
    public void ShouldTellOfTheQueuesOfATransaction()
    {
        _broker.Declare("flow");
        _broker.Declare("target");
        _broker.Declare("first", QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "target"));
        _broker.Engine.OpenPublication(_broker.Session, "first", DurabilityLevel.Process);
        _broker.Engine.Run();
        uint publication = _broker.Engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].Publication;
        Open();
        byte[] body = "together"u8.ToArray();
        for (int i = 0; i < 2; i++)
        {
            _broker.Engine.Send(
                CommandType.Publish,
                new PublishCommand { Session = _broker.Session, Publication = publication, BodyLength = body.Length, Flags = (byte)PublishFlags.InTransaction, ReceivedNs = _broker.Engine.NowNs },
                body);
        }
        _broker.Engine.Request(CommandType.CommitTransaction, _broker.Session);
        _broker.Engine.Run();
        Assert.Equal(2, _broker.Queue("first").Count);
        Finish();
        _broker.Restart();
        Assert.Equal(["together", "together"], _broker.Take("first"));
    }

    [Fact]
    public void ShouldLetSegmentsGoWhenItIsWhole()
    {
        _broker.Declare("flow");
        long before = Log.OldestIndex;
        Open();
        Drain("flow");
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
        Assert.Equal(before, Log.OldestIndex);
        Core.SnapshotSlice = 256;
        _broker.Engine.Run();
        Assert.Equal(Log.Active!.Index, Log.OldestIndex);
    }

    [Fact]
    public void ShouldBeginAgainWhereAClaimBeganIt()
    {
        // Whatever record a segment begins for: what it needs is told between the beginning of the snapshot and the record.
        _broker.Declare("flow");
        _broker.Declare("target");
        _broker.Declare("moves", QueueHarness.Arguments.Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "target"));
        _broker.Declare("limit", QueueHarness.Arguments.Add("x-max-length", 1).Add("x-overflow", "drop-head").Add("x-dead-letter-exchange", "").Add("x-dead-letter-routing-key", "target"));
        _broker.Declare("timed");
        for (int round = 0; round < 12; round++)
        {
            Core.SnapshotSlice = 0;
            long index = Log.Active!.Index;
            string queue = (round % 4) switch { 0 => "flow", 1 => "moves", 2 => "limit", _ => "timed" };
            for (int i = 0; Log.Active.Index == index; i++)
            {
                Assert.True(i < 30);
                Publish(queue, $"{round} {Filler}", queue == "timed" ? Delayed() : null);
                if (queue == "moves")
                {
                    _broker.Take("moves", 1);
                    _broker.Settle("moves", _broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag, SettleKind.Reject);
                    _broker.Leave("moves");
                }
                if (queue == "timed")
                    _broker.Advance(200);
            }
            Assert.True(Core.IsSnapshotOpen);
            Core.SnapshotSlice = 256;
            _broker.Engine.Run();
            Drain("flow");
            foreach (string other in (string[])["target", "limit", "timed"])
            {
                // Only what is in the newest segment stays.
                BrokerQueue drained = _broker.Queue(other);
                if (drained.Entries.Head < drained.Entries.Next && drained.Entries.Find(drained.Entries.Head)->Position < Log.Active.Base)
                    DrainTo(other, Log.Active.Base);
            }
            _broker.Engine.Core.Journal!.RequestFlush();
            _broker.Engine.Run();
            Assert.Equal(Log.Active.Index, Log.OldestIndex);
            _broker.Restart();
        }
    }

    /// <summary>Fills the segment until a snapshot is open in a new one, and holds it there.</summary>
    private void Open()
    {
        Core.SnapshotSlice = 0;
        long index = Log.Active!.Index;
        for (int i = 0; Log.Active.Index == index; i++)
        {
            Assert.True(i < 30);
            Publish("flow", Filler);
        }
        Assert.True(Core.IsSnapshotOpen);
    }

    /// <summary>Ends the snapshot, and lets the segments before it go.</summary>
    private void Finish()
    {
        Core.SnapshotSlice = 256;
        _broker.Engine.Run();
        Assert.False(Core.IsSnapshotOpen);
        Drain("flow");
        _broker.Engine.Core.Journal!.RequestFlush();
        _broker.Engine.Run();
    }

    private void Publish(string queue, string body, byte[]? headers = null) => _broker.Publish(queue, body, headers);

    private void Drain(string queue)
    {
        int slice = Core.SnapshotSlice;
        if (_broker.Queue(queue).ReadyCount > 0)
            _broker.Drain(queue);
        Core.SnapshotSlice = slice;
    }

    private void DrainTo(string queue, long position)
    {
        BrokerQueue held = _broker.Queue(queue);
        while (held.Entries.Head < held.Entries.Next && held.Entries.Find(held.Entries.Head)->Position < position)
        {
            _broker.Take(queue, 1);
            _broker.Settle(queue, _broker.Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag);
            _broker.Leave(queue);
        }
    }

    private void Bind(string queue) => Assert.Equal(ErrorCode.None, _broker.Engine.Bind(_broker.Session, "all", queue));

    private static byte[] Delayed()
    {
        var headers = new ContentHeaderBuilder();
        headers.Headers.Add("x-delay", 100);
        return headers.Build().ToArray();
    }

    private uint Named(string name)
    {
        _broker.Engine.OpenPublication(_broker.Session, "q", DurabilityLevel.Process, name);
        _broker.Engine.Run();
        return _broker.Engine.All<PublicationOpenedEvent>(EventType.PublicationOpened)[^1].Publication;
    }
}
