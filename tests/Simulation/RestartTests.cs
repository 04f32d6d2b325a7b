using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Engine;
using Xunit;

namespace LowLatency.Tests.Simulation;

/// <summary>What the simulator found in restarts, each as a case of its own.</summary>
public sealed class RestartTests : IDisposable
{
    private const int Large = 100_000;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldKeepWhatComesAfterASnapshotThatAPowerCutHasCutOff()
    {
        var engine = new EngineHarness(_disk) { Flushes = true };
        int session = Prepare(engine, queues: 20);
        engine.Flushes = false;
        long rolled = engine.Core.Journal!.Log.Tail | (SegmentLayout.MinSize - 1);
        for (ulong i = 1; engine.Core.Journal.Log.Tail <= rolled; i++)
            PublishAndRun(engine, session, i);
        engine.Kill();

        var ends = new HashSet<long>();
        for (int seed = 0; seed < 60; seed++)
        {
            using SimulatedDisk disk = _disk.Clone();
            disk.PowerCut(new Random(seed));
            var cut = new EngineHarness(disk);
            ends.Add(cut.Core.Recovery!.TailPosition);
            session = cut.OpenSession();
            cut.DeclareQueue(session, "late");
            cut.Run();
            ulong hash = cut.Core.Engine.StateHash();
            cut.Kill();
            disk.Kill();
            using var again = new EngineHarness(disk);
            Assert.Equal(hash, again.Core.Engine.StateHash());
        }
        Assert.True(ends.Count > 1, "No cut was in the snapshot.");
    }

    [Fact]
    public void ShouldKeepWhatComesBetweenAndAfterASnapshotThatIsLongerThanASegment()
    {
        ulong hash;
        var engine = new EngineHarness(_disk);
        int session = Prepare(engine, queues: 2);
        string name = new('n', 240);
        for (int i = 0; i < 3000; i++)
        {
            engine.DeclareQueue(session, $"{name}{i}"); // Their definitions take more than a segment.
            if (i % 100 == 0)
                engine.Run();
        }
        engine.Run();
        long rolled = engine.Core.Journal!.Log.Active!.Index + 3;
        ulong sent = 0;
        while (engine.Core.Journal.Log.Active.Index < rolled)
        {
            engine.Publish(session, 1, ++sent, new string('x', Large));
            engine.Run();
        }
        // It runs into the next segment, which begins with none.
        RecordLog log = engine.Core.Journal.Log;
        Segment[] segments = [.. Enumerable.Range((int)log.OldestIndex, (int)(log.Active.Index - log.OldestIndex) + 1).Select(index => log.FindSegment(index * (long)log.SegmentSize)!)];
        Segment[] whole = [.. segments.Where(segment => segment.HasSnapshot)];
        Assert.NotEmpty(whole);
        Assert.All(whole, segment => Assert.True(segment.SnapshotEnd > segment.Base + segment.Length));
        Assert.All(whole, segment => Assert.False(log.FindSegment(segment.Base + segment.Length)!.HasSnapshot));
        Assert.Equal((long)sent, engine.Core.Engine.Topology.QueuesById()[0].Count);
        engine.DeclareQueue(session, "late");
        engine.Run();
        hash = engine.Core.Engine.StateHash();
        engine.Kill();
        _disk.Kill();
        using var again = new EngineHarness(_disk);
        Assert.Equal(3003, again.Core.Engine.Topology.QueueCount);
        Assert.Equal(hash, again.Core.Engine.StateHash());
    }

