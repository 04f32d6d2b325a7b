using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Full disks, failed journals, full memory, clients that do not read, and the end: on a simulated disk.</summary>
public sealed class TroubleTests : IDisposable
{
    private const int Large = 100_000;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldEndWhatNeedsTheJournalWhenItFails()
    {
        using var engine = new EngineHarness(_disk);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Disk);
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.OpenPublication(session, "q", DurabilityLevel.Memory);
        engine.Subscribe(session, "q", credit: 100);
        engine.Run();
        engine.Events.Clear();

        _disk.FailSync = _disk.Syncs;
        engine.Publish(session, 1, 1, "never confirmed");
        uint pending = engine.DeclareQueue(session, "pending");
        engine.RunUntil(() => engine.All<SubscriptionEndedEvent>(EventType.SubscriptionEnded).Length == 2);
        Assert.All(engine.All<SubscriptionEndedEvent>(EventType.SubscriptionEnded), ended => Assert.Equal(((ushort)ErrorCode.JournalFailed, (byte)1), (ended.Code, ended.IsPublication)));
        FailedEvent failed = engine.Single<FailedEvent>(EventType.Failed);
        Assert.Equal((pending, ErrorCode.JournalFailed), (failed.Request, (ErrorCode)failed.Code));
        Assert.Equal(JournalState.Failed, engine.Core.JournalState);
        engine.Events.Clear();

