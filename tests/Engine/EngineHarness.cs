using System.Text;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Rings;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>A whole broker core on the test's own thread: commands in, events out, over a journal in a folder, on a simulated disk, or without one.</summary>
internal sealed unsafe class EngineHarness : IDisposable
{
    private readonly ThreadWakeSignal _wake = new();
    private readonly BrokerOptions _options;
    private readonly bool _isStepped;

    /// <param name="journalMemory">What of the journal is kept in memory.</param>
    /// <param name="compresses">Compress what is not.</param>
    internal EngineHarness(string? directory = null, BrokerLimits? limits = null, long journalMemory = 1024 * 1024 * 1024, bool compresses = false)
    {
        _options = new BrokerOptions
        {
            DataDirectory = directory,
            SegmentSize = 1024 * 1024,
            MinFreeDiskBytes = 0,
            DiskHighWatermark = 0,
            JournalMemoryBytes = journalMemory,
            CompressJournal = compresses,
            Limits = limits ?? new BrokerLimits(),
        };
        Core = BrokerCore.Open(_options, _wake);
        Reader = Core.CreateReader();
        Port = new EgressPort(1024 * 1024, null, alwaysDrained: false);
        Core.Ports.Add(Port);
    }

    /// <summary>On a simulated disk, without threads.</summary>
    /// <param name="diskHigh">High mark of the disk; 0 for none.</param>
    /// <param name="journalMemory">What of the journal is kept in memory.</param>
    /// <param name="compresses">Compress what is not.</param>
    internal EngineHarness(SimulatedDisk disk, BrokerLimits? limits = null, int portCapacity = 1024 * 1024, int journalReserve = 0, long diskHigh = 0, long journalMemory = 1024 * 1024 * 1024, bool compresses = false)
    {
        _isStepped = true;
        _options = new BrokerOptions { SegmentSize = 1024 * 1024, MinFreeDiskBytes = 0, DiskHighWatermark = diskHigh, JournalMemoryBytes = journalMemory, CompressJournal = compresses, Limits = limits ?? new BrokerLimits() };
        Core = BrokerCore.OpenStepped(_options, disk.Start(), _wake, journalReserve);
        Reader = Core.CreateReader();
        Port = new EgressPort(portCapacity, null, alwaysDrained: false);
        Core.Ports.Add(Port);
    }

    /// <summary>Whether segments are prepared; on a simulated disk.</summary>
    internal bool Prepares { get; set; } = true;

    /// <summary>Whether the journal is flushed; on a simulated disk.</summary>
    internal bool Flushes { get; set; } = true;

    /// <summary>Whether events are taken out of the port.</summary>
    internal bool Polls { get; set; } = true;

    internal BrokerCore Core { get; }

    internal MessageReader Reader { get; }

    internal EgressPort Port { get; }

    internal List<Event> Events { get; } = [];

    private uint _request;

    internal int OpenSession()
    {
        Assert.True(Core.SessionIds.TryRent(out int session));
        Send(CommandType.OpenSession, new OpenSessionCommand { Session = session, Connection = session, Port = Port.Index }, [.. Text("test"), .. Text("/")]);
        return session;
    }

    internal void CloseSession(int session) => Send(CommandType.CloseSession, new CloseSessionCommand { Session = session });

    internal uint DeclareQueue(int session, string name, bool durable = true, ulong maxLength = 0, bool passive = false)
    {
        var arguments = new FieldTableWriter();
        if (maxLength != 0)
            arguments.Add("x-max-length", (long)maxLength);
        return DeclareQueue(session, name, (durable ? QueueFlags.Durable : 0) | (passive ? QueueFlags.Passive : 0), arguments);
    }

    internal uint DeclareQueue(int session, string name, QueueFlags flags, FieldTableWriter arguments)
    {
        Send(CommandType.DeclareQueue, new RequestCommand { Session = session, Request = ++_request, Flags = (uint)flags }, [.. Text(name), .. Table(arguments)]);
        return _request;
    }