    [Fact]
    public void ShouldFlagEverythingAfterAPowerCutThoughTheRestartIsKilled()
    {
        var engine = new EngineHarness(_disk);
        int session = Prepare(engine, queues: 1);
        engine.OpenPublication(session, "q0", DurabilityLevel.Disk);
        engine.Run();
        for (ulong i = 1; i <= 3; i++)
            engine.Publish(session, 2, i, "m");
        engine.Run();
        engine.Flushes = false;
        engine.Subscribe(session, "q0", credit: 3);
        for (int i = 0; i < 5; i++)
            engine.Step();
        Assert.Equal(3, engine.Bodies().Length);
        engine.Kill();
        _disk.PowerCut(new Random(1));

        for (int call = 0; ; call++)
        {
            using SimulatedDisk disk = _disk.Clone();
            disk.CrashAtCall = disk.Calls + call;
            bool isKilled = false;
            try
            {
                new EngineHarness(disk).Kill();
            }
            catch (SimulatedCrash)
            {
                isKilled = true;
            }
            disk.Kill();
            using var again = new EngineHarness(disk);
            session = again.OpenSession();
            again.Subscribe(session, "q0", credit: 3);
            again.Run();
            Assert.All(again.All<DeliverEvent>(EventType.Deliver), deliver => Assert.Equal(DeliverEvent.RedeliveredFlag, deliver.Flags));
            Assert.Equal(3, again.Bodies().Length);
            if (!isKilled)
                break;
        }
    }

    [Fact]
    public void ShouldFlagADeliveryOfASequenceThatWasGivenBeforeTheRestart()
    {
        var engine = new EngineHarness(_disk);
        int session = Prepare(engine, queues: 1);
        engine.OpenPublication(session, "q0", DurabilityLevel.Memory);
        engine.Subscribe(session, "q0", credit: 3);
        engine.Run();
        for (ulong i = 1; i <= 3; i++)
            engine.Publish(session, 2, i, "lost");
        engine.Run();
        Assert.Equal(3, engine.Bodies().Length);
        engine.Kill();
        _disk.Kill();

        engine = new EngineHarness(_disk);
        session = engine.OpenSession();
        engine.OpenPublication(session, "q0", DurabilityLevel.Process);
        engine.Subscribe(session, "q0", credit: 3);
        engine.Run();
        engine.Publish(session, 1, 1, "kept");
        engine.Run();
        Assert.Equal((1ul, (ushort)0), (engine.Single<DeliverEvent>(EventType.Deliver).QueueSequence, engine.Single<DeliverEvent>(EventType.Deliver).Flags));
        engine.Kill();
        _disk.Kill();

        using var again = new EngineHarness(_disk);
        session = again.OpenSession();
        again.Subscribe(session, "q0", credit: 3);
        again.Run();
        Assert.Equal(["kept"], again.Bodies());
        Assert.Equal((1, DeliverEvent.RedeliveredFlag), (again.Single<DeliverEvent>(EventType.Deliver).DeliveryCount, again.Single<DeliverEvent>(EventType.Deliver).Flags));
    }

    [Fact]
    public void ShouldNotRecogniseAfterARestartWhatWasInMemoryOnly()
    {
        var engine = new EngineHarness(_disk);
        int session = Prepare(engine, queues: 1);
        engine.OpenPublication(session, "q0", DurabilityLevel.Memory, "p");
        engine.Subscribe(session, "q0", credit: 1000);
        engine.Run();
        engine.Publish(session, 2, 1, "in memory");
        // Rolls, and everything is settled: recovery starts at the second segment.
        ulong sent = 0;
        while (engine.Core.Journal!.Log.OldestIndex == 0)
        {
            PublishAndRun(engine, session, ++sent);
            engine.Settle(session, 1, 0, sent + 1);
            engine.Run();
        }
        engine.Kill();
        _disk.Kill();

        using var again = new EngineHarness(_disk);
        session = again.OpenSession();
        again.OpenPublication(session, "q0", DurabilityLevel.Disk, "p");
        again.Subscribe(session, "q0", credit: 10);
        again.Run();
        Assert.Equal(0ul, again.Single<PublicationOpenedEvent>(EventType.PublicationOpened).LastSequence);
        again.Publish(session, 1, 1, "sent again");
        again.Run();
        Assert.Equal(["sent again"], again.Bodies());
    }

