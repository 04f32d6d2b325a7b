using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Publications that are held back, by a disk with little room or a queue at its bound: rules L5 and L7.</summary>
public sealed class HeldBackTests : IDisposable
{
    private const long GiB = 1L << 30;
    private const long Second = 1_000_000_000;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Theory]
    [InlineData(DurabilityLevel.Process)]
    [InlineData(DurabilityLevel.Disk)]
    public void ShouldHoldConfirmsBackWhileTheDiskHasLittleRoomAndSayWhyAndForHowLong(DurabilityLevel level)
    {
        using EngineHarness engine = Start(level);
        Publish(engine, 1);
        Assert.Equal(1ul, LastConfirmed(engine));
        long before = engine.NowNs;
        engine.TellSpace(isLow: true, GiB + GiB / 2, 2 * GiB);
        EngineHarness.Event told = Assert.Single(engine.Events, e => e.Type == EventType.PublicationBlocked);
        PublicationBlockedEvent blocked = told.Read<PublicationBlockedEvent>();
        Assert.Equal((1u, (ushort)ErrorCode.DiskFull), (blocked.Publication, blocked.Code));
        Assert.InRange(blocked.SinceNs, before, engine.NowNs);
        Assert.Equal(("", "1.5 GiB are free in the data folder's file system, below 2 GiB (--disk-high): publishing is held back until there is more. Consume messages or free space."), Texts(told));

        Publish(engine, 2);
        Publish(engine, 3);
        engine.TellSpace(isLow: true, GiB, 2 * GiB); // Still so: nothing new.
        engine.Advance(5000);
        Assert.Equal(1ul, LastConfirmed(engine));
        Assert.Equal(3, engine.Core.Engine.Topology.QueuesById()[0].Count); // Taken and kept.
        engine.Single<PublicationBlockedEvent>(EventType.PublicationBlocked);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationUnblocked);

        engine.TellSpace(isLow: false, 3 * GiB, 2 * GiB);
        Assert.Equal(3ul, LastConfirmed(engine));
        PublicationUnblockedEvent unblocked = engine.Single<PublicationUnblockedEvent>(EventType.PublicationUnblocked);
        Assert.Equal(1u, unblocked.Publication);
        Assert.InRange(unblocked.LastedNs, 5 * Second, 5 * Second + engine.NowNs - before);
        Publish(engine, 4);
        Assert.Equal(4ul, LastConfirmed(engine));
    }

    [Fact]
    public void ShouldConfirmWhatCameBeforeTheDiskHadLittleRoom()
    {
        using EngineHarness engine = Start(DurabilityLevel.Disk);
        engine.Flushes = false;
        engine.Publish(1, 1, 1, "before");
        for (int i = 0; i < 5; i++)
            engine.Step();
        engine.Core.Engine.BeginBatch(engine.NowNs);
        engine.Core.Engine.OnDiskSpace(new DiskSpace(true, 1, 2));
        engine.Core.Engine.EndBatch();
        engine.Publish(1, 1, 2, "after");
        engine.Step();
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.Confirm);
        engine.Flushes = true;
        engine.Run();
        Assert.Equal(1ul, engine.Single<ConfirmEvent>(EventType.Confirm).Sequence);
    }

    [Fact]
    public void ShouldConfirmWhatCameBeforeTheQueueWasAtItsBoundInTheSameBatch()
    {
        using EngineHarness engine = StartWithBound(1);
        engine.Publish(1, 1, 1, "m1");
        engine.Publish(1, 1, 2, "m2");
        engine.Run();
        Assert.Equal(1ul, engine.Single<ConfirmEvent>(EventType.Confirm).Sequence);
    }

    [Fact]
    public void ShouldGoOnWithMemoryAndAcksAndDeletesAndPurges()
    {
        using EngineHarness engine = Start(DurabilityLevel.Disk);
        engine.DeclareQueue(1, "purged");
        engine.DeclareQueue(1, "deleted");
        engine.OpenPublication(1, "q", DurabilityLevel.Memory);
        engine.OpenPublication(1, "purged", DurabilityLevel.Process);
        engine.Subscribe(1, "q", credit: 10);
        engine.Run();
        engine.TellSpace(isLow: true);
        Assert.Equal([1u, 3u], engine.All<PublicationBlockedEvent>(EventType.PublicationBlocked).Select(e => e.Publication).Order());
        engine.Publish(1, 1, 1, "held back");
        engine.Publish(1, 2, 1, "in memory");
        engine.Publish(1, 3, 1, "held back too");
        engine.Run();
        Assert.Equal((2u, 1ul), engine.All<ConfirmEvent>(EventType.Confirm).Select(e => (e.Publication, e.Sequence)).Single());
        Assert.Equal(["held back", "in memory"], engine.Bodies());
        engine.Settle(1, 1, 0, 2);
        uint purge = engine.Request(CommandType.PurgeQueue, 1, name: "purged");
        uint delete = engine.Request(CommandType.DeleteQueue, 1, name: "deleted");
        engine.Run();
        Assert.Equal([(purge, 1ul), (delete, 0ul)], engine.All<DoneEvent>(EventType.Done).Select(e => (e.Request, e.Count)));
        Assert.All(engine.Core.Engine.Topology.QueuesById(), queue => Assert.Equal(0, queue.Count));
    }

    [Fact]
    public void ShouldTellWhoOpensWhileTheDiskHasLittleRoom()
    {
        using EngineHarness engine = Start(DurabilityLevel.Disk);
        engine.TellSpace(isLow: true);
        engine.Advance(3000);
        engine.Events.Clear();
        engine.OpenPublication(1, "q", DurabilityLevel.Memory);
        engine.OpenPublication(1, "q", DurabilityLevel.Process);
        engine.Run();
        EventType[] told = [.. engine.Events.Select(e => e.Type)];
        Assert.Equal([EventType.PublicationOpened, EventType.PublicationOpened, EventType.PublicationBlocked], told);
        PublicationBlockedEvent blocked = engine.Single<PublicationBlockedEvent>(EventType.PublicationBlocked);
        Assert.Equal(3u, blocked.Publication);
        Assert.InRange(engine.NowNs - blocked.SinceNs, 3 * Second, 60 * Second); // Since it is so, not since it was opened.
        engine.Publish(1, 3, 1, "m");
        engine.Run();
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.Confirm);
        engine.TellSpace(isLow: false);
        Assert.Equal([1u, 3u], engine.All<PublicationUnblockedEvent>(EventType.PublicationUnblocked).Select(e => e.Publication).Order());
        Assert.Equal(3u, engine.Single<ConfirmEvent>(EventType.Confirm).Publication);
    }

    [Fact]
    public void ShouldNotHoldBackWhatReplacesAMessageOfAQueueBeyondItsBound()
    {
        using var engine = new EngineHarness(_disk);
        Assert.Equal(1, OpenSession(engine));
        engine.DeclareQueue(1, "last", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 1).Add("x-overflow", "block").Add("x-last-value-key", ""));
        engine.DeclareQueue(1, "head", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 1).Add("x-overflow", "drop-head"));
        engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = 1, Request = engine.NextRequest(), Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("all"), 0, 0]);
        foreach (string queue in (string[])["last", "head"])
            engine.Send(CommandType.Bind, new RequestCommand { Session = 1, Request = engine.NextRequest() }, [.. EngineHarness.Text("all"), .. EngineHarness.Text(queue), 0, 0, 0]);
        engine.OpenPublication(1, "", DurabilityLevel.Process, exchange: "all");
        engine.OpenPublication(1, "", DurabilityLevel.Process, exchange: "all");
        engine.Run();
        engine.Events.Clear();
        engine.Publish(1, 1, 1, "m1", "a");
        engine.Publish(1, 1, 2, "m2", "b");
        engine.Publish(1, 2, 1, "m3", "a"); // Beyond the other queue's bound, where it pushes one out.
        engine.Run();
        Assert.Equal([(1u, 1ul), (2u, 1ul)], engine.All<ConfirmEvent>(EventType.Confirm).Select(e => (e.Publication, e.Sequence)).Order());
        Assert.Equal(1u, engine.Single<PublicationBlockedEvent>(EventType.PublicationBlocked).Publication);
    }

    [Fact]
    public void ShouldTellOfAQueueAtItsBoundOnceUntilItHasRoom()
    {
        using EngineHarness engine = StartWithBound(8);
        engine.Subscribe(1, "q", credit: 100);
        for (ulong i = 1; i <= 9; i++)
            Publish(engine, i);
        EngineHarness.Event told = Assert.Single(engine.Events, e => e.Type == EventType.PublicationBlocked);
        Assert.Equal(ErrorCode.QueueFull, (ErrorCode)told.Read<PublicationBlockedEvent>().Code);
        (string queue, string sentence) = Texts(told);
        Assert.Equal("q", queue);
        Assert.StartsWith("Queue 'q' holds 9 messages, its limit is 8: its slowest consumer is subscription 1", sentence);
        // At its bound it takes and gives: confirms follow, nobody is told of each.
        for (ulong i = 1; i <= 5; i++)
        {
            engine.Settle(1, 1, i, i);
            engine.Run();
            Assert.Equal(8 + i, LastConfirmed(engine));
            Publish(engine, 9 + i);
        }
        engine.Single<PublicationBlockedEvent>(EventType.PublicationBlocked);
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationUnblocked);
        engine.Advance(2000);
        engine.Settle(1, 1, 6, 7);
        engine.Run();
        Assert.InRange(engine.Single<PublicationUnblockedEvent>(EventType.PublicationUnblocked).LastedNs, 2 * Second, 60 * Second);
        Assert.Equal(14ul, LastConfirmed(engine));
    }

    [Fact]
    public void ShouldTellTheNextReasonWhenTheFirstIsOver()
    {
        using EngineHarness engine = StartWithBound(1);
        engine.Subscribe(1, "q", credit: 100);
        Publish(engine, 1);
        Publish(engine, 2);
        engine.TellSpace(isLow: true);
        Assert.Equal(ErrorCode.QueueFull, (ErrorCode)engine.Single<PublicationBlockedEvent>(EventType.PublicationBlocked).Code);
        engine.Settle(1, 1, 0, 2);
        engine.Run();
        Assert.Equal([ErrorCode.QueueFull, ErrorCode.DiskFull], engine.All<PublicationBlockedEvent>(EventType.PublicationBlocked).Select(e => (ErrorCode)e.Code));
        Assert.Equal(1ul, LastConfirmed(engine));
        engine.TellSpace(isLow: false);
        engine.Single<PublicationUnblockedEvent>(EventType.PublicationUnblocked);
        Assert.Equal(2ul, LastConfirmed(engine));
    }

    [Fact]
    public void ShouldForgetAPublicationThatIsClosedWhileItIsHeldBack()
    {
        using EngineHarness engine = StartWithBound(1);
        Publish(engine, 1);
        Publish(engine, 2);
        engine.TellSpace(isLow: true);
        engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = 1, Request = engine.NextRequest(), Publication = 1 });
        engine.Run();
        Assert.Empty(engine.Core.Engine.Topology.QueuesById()[0].Told);
        Assert.Empty(engine.Core.Engine.Topology.QueuesById()[0].Blocked);
        engine.TellSpace(isLow: false);
        engine.Request(CommandType.PurgeQueue, 1, name: "q");
        engine.Run();
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationUnblocked);
    }

    [Fact]
    public void ShouldSayInARejectSinceWhenTheDiskIsFull()
    {
        using EngineHarness engine = Start(DurabilityLevel.Process);
        _disk.Capacity = _disk.Used;
        ulong sequence = 0;
        while (!engine.Events.Any(e => e.Type == EventType.Rejected))
            PublishLarge(engine, ++sequence);
        engine.Events.Clear();
        engine.Advance(7000);
        PublishLarge(engine, ++sequence);
        EngineHarness.Event rejected = Assert.Single(engine.Events, e => e.Type == EventType.Rejected);
        Assert.Matches("^The journal's disk is full since 20..-..-..T..:..:..Z, for [7-9] s now: consume messages or free space, the broker goes on by itself.$", Sentence(rejected, 24));
    }

    [Fact]
    public void ShouldNoticeTheMarkAndGoOnWithASegmentMore()
    {
        const long Mark = 4 * SegmentLayout.MinSize;
        using EngineHarness engine = Start(DurabilityLevel.Process, Mark);
        engine.Core.Journal!.Preparer.DoWork();
        Assert.Null(engine.Core.Space);
        _disk.Capacity = _disk.Used + Mark - 1;
        engine.RunUntil(() => engine.All<PublicationBlockedEvent>(EventType.PublicationBlocked).Length == 1);
        Assert.Equal(new DiskSpace(true, Mark - 1, Mark), engine.Core.Space);
        _disk.Capacity = _disk.Used + Mark + SegmentLayout.MinSize - 1;
        engine.RunUntil(() => engine.Core.Space == new DiskSpace(true, Mark + SegmentLayout.MinSize - 1, Mark));
        engine.Run();
        Assert.DoesNotContain(engine.Events, e => e.Type == EventType.PublicationUnblocked);
        _disk.Capacity++;
        engine.RunUntil(() => engine.All<PublicationUnblockedEvent>(EventType.PublicationUnblocked).Length == 1);
    }

    [Theory]
    [InlineData(100 * GiB, 64 << 20, 2 * GiB)]
    [InlineData(100 * GiB, 1 << 30, 4 * GiB)]
    [InlineData(10 * GiB, 64 << 20, GiB)]
    public void ShouldTakeAMarkThatSuitsTheDisk(long disk, int segment, long mark) => Assert.Equal(mark, DiskSpace.DefaultHighMark(disk, segment));

    private EngineHarness Start(DurabilityLevel level, long diskHigh = 0)
    {
        var engine = new EngineHarness(_disk, diskHigh: diskHigh);
        Assert.Equal(1, OpenSession(engine));
        engine.DeclareQueue(1, "q");
        engine.OpenPublication(1, "q", level);
        engine.Run();
        engine.Events.Clear();
        return engine;
    }

    private EngineHarness StartWithBound(int length)
    {
        var engine = new EngineHarness(_disk);
        Assert.Equal(1, OpenSession(engine));
        engine.DeclareQueue(1, "q", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", length).Add("x-overflow", "block"));
        engine.OpenPublication(1, "q", DurabilityLevel.Process);
        engine.Run();
        engine.Events.Clear();
        return engine;
    }

    private static int OpenSession(EngineHarness engine)
    {
        int session = engine.OpenSession();
        if (session == 1)
            return session;
        return engine.OpenSession(); // Ids may begin at 0.
    }

    private static void Publish(EngineHarness engine, ulong sequence)
    {
        engine.Publish(1, 1, sequence, $"m{sequence}");
        engine.Run();
    }

    private static void PublishLarge(EngineHarness engine, ulong sequence)
    {
        engine.Publish(1, 1, sequence, new string('x', 100_000));
        engine.Run();
    }

    private static ulong LastConfirmed(EngineHarness engine) => engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence;

    private static unsafe (string Queue, string Sentence) Texts(EngineHarness.Event blocked)
    {
        int queue = blocked.Bytes[sizeof(PublicationBlockedEvent)];
        return (System.Text.Encoding.UTF8.GetString(blocked.Bytes, sizeof(PublicationBlockedEvent) + 1, queue), Sentence(blocked, sizeof(PublicationBlockedEvent)));
    }

    /// <param name="offset">Of the queue's name before it.</param>
    private static string Sentence(EngineHarness.Event e, int offset)
    {
        offset += 1 + e.Bytes[offset];
        return System.Text.Encoding.UTF8.GetString(e.Bytes, offset + 2, BitConverter.ToUInt16(e.Bytes, offset));
    }
}