    internal uint OpenPublication(int session, string key, DurabilityLevel level, string publisher = "", string exchange = "", uint window = 1000, bool mandatory = true)
    {
        Send(
            CommandType.OpenPublication,
            new OpenPublicationCommand { Session = session, Request = ++_request, Window = window, Level = (byte)level, Flags = mandatory ? (byte)1 : (byte)0 },
            [.. Text(publisher), .. Text(exchange), .. Text(key)]);
        return _request;
    }

    internal void Publish(int session, uint publication, ulong sequence, string body, string key = "") =>
        Send(
            CommandType.Publish,
            new PublishCommand
            {
                Session = session,
                Publication = publication,
                Sequence = sequence,
                BodyLength = Encoding.UTF8.GetByteCount(body),
                RoutingKeyLength = (byte)key.Length,
                ReceivedNs = NowNs,
            },
            Encoding.UTF8.GetBytes(key + body));

    internal void Publish(int session, uint publication, ulong sequence, string body, string key, ReadOnlySpan<byte> headers) =>
        Send(
            CommandType.Publish,
            new PublishCommand
            {
                Session = session,
                Publication = publication,
                Sequence = sequence,
                BodyLength = Encoding.UTF8.GetByteCount(body),
                HeadersLength = (ushort)headers.Length,
                RoutingKeyLength = (byte)key.Length,
                ReceivedNs = NowNs,
            },
            [.. Encoding.UTF8.GetBytes(key), .. headers, .. Encoding.UTF8.GetBytes(body)]);

    internal uint Subscribe(int session, string queue, uint credit, ulong bytes = ulong.MaxValue)
    {
        Send(CommandType.Subscribe, new SubscribeCommand { Session = session, Request = ++_request, CreditMessages = credit, CreditBytes = bytes }, [.. Text(queue), 0]);
        return _request;
    }

    internal uint Subscribe(int session, string queue, SubscribeCommand options, string key = "")
    {
        options.Session = session;
        options.Request = ++_request;
        Send(CommandType.Subscribe, options, [.. Text(queue), .. Text(key)]);
        return _request;
    }

