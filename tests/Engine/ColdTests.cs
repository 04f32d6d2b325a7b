using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using Xunit;
using static LowLatency.Tests.Engine.ColdMessages;

namespace LowLatency.Tests.Engine;

/// <summary>Queues longer than the memory for them: what is on the disk alone is loaded before anyone reads it.</summary>
public sealed unsafe class ColdTests : ColdBroker
{
    [Fact]
    public void ShouldServeOthersWhileAQueueWaitsForItsSegment()
    {
        Fill(_broker, "cold", 10);
        _broker.Declare("hot");
        _holds = true;
        Assert.Empty(_broker.Take("cold", 1000));
        Assert.Equal(1, Core.AwaitingLoad);
        for (int i = 0; i < 3; i++)
        {
            _broker.Publish("hot", $"{i}");
            Assert.Equal([$"{i}"], _broker.Take("hot", 1));
        }
        Assert.Empty(_loads);
        _broker.Engine.Events.Clear();
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(Numbers(0, 10 * PerSegment), Heads());
        Assert.Equal(0, Core.AwaitingLoad);
    }

    [Fact]
    public void ShouldReadOneSegmentAhead()
    {
        Fill(_broker, "cold", 10);
        long first = SegmentOf("cold", 1);
        Assert.Single(_broker.Take("cold", 1));
        Assert.Equal([first, first + 1], _loads);
        while (SegmentOf("cold", _broker.Queue("cold").Cursor) == first)
            Assert.Single(_broker.Take("cold", 1));
        Assert.Equal([first, first + 1], _loads);
        _holds = true; // What was read ahead is served without the disk.
        Assert.Single(_broker.Take("cold", 1));
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal([first, first + 1, first + 2], _loads);
    }

    [Fact]
    public void ShouldLoadOnlyForWhoCanTake()
    {
        Fill(_broker, "cold", 10);
        _broker.Publish("cold", "one more");
        Assert.Empty(_broker.Take("cold", 0));
        Assert.Empty(_loads);
        Assert.Single(_broker.Take("cold", 1));
        Assert.NotEmpty(_loads);
    }

    [Fact]
    public void ShouldServeManyQueuesWithFewSlots()
    {
        // Each queue has its messages in segments of its own, and what is read ahead is no other's.
        string[] queues = [.. Enumerable.Range(0, 8).Select(i => $"q{i}")];
        foreach (string queue in queues)
        {
            Fill(_broker, queue, 2);
            Fill(_broker, "gap", 3);
        }
        Fill(_broker, "end", 5);
        _holds = true;
        foreach (string queue in queues)
            Assert.Empty(_broker.Take(queue, 1000));
        _broker.Engine.Events.Clear();
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(queues.Length * 2 * PerSegment, _broker.Engine.Bodies().Length);
        foreach (string queue in queues)
            Assert.Equal(Numbers(0, 2 * PerSegment), _broker.Engine.Bodies().Where(body => body.StartsWith(queue, StringComparison.Ordinal)).Select(Number));
        Assert.InRange(_mostResident, 1, JournalOptions.MinColdSegments + 1);
    }

    [Fact]
    public void ShouldLetGoOfWhatIsNoLongerHot()
    {
        Fill(_broker, "cold", 12);
        for (long index = 0; index < Log.FirstHotIndex; index++)
            _resident.Add(index);
        _broker.Engine.Core.Journal!.RequestFlush();
        var released = new List<long>();
        _broker.Disk.OnRelease = (name, _, _) => released.Add(JournalFiles.IsSegment(name, out long index) ? index : -1);
        _broker.Engine.Run();
        Fill(_broker, "cold", 1);
        Assert.Contains(Log.FirstHotIndex - 1, released);
        Assert.DoesNotContain(Log.FirstHotIndex, released);
        Assert.Equal(13 * PerSegment, _broker.Take("cold", 1000).Length);
        Assert.InRange(_mostResident, 1, 12);
    }

    [Fact]
    public void ShouldBeDoneWithAQueueThatIsDeletedWhileItWaits()
    {
        Fill(_broker, "cold", 10);
        Fill(_broker, "other", 10);
        _holds = true;
        _broker.Take("cold", 1000);
        _broker.Engine.Request(CommandType.DeleteQueue, _broker.Session, 0, "cold");
        _broker.Engine.Run();
        Assert.Empty(_broker.Take("other", 1000));
        _broker.Engine.Events.Clear();
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(Numbers(0, 10 * PerSegment), Heads());
        Assert.Equal(0, Core.AwaitingLoad);
    }