        uint[] refused =
        [
            engine.DeclareQueue(session, "other"),
            engine.OpenPublication(session, "q", DurabilityLevel.Process),
            engine.OpenPublication(session, "q", DurabilityLevel.Disk),
            engine.OpenPublication(session, "q", DurabilityLevel.Memory, "a new name"),
        ];
        engine.Publish(session, 3, 1, "in memory");
        engine.RunUntil(() => engine.All<FailedEvent>(EventType.Failed).Length == refused.Length && engine.Bodies().Length == 1);
        Assert.Equal(refused.Select(request => (request, (ushort)ErrorCode.JournalFailed)), engine.All<FailedEvent>(EventType.Failed).Select(e => (e.Request, e.Code)));
        Assert.Equal((byte)DurabilityLevel.Memory, engine.Single<ConfirmEvent>(EventType.Confirm).Level);
        engine.Settle(session, 1, 0, 1);
        engine.RunUntil(() => engine.Core.Engine.Topology.QueuesById()[0].Count == 1);
    }

    [Fact]
    public void ShouldRejectWhileTheDiskIsFullAndTellWhenItIsNot()
    {
        using var engine = new EngineHarness(_disk);
        _disk.Capacity = _disk.Used + SegmentLayout.MinSize;
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process, window: 1000);
        engine.OpenPublication(session, "q", DurabilityLevel.Memory, window: 1000);
        engine.Run();
        ulong sequence = 0;
        while (engine.All<RejectedEvent>(EventType.Rejected).Length == 0)
        {
            engine.Publish(session, 1, ++sequence, new string('x', Large));
            engine.Run();
        }
        Assert.Equal((sequence, (ushort)ErrorCode.DiskFull), (engine.All<RejectedEvent>(EventType.Rejected)[0].Sequence, engine.All<RejectedEvent>(EventType.Rejected)[0].Code));
        Assert.Equal(sequence - 1, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        // Definitions have the reserve.
        engine.DeclareQueue(session, "small");
        engine.Run();
        Assert.Equal(2, engine.All<QueueDeclaredEvent>(EventType.QueueDeclared).Length);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationReady);

        _disk.Capacity = long.MaxValue;
        engine.RunUntil(() => engine.All<PublicationReadyEvent>(EventType.PublicationReady).Length == 1);
        engine.Publish(session, 1, ++sequence, new string('x', Large));
        engine.Run();
        Assert.Equal(sequence, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
    }

    [Fact]
    public void ShouldRejectAtTheMemoryLimitAndTellWhenThereIsRoomThoughTheDiskIsFull()
    {
        using var engine = new EngineHarness(_disk, new BrokerLimits { MaxTransientBytes = 8 * 1024 * 1024, MaxBodyLength = Large });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.DeclareQueue(session, "never read");
        engine.OpenPublication(session, "q", DurabilityLevel.Memory);
        engine.OpenPublication(session, "never read", DurabilityLevel.Process);
        engine.Subscribe(session, "q", credit: 1000);
        engine.Run();
        _disk.Capacity = _disk.Used;
        Fill(engine, session, publication: 2, ErrorCode.DiskFull);
        Fill(engine, session, publication: 1, ErrorCode.MemoryLimit);
        ulong delivered = (ulong)engine.Bodies().Length;
        engine.Settle(session, 1, 0, delivered);
        engine.RunUntil(() => engine.All<PublicationReadyEvent>(EventType.PublicationReady).Length == 1);
        Assert.Equal(1u, engine.Single<PublicationReadyEvent>(EventType.PublicationReady).Publication);
    }

    private static void Fill(EngineHarness engine, int session, uint publication, ErrorCode code)
    {
        ulong sequence = 0;
        while (!engine.All<RejectedEvent>(EventType.Rejected).Any(e => e.Publication == publication))
        {
            engine.Publish(session, publication, ++sequence, new string('x', Large));
            engine.Run();
        }
        Assert.Equal(code, (ErrorCode)engine.All<RejectedEvent>(EventType.Rejected)[^1].Code);
    }

    [Fact]
    public void ShouldHoldDeliveriesBackFromAFullPortAndSurviveRepliesThatFillIt()
    {
        using var engine = new EngineHarness(_disk, portCapacity: 8 * 1024);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Process, window: 1000);
        engine.Subscribe(session, "q", credit: 1);
        engine.Run();
        engine.Publish(session, 1, 1, "m");
        engine.Run(); // The budget for deliveries was counted.
        engine.Polls = false;
        // Confirms fill the port to the end.
        for (ulong i = 2; i <= 600; i++)
        {
            engine.Publish(session, 1, i, "m");
            engine.Step();
        }
        engine.Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = 1, Messages = 1000, Bytes = ulong.MaxValue });
        for (int i = 0; i < 10; i++)
            engine.Step();
        Assert.False(engine.Port.IsOverrun);
        engine.Polls = true;
        engine.RunUntil(() => engine.Bodies().Length == 600);
        Assert.Equal(600ul, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
    }

    [Fact]
    public void ShouldEndASessionThatDoesNotReadItsReplies()
    {
        using var engine = new EngineHarness(_disk, portCapacity: 8 * 1024);
        var port = new EgressPort(8 * 1024, null, alwaysDrained: false);
        engine.Core.Ports.Add(port);
        int session = engine.OpenSession();
        Assert.True(engine.Core.SessionIds.TryRent(out int silent));
        engine.Send(CommandType.OpenSession, new OpenSessionCommand { Session = silent, Connection = silent, Port = port.Index }, [.. EngineHarness.Text("silent"), .. EngineHarness.Text("/")]);
        engine.DeclareQueue(session, "q", maxLength: 1);
        engine.OpenPublication(session, "q", DurabilityLevel.Process, "p");
        engine.Run();
        engine.Publish(session, 1, 1, "m");
        engine.Subscribe(silent, "q", credit: 1);
        engine.OpenPublication(silent, "q", DurabilityLevel.Process, "p2", window: 10_000);
        engine.Run();
        // Rejects, none of them read, then one that is stored: its confirm is smaller and must not come instead.
        for (ulong i = 1; i <= 100; i++)
            engine.Publish(silent, 1, i, "rejected");
        engine.Run();
        Assert.True(port.IsOverrun);
        var seen = new List<EventType>();
        var collector = new TypeCollector(seen);
        port.Ring.Poll(ref collector, int.MaxValue);
        Assert.True(seen.Count(type => type == EventType.Rejected) is > 10 and < 100);
        Assert.DoesNotContain(EventType.Confirm, seen);

        engine.Subscribe(session, "q", credit: 1);
        engine.Run();
        Assert.Equal(1, engine.Single<DeliverEvent>(EventType.Deliver).DeliveryCount);
        engine.Send(CommandType.CloseSession, new CloseSessionCommand { Session = silent });
        engine.Run();
        seen.Clear();
        port.Ring.Poll(ref collector, int.MaxValue);
        Assert.Equal([EventType.SessionClosed], seen);
        port.Dispose();
    }

    [Fact]
    public void ShouldRejectAfterShutdownBeganAndDrain()
    {
        using var engine = new EngineHarness(_disk);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.OpenPublication(session, "q", DurabilityLevel.Disk, "p");
        engine.Run();
        engine.Publish(session, 1, 1, "m1");
        engine.Core.BeginShutdown();
        engine.RunUntil(() => engine.Core.IsDrained);
        Assert.Equal(1ul, engine.Single<ConfirmEvent>(EventType.Confirm).Sequence + (ulong)engine.All<RejectedEvent>(EventType.Rejected).Length);
        engine.Publish(session, 1, 2, "m2");
        engine.Run();
        RejectedEvent rejected = engine.All<RejectedEvent>(EventType.Rejected)[^1];
        Assert.Equal((2ul, ErrorCode.ShuttingDown), (rejected.Sequence, (ErrorCode)rejected.Code));
    }

    private readonly struct TypeCollector(List<EventType> types) : LowLatency.Core.Rings.IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            types.Add((EventType)type);
            return true;
        }
    }
}
