using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Transactions: rules X1 to X5 of docs/model.md.</summary>
public sealed class TransactionTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private EngineHarness _engine;
    private int _session;

    public TransactionTests()
    {
        _engine = new EngineHarness(_disk);
        _session = Prepare(_engine);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _disk.Dispose();
    }

    [Fact]
    public void ShouldDoNothingBeforeTheCommitAndAllOfItThen()
    {
        Publish("x");
        _engine.Subscribe(_session, "q", 10);
        _engine.Run();
        Add("a");
        Add("b", publication: 2);
        Settle(1, 1);
        _engine.Run();
        Assert.Equal(["x"], _engine.Bodies());
        Assert.Equal((1, 0), (Queue("q").UnsettledCount, Queue("r").ReadyCount));
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 3);
        Assert.Equal(["x", "a"], _engine.Bodies());
        Assert.Equal((1, 1), (Queue("q").UnsettledCount, Queue("r").ReadyCount));
        uint empty = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(empty, 0);
    }

    [Fact]
    public void ShouldAnswerWhenItIsOnDiskWhereAnyPartAskedForThat()
    {
        _engine.Flushes = false;
        Add("a");
        uint quick = _engine.Request(CommandType.CommitTransaction, _session);
        for (int i = 0; i < 10; i++)
            _engine.Step();
        AssertDone(quick, 1);
        Add("b");
        Add("c", publication: 3);
        uint slow = _engine.Request(CommandType.CommitTransaction, _session);
        for (int i = 0; i < 10; i++)
            _engine.Step();
        Assert.DoesNotContain(_engine.All<DoneEvent>(EventType.Done), done => done.Request == slow);
        _engine.Flushes = true;
        _engine.Run();
        AssertDone(slow, 2);
        Assert.DoesNotContain(_engine.Events, e => e.Type == EventType.Confirm);
    }

    [Fact]
    public void ShouldBeThereWholeOrNotAtAllWhereverTheJournalEnds()
    {
        for (int i = 0; i < 3; i++)
            Publish($"old{i}");
        _engine.Subscribe(_session, "q", 3);
        _engine.Run();
        long before = _engine.Core.Journal!.Log.Tail;
        Add("a");
        Settle(1, 2);
        Add("b", publication: 2);
        Add(new string('c', 300));
        Settle(3, 3, SettleKind.Reject);
        _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Step();
        long after = _engine.Core.Journal.Log.Tail;
        _engine.Kill();
        Assert.True(after > before);

        var seen = new HashSet<string>();
        for (long end = before; end <= after; end += 32)
        {
            using SimulatedDisk cut = _disk.Clone();
            Cut(cut, end, after);
            cut.Kill();
            var engine = new EngineHarness(cut);
            int session = engine.OpenSession();
            engine.Subscribe(session, "q", 100);
            engine.Subscribe(session, "r", 100);
            engine.Run();
            seen.Add(string.Join(",", engine.Bodies().Select(body => body[..Math.Min(4, body.Length)]).Order()));
            Assert.Equal(end >= after, engine.Bodies().Contains("a"));
            engine.Dispose();
        }
        Assert.Equal(["a,b,cccc", "old0,old1,old2"], seen.Order());
        _disk.Kill();
        _engine = new EngineHarness(_disk);
    }

    [Theory]
    [InlineData("no route", ErrorCode.NoRoute)]
    [InlineData("full", ErrorCode.QueueFull)]
    [InlineData("tag", ErrorCode.UnknownDeliveryTag)]
    [InlineData("tag twice", ErrorCode.UnknownDeliveryTag)]
    [InlineData("closed", ErrorCode.UnknownHandle)]
    public void ShouldFailAsAWholeWithTheNumberOfTheOperation(string what, ErrorCode code)
    {
        Publish("x", "y");
        _engine.Subscribe(_session, "q", 2);
        _engine.Run();
        ulong hash = _engine.Core.Engine.StateHash();
        Add("a");
        Settle(1, 1);
        switch (what)
        {
            case "no route":
                Add("b", key: "nowhere");
                break;
            case "full": // Two fit; the third operation is one more.
                Add("b", publication: 4);
                Add("c", publication: 4);
                Add("d", publication: 4);
                break;
            case "tag":
                Settle(7, 7);
                break;
            case "tag twice":
                Settle(1, 2);
                break;
            case "closed":
                Add("b", publication: 2);
                _engine.Send(CommandType.ClosePublication, new ClosePublicationCommand { Session = _session, Request = _engine.NextRequest(), Publication = 2 });
                break;
        }
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        FailedEvent failed = Assert.Single(_engine.All<FailedEvent>(EventType.Failed), e => e.Request == request);
        Assert.Equal((ushort)code, failed.Code);
        Assert.Contains($"Operation {(what == "full" ? 5 : 3)} of", Sentence(EventType.Failed));
        Assert.Equal(hash, _engine.Core.Engine.StateHash());
        Assert.Equal((2, 0), (Queue("q").UnsettledCount, Queue("r").Count));
        // The tags are still there to be settled.
        _engine.Settle(_session, 1, 1, 2);
        _engine.Run();
        Assert.Equal(0, Queue("q").Count);
        Assert.DoesNotContain(_engine.Events, e => e.Type == EventType.SessionFault);
    }

    [Fact]
    public void ShouldCountWhatTheSameTransactionSettlesAsRoom()
    {
        _engine.OpenPublication(_session, "small", DurabilityLevel.Process);
        _engine.Run();
        _engine.Publish(_session, 5, 1, "1");
        _engine.Publish(_session, 5, 2, "2");
        _engine.Subscribe(_session, "small", 1);
        _engine.Run();
        Settle(1, 1);
        Add("3", publication: 5);
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 2);
        Add("4", publication: 5);
        Add("5", publication: 5);
        _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        Assert.Equal((ushort)ErrorCode.QueueFull, _engine.Single<FailedEvent>(EventType.Failed).Code);
        Assert.Equal(2, Queue("small").Count);
    }

    [Fact]
    public void ShouldForgetItAllOnRollbackAndLeaveUnsettledMessagesUnsettled()
    {
        Publish("x");
        _engine.Subscribe(_session, "q", 1);
        _engine.Run();
        Add("a");
        Settle(1, 1);
        uint request = _engine.Request(CommandType.RollbackTransaction, _session);
        uint commit = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 2);
        AssertDone(commit, 0);
        Assert.Equal((0, 1), (Queue("q").ReadyCount, Queue("q").UnsettledCount));
    }

    [Fact]
    public void ShouldForgetItWithTheSessionAndReturnWhatItHeld()
    {
        int other = _engine.OpenSession();
        _engine.OpenPublication(other, "q", DurabilityLevel.Process);
        _engine.Subscribe(other, "q", 1);
        Publish("x");
        AddFrom(other, 1, "a", "");
        _engine.CloseSession(other);
        _engine.Run();
        Assert.Equal((1, 0), (Queue("q").ReadyCount, Queue("q").UnsettledCount));
    }

    [Fact]
    public void ShouldFailWhenItIsLargerThanTheLimit()
    {
        for (int i = 0; i < 5; i++)
            Add(new string('x', 60_000)); // A quarter of a segment is 256 KiB.
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        Assert.Equal((request, (ushort)ErrorCode.PreconditionFailed), (_engine.Single<FailedEvent>(EventType.Failed).Request, _engine.Single<FailedEvent>(EventType.Failed).Code));
        Assert.Contains("Operation 5 of", Sentence(EventType.Failed));
        Assert.Equal(0, Queue("q").Count);
        Add("a");
        uint next = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(next, 1);
    }

    [Fact]
    public void ShouldNotRecogniseItsMessagesAndLeaveThePublishersSequenceAlone()
    {
        _engine.OpenPublication(_session, "q", DurabilityLevel.Process, publisher: "p");
        _engine.Run();
        _engine.Publish(_session, 5, 7, "seven");
        for (int i = 0; i < 2; i++)
        {
            Add("same", publication: 5);
            _engine.Request(CommandType.CommitTransaction, _session);
        }
        _engine.Run();
        Assert.Equal(3, Queue("q").Count);
        _engine.Kill();
        _disk.Kill();
        _engine = new EngineHarness(_disk);
        _session = _engine.OpenSession();
        _engine.OpenPublication(_session, "q", DurabilityLevel.Process, publisher: "p");
        _engine.Run();
        Assert.Equal(7ul, _engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).LastSequence);
        Assert.Equal(3, Queue("q").Count);
        _engine.Send(
            CommandType.Publish,
            new PublishCommand { Session = _session, Publication = 1, Sequence = 8, Flags = (byte)PublishFlags.InTransaction });
        _engine.Run();
        Assert.Equal((ushort)ErrorCode.InvalidArgument, _engine.Single<SessionFaultEvent>(EventType.SessionFault).Code);
    }

    [Fact]
    public void ShouldMoveDeadLettersAndKeepTransientMessagesInMemory()
    {
        var arguments = new FieldTableWriter();
        arguments.Add("x-dead-letter-exchange", "");
        arguments.Add("x-dead-letter-routing-key", "r");
        _engine.DeclareQueue(_session, "d", QueueFlags.Durable, arguments);
        _engine.DeclareQueue(_session, "t", durable: false);
        _engine.OpenPublication(_session, "d", DurabilityLevel.Process);
        _engine.OpenPublication(_session, "t", DurabilityLevel.Memory);
        _engine.Subscribe(_session, "d", 5);
        _engine.Run();
        _engine.Publish(_session, 5, 1, "dead");
        _engine.Run();
        Settle(1, 1, SettleKind.Reject);
        Add("memory", publication: 6);
        Add("durable");
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 3);
        Assert.Equal((0, 1, 1, 1), (Queue("d").Count, Queue("r").Count, Queue("t").Count, Queue("q").Count));
        ulong hash = _engine.Core.Engine.StateHash();
        _engine.Kill();
        _disk.Kill();
        _engine = new EngineHarness(_disk);
        Assert.Equal(hash, _engine.Core.Engine.StateHash());
        Assert.Equal((0, 1, 1), (Queue("d").Count, Queue("r").Count, Queue("q").Count));
    }

    [Fact]
    public void ShouldCountDeadLettersThatFollowTheCommitToo()
    {
        var arguments = new FieldTableWriter();
        arguments.Add("x-dead-letter-exchange", "");
        arguments.Add("x-dead-letter-routing-key", "dead");
        _engine.DeclareQueue(_session, "d", QueueFlags.Durable, arguments);
        _engine.DeclareQueue(_session, "dead", maxLength: 15);
        _engine.OpenPublication(_session, "d", DurabilityLevel.Process);
        _engine.OpenPublication(_session, "dead", DurabilityLevel.Process);
        _engine.Subscribe(_session, "d", 20);
        _engine.Run();
        for (ulong i = 1; i <= 20; i++)
        {
            _engine.Publish(_session, 5, i, new string('d', 100_000)); // Some ten go in the transaction's own group.
            _engine.Run();
        }
        ulong hash = _engine.Core.Engine.StateHash();
        Settle(1, 20, SettleKind.Reject);
        Add("one more", publication: 6);
        _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        Assert.Equal((ushort)ErrorCode.QueueFull, _engine.Single<FailedEvent>(EventType.Failed).Code);
        Assert.Equal(hash, _engine.Core.Engine.StateHash());
    }

    [Fact]
    public void ShouldDropFromAHeadWhereAnotherQueueOfTheRouteIsFullOfItsDeadLetters()
    {
        var arguments = new FieldTableWriter();
        arguments.Add("x-dead-letter-exchange", "");
        arguments.Add("x-dead-letter-routing-key", "dead");
        _engine.DeclareQueue(_session, "d", QueueFlags.Durable, arguments);
        _engine.DeclareQueue(_session, "dead", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length-bytes", 1000));
        _engine.DeclareQueue(_session, "newest", QueueFlags.Durable, new FieldTableWriter().Add("x-max-length", 2).Add("x-overflow", "drop-head"));
        _engine.Run();
        _engine.Events.Clear();
        _engine.Bind(_session, "amq.fanout", "dead");
        _engine.Bind(_session, "amq.fanout", "newest");
        _engine.OpenPublication(_session, "d", DurabilityLevel.Process);
        _engine.OpenPublication(_session, "newest", DurabilityLevel.Process);
        _engine.OpenPublication(_session, "", DurabilityLevel.Process, exchange: "amq.fanout");
        _engine.Subscribe(_session, "d", 1);
        _engine.Run();
        _engine.Publish(_session, 5, 1, new string('d', 990));
        _engine.Publish(_session, 6, 1, "first");
        _engine.Publish(_session, 6, 2, "second");
        _engine.Run();
        Settle(1, 1, SettleKind.Reject); // How long the dead letter gets is not known when the transaction is checked.
        Add("third", publication: 7);
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 2);
        Assert.Equal((2, 2), (Queue("dead").Count, Queue("newest").Count));
    }

    [Fact]
    public void ShouldHaveRoomForTheRecordOfWhatReturnsWhereTransientOnesBetweenHaveExpired()
    {
        _engine.DeclareQueue(_session, "d");
        _engine.OpenPublication(_session, "d", DurabilityLevel.Process);
        _engine.OpenPublication(_session, "d", DurabilityLevel.Memory);
        _engine.Subscribe(_session, "d", 9);
        _engine.Run();
        ReadOnlySpan<byte> expires = new ContentHeaderBuilder().Expiration(1000).Build();
        for (ulong i = 1; i <= 5; i++)
        {
            _engine.Publish(_session, 5, i, $"{i}");
            _engine.Publish(_session, 6, i, "gone", "", expires);
            _engine.Run();
        }
        _engine.Advance(2000);
        Settle(1, 9, SettleKind.Requeue);
        uint request = _engine.Request(CommandType.CommitTransaction, _session);
        _engine.Run();
        AssertDone(request, 1);
        Assert.Equal((0, 5), (Queue("d").UnsettledCount, Queue("d").ReadyCount));
    }

    private static int Prepare(EngineHarness engine)
    {
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q");
        engine.DeclareQueue(session, "r");
        engine.DeclareQueue(session, "small", maxLength: 2);
        engine.OpenPublication(session, "q", DurabilityLevel.Process);
        engine.OpenPublication(session, "r", DurabilityLevel.Process);
        engine.OpenPublication(session, "q", DurabilityLevel.Disk);
        engine.OpenPublication(session, "small", DurabilityLevel.Process);
        engine.Run();
        return session;
    }

    /// <summary>The journal as if it had ended at a position, in the middle of what was written last.</summary>
    private static void Cut(SimulatedDisk disk, long end, long after) =>
        disk.Names[JournalFiles.Segment(0)].Bytes[(int)end..(int)after].Clear();

    private void Add(string body, uint publication = 1, string key = "") => AddFrom(_session, publication, body, key);

    private void AddFrom(int session, uint publication, string body, string key) =>
        _engine.Send(
            CommandType.Publish,
            new PublishCommand
            {
                Session = session,
                Publication = publication,
                BodyLength = body.Length,
                RoutingKeyLength = (byte)key.Length,
                Flags = (byte)PublishFlags.InTransaction,
            },
            Encoding.UTF8.GetBytes(key + body));

    private void Settle(ulong first, ulong last, SettleKind kind = SettleKind.Ack) =>
        _engine.Send(
            CommandType.Settle,
            new SettleCommand { Session = _session, Subscription = 1, FirstTag = first, LastTag = last, Kind = (byte)kind, Flags = (byte)SettleFlags.InTransaction });

    private ulong _sequence;

    private void Publish(params string[] bodies)
    {
        foreach (string body in bodies)
            _engine.Publish(_session, 1, ++_sequence, body);
        _engine.Run();
    }

    private BrokerQueue Queue(string name)
    {
        Assert.True(_engine.Core.Engine.Topology.Default.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue));
        return queue;
    }

    private unsafe string Sentence(EventType type)
    {
        byte[] bytes = Assert.Single(_engine.Events, e => e.Type == type).Bytes;
        return Encoding.UTF8.GetString(bytes[(sizeof(FailedEvent) + 2)..]);
    }

    private void AssertDone(uint request, ulong count) =>
        Assert.Contains(_engine.All<DoneEvent>(EventType.Done), done => done.Request == request && done.Count == count);
}