    [Fact]
    public void ShouldBeDoneWithAQueueThatIsPurgedWhileItWaits()
    {
        Fill(_broker, "cold", 10);
        _holds = true;
        _broker.Take("cold", 1000);
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "cold");
        _broker.Engine.Run();
        _broker.Engine.Events.Clear();
        _broker.Publish("cold", "after");
        Assert.Equal(["after"], _broker.Engine.Bodies());
        Assert.InRange(Log.ClosedSegments, 0, 4);
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(0, Core.AwaitingLoad);
        Assert.All(Log.Slots.ToArray(), slot => Assert.True(slot.State == LoadState.Idle || slot.Segment!.Slot == slot));
    }

    [Fact]
    public void ShouldForgetARequestForASegmentThatIsAnotherOneByNow()
    {
        Fill(_broker, "cold", 10);
        _holds = true;
        _broker.Take("cold", 1000);
        LoadSlot slot = Assert.Single(Log.Slots.ToArray(), slot => slot.State == LoadState.Wanted);
        Segment segment = slot.Segment!;
        long index = slot.Index;
        _broker.Engine.Prepares = false;
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "cold");
        _broker.Engine.Run();
        Assert.Null(Log.FindSegment(index * SegmentSize));
        Assert.Equal(LoadState.Wanted, slot.State);
        Assert.Null(segment.Slot);
        _broker.Engine.Prepares = true;
        for (int i = 0; i < 6 * PerSegment && segment.Index == index; i++)
        {
            _broker.Publish("cold", Filler);
            _broker.Drain("cold");
        }
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(JournalState.Open, Log.State);
        Assert.Empty(_loads);
        Assert.Equal(LoadState.Idle, slot.State);
        Fill(_broker, "cold", 8);
        Assert.Equal(8 * PerSegment, _broker.Take("cold", 1000).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldNotServeWhatIsDamaged(bool isZero)
    {
        Fill(_broker, "cold", 10);
        _broker.Declare("hot");
        QueueEntry* entry = _broker.Queue("cold").Entries.Find(20);
        if (isZero)
            new Span<byte>(Log.Record(entry->Position), RecordLayout.HeaderLength + 1000).Clear();
        else
            Log.Record(entry->Position)[RecordLayout.HeaderLength + 1000] ^= 1;
        long segment = entry->Position / SegmentSize;
        string[] bodies = _broker.Take("cold", 1000);
        Assert.Equal(JournalState.Failed, Log.State);
        Assert.Contains($"damaged at position {entry->Position}", Log.FailureText, StringComparison.Ordinal);
        Assert.InRange(bodies.Length, 1, 19);
        Assert.True(SegmentOf("cold", bodies.Length) < segment);
        Assert.Equal(0, Core.AwaitingLoad);
    }

    [Fact]
    public void ShouldServeWhatIsThereWhenTheDiskFailed()
    {
        Fill(_broker, "cold", 10);
        Fill(_broker, "other", 4);
        _error = Errno.InputOutput;
        Assert.Empty(_broker.Take("cold", 1000));
        Assert.Equal(JournalState.Failed, Log.State);
        Assert.Contains("errno 5", Log.FailureText, StringComparison.Ordinal);
        _error = 0;
        Assert.Equal(4 * PerSegment, _broker.Take("other", 1000).Length); // Some of it cold.
        Assert.Empty(_broker.Take("cold", 1));
    }

    [Fact]
    public void ShouldNotAnswerAGetWithNothingWhileTheMessageIsLoaded()
    {
        Fill(_broker, "cold", 10);
        _broker.Take("cold", 0);
        _holds = true;
        _broker.Engine.Events.Clear();
        uint request = _broker.Engine.Get(_broker.Session, 1, 2);
        _broker.Engine.Run();
        Assert.Empty(_broker.Engine.Events);
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(["cold 0", "cold 1"], _broker.Engine.Bodies().Select(Head));
        DoneEvent done = _broker.Engine.Single<DoneEvent>(EventType.Done);
        Assert.Equal((request, 2ul), (done.Request, done.Count));
    }

    [Fact]
    public void ShouldAnswerAGetWhereNothingCanBeRead()
    {
        Fill(_broker, "cold", 10);
        _broker.Take("cold", 0);
        _error = Errno.InputOutput;
        _broker.Engine.Events.Clear();
        _broker.Engine.Get(_broker.Session, 1, 2);
        _broker.Engine.Run();
        Assert.Equal(0ul, _broker.Engine.Single<DoneEvent>(EventType.Done).Count);
    }

    [Theory]
    [InlineData((uint)SubscribeFlags.Browse)]
    [InlineData((uint)SubscribeFlags.Conflate)]
    [InlineData((uint)SubscribeFlags.NoAck)]
    public void ShouldShowWhatIsCold(uint flags)
    {
        Fill(_broker, "cold", 10);
        _holds = true;
        _broker.Engine.Events.Clear();
        _broker.Engine.Subscribe(_broker.Session, "cold", new SubscribeCommand { Flags = flags, CreditMessages = 1000, CreditBytes = ulong.MaxValue });
        _broker.Engine.Run();
        Assert.Empty(_broker.Engine.Bodies());
        _holds = false;
        _broker.Engine.Run();
        IEnumerable<int> expected = flags == (uint)SubscribeFlags.Conflate ? new[] { 10 * PerSegment - 1 } : Numbers(0, 10 * PerSegment);
        Assert.Equal(expected, _broker.Engine.Deliveries().Select(delivery => Number(delivery.Body)));
        Assert.InRange(_mostResident, 1, JournalOptions.MinColdSegments);
    }

    [Fact]
    public void ShouldLoadAgainWhatComesBack()
    {
        Fill(_broker, "cold", 12);
        Assert.Equal(12 * PerSegment, _broker.Take("cold", 12 * PerSegment).Length);
        _loads.Clear();
        long first = SegmentOf("cold", 1);
        _holds = true;
        _broker.Engine.Events.Clear();
        _broker.Settle("cold", 3, SettleKind.Requeue, 1);
        Assert.Empty(_broker.Take("cold", 3));
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(Numbers(0, 3), Heads());
        Assert.Equal(first, _loads[0]);
        Assert.All(_broker.Engine.All<DeliverEvent>(EventType.Deliver), deliver => Assert.Equal(DeliverEvent.RedeliveredFlag, deliver.Flags));
    }

    [Fact]
    public void ShouldTakeTurnsAsIfNothingHadBeenLoaded()
    {
        Fill(_broker, "cold", 10);
        _broker.Engine.Subscribe(_broker.Session, "cold", 0);
        _broker.Engine.Subscribe(_broker.Session, "cold", 0);
        _broker.Engine.Subscribe(_broker.Session, "cold", 0);
        _broker.Engine.Run();
        uint[] subscriptions = [.. _broker.Engine.All<SubscribedEvent>(EventType.Subscribed)[^3..].Select(e => e.Subscription)];
        _broker.Engine.Events.Clear();
        foreach (uint subscription in subscriptions)
            _broker.Engine.Credit(_broker.Session, subscription, 1000);
        _broker.Engine.Run();
        Assert.Equal(Enumerable.Range(0, 10 * PerSegment).Select(i => subscriptions[i % 3]), _broker.Engine.Deliveries().Select(delivery => delivery.Subscription));
    }

    [Fact]
    public void ShouldDropSharedMessagesWithoutReadingThem()
    {
        string[] queues = ["a", "b"];
        _broker.Engine.Send(CommandType.DeclareExchange, new DeclareExchangeCommand { Session = _broker.Session, Request = 1000, Kind = (byte)ExchangeKind.Fanout }, [.. EngineHarness.Text("all"), 0, 0]);
        foreach (string queue in queues)
        {
            _broker.Declare(queue);
            _broker.Engine.Send(CommandType.Bind, new RequestCommand { Session = _broker.Session, Request = 1001 }, [.. EngineHarness.Text("all"), .. EngineHarness.Text(queue), 0, 0, 0]);
        }
        _broker.Engine.OpenPublication(_broker.Session, "", DurabilityLevel.Process, exchange: "all");
        _broker.Engine.Run();
        uint publication = _broker.Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        for (ulong i = 1; i <= 10 * PerSegment; i++)
        {
            _broker.Engine.Publish(_broker.Session, publication, i, i % 3 == 0 ? "short" : Filler);
            _broker.Engine.Run();
        }
        Assert.True(Log.FirstHotIndex > 1);
        long live = Log.LiveBytes;
        _holds = true;
        // Where it were read, it would not look like a record of two queues.
        new Span<byte>(Log.FindSegment(0)!.Memory + SegmentSize / 4, SegmentSize / 2).Clear();
        _broker.Engine.Request(CommandType.PurgeQueue, _broker.Session, 0, "a");
        _broker.Engine.Run();
        Assert.InRange(Log.LiveBytes, live / 2 - SegmentSize, live / 2 + SegmentSize);
        _broker.Engine.Request(CommandType.DeleteQueue, _broker.Session, 0, "b");
        _broker.Engine.Run();
        Assert.Equal(0, Log.LiveBytes);
    }

    [Fact]
    public void ShouldHaveEverythingAfterAKillInTheMiddle()
    {
        Fill(_broker, "cold", 10);
        Assert.Equal(40, _broker.Take("cold", 40).Length);
        _broker.Settle("cold", 20);
        _holds = true;
        _broker.Take("cold", 1000);
        _broker.Restart(sameHash: false);
        Assert.Empty(_broker.Take("cold", 1000));
        _holds = false;
        _broker.Engine.Run();
        Assert.Equal(Numbers(20, 10 * PerSegment - 20), Heads());
    }

    [Fact]
    public void ShouldEmptyAColdSegment()
    {
        _broker.Declare("forgotten");
        _broker.Publish("forgotten", "still here");
        _broker.Declare("backlog");
        Fill(_broker, "backlog", 10);
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
        Assert.Equal(["still here"], _broker.Take("forgotten", 1));
    }

    private static string Head(string body) => string.Join(' ', body.Split(' ')[..2]);
}