    [Fact]
    public void ShouldHoldDeliveriesAndClosesWhileTheJournalPrepares()
    {
        var engine = new EngineHarness(_disk, journalReserve: 64);
        int session = Prepare(engine, queues: 1);
        int other = engine.OpenSession();
        engine.Subscribe(other, "q0", credit: 2);
        engine.Run();
        PublishAndRun(engine, session, 1);
        PublishAndRun(engine, session, 2);
        FillUp(engine, left: 32);
        engine.Events.Clear();
        engine.Core.Engine.BeginBatch(1);
        byte[] close = BitConverter.GetBytes(other);
        Assert.False(engine.Core.Engine.OnRecord((int)CommandType.CloseSession, close));
        Assert.Empty(engine.Events);
        engine.Prepares = true;
        engine.CloseSession(other);
        engine.Run();
        engine.Single<SessionClosedEvent>(EventType.SessionClosed);
        ulong hash = engine.Core.Engine.StateHash();
        engine.Kill();
        _disk.Kill();
        using var again = new EngineHarness(_disk);
        Assert.Equal(hash, again.Core.Engine.StateHash());
        session = again.OpenSession();
        again.Subscribe(session, "q0", credit: 3);
        again.Run();
        Assert.Equal([1, 1], again.All<DeliverEvent>(EventType.Deliver).Select(deliver => (int)deliver.DeliveryCount));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(96)]
    public void ShouldRestartWhereTheSegmentIsFullToTheLastBytes(int left)
    {
        var engine = new EngineHarness(_disk, journalReserve: 64);
        int session = Prepare(engine, queues: 1);
        for (ulong i = 1; i <= 3; i++)
            PublishAndRun(engine, session, i);
        FillUp(engine, left);
        ulong hash = engine.Core.Engine.StateHash();
        engine.Kill();
        _disk.Kill();

        using (SimulatedDisk full = _disk.Clone())
        {
            foreach (string spare in full.Names.Keys.Where(name => !name.StartsWith("segment", StringComparison.Ordinal)).ToArray())
                full.Names.Remove(spare);
            full.Capacity = 0;
            JournalException error = Assert.Throws<JournalException>(() => new EngineHarness(full));
            Assert.Equal(JournalError.DiskFull, error.Error);
        }
        // Opened, and cut off: what was recovered stays whatever the cut takes.
        engine = new EngineHarness(_disk);
        Assert.Equal(hash, engine.Core.Engine.StateHash());
        session = engine.OpenSession();
        engine.OpenPublication(session, "q0", DurabilityLevel.Disk);
        engine.Run();
        engine.Publish(session, 1, 1, "confirmed");
        engine.Run();
        engine.Single<ConfirmEvent>(EventType.Confirm);
        engine.Kill();
        for (int seed = 0; seed < 8; seed++)
        {
            using SimulatedDisk disk = _disk.Clone();
            disk.PowerCut(new Random(seed));
            using var again = new EngineHarness(disk);
            Assert.Equal(4, again.Core.RecoveredMessages);
        }
    }

    /// <summary>Writes the journal full to the last bytes, with no segment ready after it.</summary>
    private static void FillUp(EngineHarness engine, int left)
    {
        RecordLog log = engine.Core.Journal!.Log;
        engine.Prepares = false;
        if (log.Next != null)
        {
            for (long index = log.Active!.Index; log.Active.Index == index;)
                AppendFiller(log, 10_016);
        }
        Assert.Null(log.Next);
        while (log.SegmentSize - Offset(log) > left)
            AppendFiller(log, Math.Min(log.SegmentSize - Offset(log) - left, 10_016));
        Assert.Equal(left, log.SegmentSize - Offset(log));
    }

    private static int Offset(RecordLog log) => (int)(log.Tail - log.Active!.Base);

    /// <summary>A record that changes nothing: an ack of a queue that never was.</summary>
    /// <param name="length">With its header, a multiple of 32.</param>
    private static unsafe void AppendFiller(RecordLog log, int length)
    {
        log.MayUseLast = true;
        Assert.True(log.TryClaim(RecordType.Ack, 999_999, length - RecordLayout.HeaderLength, out _, out _) != null);
        log.MayUseLast = false;
        log.Commit();
    }

    private static int Prepare(EngineHarness engine, int queues)
    {
        int session = engine.OpenSession();
        for (int i = 0; i < queues; i++)
            engine.DeclareQueue(session, $"q{i}");
        engine.OpenPublication(session, "q0", DurabilityLevel.Process, "filler");
        engine.Run();
        return session;
    }

    private static void PublishAndRun(EngineHarness engine, int session, ulong sequence)
    {
        engine.Publish(session, 1, sequence, new string('x', Large));
        for (int i = 0; i < 3; i++)
            engine.Step();
    }
}