    internal uint Unsubscribe(int session, uint subscription, UnsubscribeFlags flags = 0)
    {
        Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = session, Request = ++_request, Subscription = subscription, Flags = (uint)flags });
        return _request;
    }

    internal uint Get(int session, uint subscription, uint messages, uint waitMs = 0, ulong bytes = ulong.MaxValue)
    {
        Send(CommandType.Get, new GetCommand { Session = session, Request = ++_request, Subscription = subscription, MaxMessages = messages, MaxBytes = bytes, WaitMs = waitMs });
        return _request;
    }

    internal void Credit(int session, uint subscription, uint messages, ulong bytes = ulong.MaxValue) =>
        Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = subscription, Messages = messages, Bytes = bytes });

    /// <summary>A request that is a name and flags.</summary>
    internal uint Request(CommandType type, int session, uint flags = 0, string? name = null)
    {
        Send(type, new RequestCommand { Session = session, Request = ++_request, Flags = flags }, name == null ? [] : Text(name));
        return _request;
    }

    /// <summary>Who got what: subscription and body of each delivery.</summary>
    internal (uint Subscription, string Body)[] Deliveries() =>
        [.. Events.Where(e => e.Type is EventType.Deliver or EventType.DeliverConflated).Select(e => (e.Read<DeliverEvent>().Subscription, e.Body!))];

    internal void Settle(int session, uint subscription, ulong first, ulong last, SettleKind kind = SettleKind.Ack, uint credit = 0) =>
        Send(CommandType.Settle, new SettleCommand { Session = session, Subscription = subscription, FirstTag = first, LastTag = last, Kind = (byte)kind, CreditMessages = credit });

    internal uint Send<T>(CommandType type, T command, ReadOnlySpan<byte> rest = default)
        where T : unmanaged
    {
        Assert.True(Core.Ingress.TryClaim((int)type, sizeof(T) + rest.Length, out RingClaim claim));
        *(T*)claim.Pointer = command;
        rest.CopyTo(claim.Body[sizeof(T)..]);
        Assert.True(claim.Commit());
        return _request;
    }

    internal uint NextRequest() => ++_request;

    /// <summary>What the preparer would say about the disk.</summary>
    internal void TellSpace(bool isLow, long freeBytes = 0, long highMark = 0)
    {
        Core.Engine.BeginBatch(NowNs);
        Core.Engine.OnDiskSpace(new DiskSpace(isLow, freeBytes, highMark));
        Core.Engine.EndBatch();
        Run();
    }

    /// <summary>What the engine takes for now.</summary>
    internal long NowNs => UnixClock.NowNs() + Core.ClockOffsetNs;

    /// <summary>Lets time pass.</summary>
    internal void Advance(long ms)
    {
        Core.ClockOffsetNs += ms * 1_000_000;
        Run();
    }

    /// <summary>Runs the engine until the condition holds, for ten seconds at most unless it is told more.</summary>
    internal void RunUntil(Func<bool> condition, int seconds = 10)
    {
        long deadline = Environment.TickCount64 + seconds * 1000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, $"not reached; events: {string.Join(", ", Events.Select(e => e.Type))}");
            Step();
        }
    }

    /// <summary>Runs the engine until it has nothing to do, waiting for the disk included.</summary>
    internal void Run() => RunUntil(() => Step() == 0 && !Core.Engine.WaitsForDisk && Core.Ingress.IsEmpty);

    internal int Step()
    {
        int work = Core.EngineAgent.DoWork();
        if (_isStepped && Prepares)
            work += Core.Journal!.Preparer.DoWork() + Core.Transient.Preparer.DoWork();
        if (_isStepped && Flushes)
            work += Core.Journal!.Flusher.DoWork();
        if (!Polls)
            return work;
        var collector = new Collector(this);
        Reader.Enter();
        Port.Ring.Poll(ref collector, int.MaxValue);
        Reader.Exit();
        return work;
    }

    internal T Single<T>(EventType type)
        where T : unmanaged => Assert.Single(All<T>(type));

    internal T[] All<T>(EventType type)
        where T : unmanaged => [.. Events.Where(e => e.Type == type).Select(e => e.Read<T>())];

    internal string[] Bodies() => [.. Events.Where(e => e.Type == EventType.Deliver).Select(e => e.Body!)];

    /// <summary>A table as it stands in a command.</summary>
    internal static byte[] Table(FieldTableWriter arguments) => [(byte)arguments.Entries.Length, (byte)(arguments.Entries.Length >> 8), .. arguments.Entries];

    internal static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [(byte)bytes.Length, .. bytes];
    }

    /// <summary>The process ends here. The disk is told by the caller.</summary>
    internal void Kill()
    {
        Reader.Dispose();
        Core.Abandon();
        Port.Dispose();
        _wake.Dispose();
    }

    public void Dispose()
    {
        Reader.Dispose();
        Core.Dispose();
        Port.Dispose();
        _wake.Dispose();
    }

    internal sealed record Event(EventType Type, byte[] Bytes, string? Body)
    {
        internal T Read<T>()
            where T : unmanaged
        {
            fixed (byte* at = Bytes)
                return *(T*)at;
        }
    }

    private readonly struct Collector(EngineHarness harness) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            string? text = null;
            if (type is (int)EventType.Deliver or (int)EventType.DeliverConflated)
            {
                fixed (byte* at = body)
                {
                    if (harness.Reader.TryRead(((DeliverEvent*)at)->Position, out MessageView view))
                        text = Encoding.UTF8.GetString(view.Body);
                }
            }
            harness.Events.Add(new Event((EventType)type, body.ToArray(), text));
            return true;
        }
    }
}
