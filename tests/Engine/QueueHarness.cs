using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Engine;

/// <summary>Queues by name, messages by their bodies: one session, one publication for each queue, on a simulated disk that outlives restarts.</summary>
internal sealed class QueueHarness : IDisposable
{
    private readonly SimulatedDisk _disk = new();
    private readonly BrokerLimits? _limits;
    private readonly long _journalMemory;
    private readonly bool _compresses;
    private readonly Dictionary<string, uint> _publications = [];
    private readonly Dictionary<string, uint> _subscriptions = [];
    private readonly Dictionary<uint, ulong> _sequences = [];
    private long _clockOffsetNs;

    /// <param name="journalMemory">What of the journal is kept in memory: at least four segments and three.</param>
    /// <param name="compresses">Compress what is not.</param>
    internal QueueHarness(BrokerLimits? limits = null, long journalMemory = 1024 * 1024 * 1024, bool compresses = false)
    {
        _limits = limits;
        _journalMemory = journalMemory;
        _compresses = compresses;
        Start();
    }

    internal EngineHarness Engine { get; private set; } = null!;

    /// <summary>Under its journal.</summary>
    internal SimulatedDisk Disk => _disk;

    internal int Session { get; private set; }

    internal static FieldTableWriter Arguments => new();

    internal DurabilityLevel Level { get; set; } = DurabilityLevel.Disk;

    internal void Declare(string name, FieldTableWriter? arguments = null, bool durable = true)
    {
        Engine.DeclareQueue(Session, name, durable ? QueueFlags.Durable : 0, arguments ?? new FieldTableWriter());
        Engine.Run();
        Assert.Equal(0, Engine.Events.Count(e => e.Type == EventType.Failed));
    }

    internal ulong Publish(string queue, string body, ReadOnlySpan<byte> headers = default)
    {
        if (!_publications.TryGetValue(queue, out uint publication))
        {
            Engine.Events.Clear();
            Engine.OpenPublication(Session, queue, Level, mandatory: true);
            Engine.Run();
            publication = Engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
            _publications[queue] = publication;
        }
        ulong sequence = _sequences[publication] = _sequences.GetValueOrDefault(publication) + 1;
        Engine.Publish(Session, publication, sequence, body, "", headers);
        Engine.Run();
        return sequence;
    }

    internal ErrorCode Rejected(string queue, string body, ReadOnlySpan<byte> headers = default)
    {
        Engine.Events.Clear();
        Publish(queue, body, headers);
        RejectedEvent[] rejected = Engine.All<RejectedEvent>(EventType.Rejected);
        return rejected.Length == 0 ? ErrorCode.None : (ErrorCode)rejected[^1].Code;
    }

    /// <summary>Bodies that a subscription on a queue is given with so much more credit.</summary>
    internal string[] Take(string queue, uint credit = 1000)
    {
        Engine.Events.Clear();
        if (!_subscriptions.TryGetValue(queue, out uint subscription))
        {
            Engine.Subscribe(Session, queue, credit);
            Engine.Run();
            _subscriptions[queue] = Engine.Single<SubscribedEvent>(EventType.Subscribed).Subscription;
        }
        else
        {
            Engine.Send(CommandType.Credit, new CreditCommand { Session = Session, Subscription = subscription, Messages = credit, Bytes = ulong.MaxValue });
            Engine.Run();
        }
        return Engine.Bodies();
    }

    /// <summary>Takes everything and gives the credit back by leaving.</summary>
    internal string[] Drain(string queue)
    {
        string[] bodies = Take(queue);
        if (bodies.Length > 0)
            Settle(queue, Engine.All<DeliverEvent>(EventType.Deliver)[^1].Tag);
        Leave(queue);
        return bodies;
    }

    internal void Leave(string queue)
    {
        uint subscription = _subscriptions[queue];
        Engine.Send(CommandType.Unsubscribe, new UnsubscribeCommand { Session = Session, Request = Engine.NextRequest(), Subscription = subscription });
        Engine.Run();
        _subscriptions.Remove(queue);
    }

    internal void Settle(string queue, ulong lastTag, SettleKind kind = SettleKind.Ack, ulong firstTag = 0)
    {
        Engine.Settle(Session, _subscriptions[queue], firstTag, lastTag, kind);
        Engine.Run();
    }

    internal BrokerQueue Queue(string name)
    {
        Assert.True(Engine.Core.Engine.Topology.Default.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue));
        return queue!;
    }

    internal bool Has(string name) => Engine.Core.Engine.Topology.Default.TryGetQueue(Encoding.UTF8.GetBytes(name), out _);

    internal void Advance(long ms)
    {
        Engine.Advance(ms);
        _clockOffsetNs = Engine.Core.ClockOffsetNs;
    }

    /// <summary>Sets the clock, which then goes on by itself.</summary>
    internal void SetClock(long nowNs)
    {
        _clockOffsetNs = nowNs - UnixClock.NowNs();
        Engine.Core.ClockOffsetNs = _clockOffsetNs;
        Engine.Run();
    }

    /// <summary>Kills the process and starts it again; the state by the journal is the one before.</summary>
    internal void Restart(bool sameHash = true)
    {
        ulong before = Engine.Core.Engine.StateHash();
        Engine.Kill();
        _disk.Kill();
        Start();
        if (sameHash)
            Assert.Equal(before, Engine.Core.Engine.StateHash());
    }

    internal void PowerCut(int seed)
    {
        Engine.Kill();
        _disk.PowerCut(new Random(seed));
        Start();
    }

    private void Start()
    {
        _publications.Clear();
        _subscriptions.Clear();
        _sequences.Clear();
        Engine = new EngineHarness(_disk, _limits, journalMemory: _journalMemory, compresses: _compresses);
        Engine.Core.ClockOffsetNs = _clockOffsetNs;
        Session = Engine.OpenSession();
        Engine.Run();
    }

    public void Dispose()
    {
        Engine.Dispose();
        _disk.Dispose();
    }
}
