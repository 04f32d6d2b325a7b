using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Rings;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

/// <summary>The broker's state and the only code that changes it. One thread; no clock, thread, socket or file inside.</summary>
/// <remarks>
/// Input: commands (<see cref="OnRecord"/>), the time of a batch (<see cref="BeginBatch"/>), the durable position
/// (<see cref="OnDurable"/>), the room on the disk (<see cref="OnDiskSpace"/>), what was read from it (<see cref="OnLoaded"/>). Output: records in the logs, events in the egress ports. What a command changes for good is
/// one record, and the method that applies it to the state is the one that applies it in a replay (<c>BrokerEngine.Replay.cs</c>).
/// <code>
/// BeginBatch ▸ OnRecord … OnRecord ▸ EndBatch: deliver by credit, write Delivered records, confirm, commit the ports
/// </code>
/// A delivery is committed to its port only after the record that tells of it, so that after a crash its redelivery is flagged.
/// </remarks>
internal sealed unsafe partial class BrokerEngine : IRecordHandler, ISegmentRollHandler, IDisposable
{
    private RecordLog? _durableLog; // Null before a replay has ended, and for ever in a broker without a journal.
    private readonly RecordLog _transientLog;
    private readonly EgressPorts _ports;
    private readonly BrokerLimits _limits;
    private readonly EntryPool _entryPool = new();
    private readonly Topology _topology = new();
    private readonly Session?[] _sessions;

    private readonly List<BrokerQueue> _scheduledQueues = [];
    private readonly List<EnginePublication> _scheduledPublications = [];
    private readonly List<EgressPort> _touchedPorts = [];
    private readonly SequenceRanges _ranges = new();

    private long _nowNs;
    private long _batch;
    private bool _isShuttingDown;

    /// <param name="transientLog">Anonymous memory.</param>
    internal BrokerEngine(RecordLog transientLog, EgressPorts ports, BrokerLimits limits)
    {
        _transientLog = transientLog;
        _ports = ports;
        _limits = limits;
        _sessions = new Session?[limits.MaxSessions];
    }

    /// <summary>Gives the engine its journal, after every record of it was replayed and before the first command.</summary>
    /// <param name="endWasLost">See <see cref="Restart"/>.</param>
    /// <exception cref="JournalException">There is no room for the first record.</exception>
    internal void Attach(RecordLog durableLog, bool endWasLost)
    {
        _durableLog = durableLog;
        durableLog.RollHandler = this;
        BrokerQueue[] queues = _topology.QueuesById();
        foreach (BrokerQueue queue in queues)
            queue.UniteScheduled();
        AddReferences(queues);
        Restart(endWasLost);
        _isReplaying = false;
        IndexAfterReplay();
    }

    /// <summary>Position up to which the journal is durable, as far as the engine was told.</summary>
    internal long DurablePosition { get; private set; }

    /// <summary>Something waits for the journal to become durable: ask for a flush.</summary>
    internal bool WaitsForDisk => _pendingReplies.Count > 0 || _waitsForDisk > DurablePosition;

    /// <summary>Messages that came in and were stored, since the start.</summary>
    internal long PublishedCount { get; private set; }

    /// <summary>Deliveries handed to ports, since the start.</summary>
    internal long DeliveredCount { get; private set; }

    /// <summary>Messages that reached no queue and were not asked back, since the start.</summary>
    internal long UnroutableCount { get; private set; }

    /// <summary>Resends that were recognised, since the start.</summary>
    internal long DuplicateCount { get; private set; }

    internal Topology Topology => _topology;

    /// <summary>Something is left to do that needs no further input: messages beyond a queue's turn, a port that was full.</summary>
    internal bool HasScheduled =>
        _scheduledQueues.Count > 0 || _scheduledPublications.Count > 0 || HasOverrunSessions || _timers.NextNs <= _nowNs || _trimsAgain
        || (_leaving.Count > 0 && !_leavingWaitsForSpace) || _hasNewlyLoaded;

    /// <summary>Sessions whose replies found no room are still to be ended.</summary>
    internal bool HasOverrunSessions => _overrunSessions.Count > 0;

    private long _waitsForDisk;

    /// <summary>Begins a batch of commands.</summary>
    /// <param name="nowNs">Unix time in nanoseconds.</param>
    internal void BeginBatch(long nowNs)
    {
        // Time does not run backwards here, whatever the machine's clock does.
        _nowNs = Math.Max(_nowNs, nowNs);
        _batch++;
        if (_durableLog != null)
        {
            NoteFullDisk();
            _hotFrom = _durableLog.HotFrom;
        }
        if (_passingPorts.Count > 0)
            ReleasePassing();
        if (_pullDeadlines.NextNs <= _nowNs)
            ListDuePulls();
        if (_isFirstBatch)
            BeginFirstBatch();
        if (_leaving.Count > 0 && !_leavingWaitsForSpace)
            RunLeaving();
        if (_timers.NextNs <= _nowNs)
            RunTimers();
        if (_toTrim.Count > 0)
            Trim();
    }

    /// <summary>Carries out one command.</summary>
    /// <returns>False when the journal is preparing its next segment: offer the same command again later.</returns>
    public bool OnRecord(int type, ReadOnlySpan<byte> body)
    {
        if (!Execute(type, body))
            return false;
        if (_toTrim.Count > 0)
            Trim();
        return true;
    }

    private bool Execute(int type, ReadOnlySpan<byte> body)
    {
        switch ((CommandType)type)
        {
            case CommandType.Publish:
                return OnPublish(in As<PublishCommand>(body), body[sizeof(PublishCommand)..]);
            case CommandType.Settle:
                return OnSettle(in As<SettleCommand>(body));
            case CommandType.Credit:
                OnCredit(in As<CreditCommand>(body));
                return true;
            case CommandType.OpenSession:
                OnOpenSession(in As<OpenSessionCommand>(body), body[sizeof(OpenSessionCommand)..]);
                return true;
            case CommandType.CloseSession:
                return OnCloseSession(in As<CloseSessionCommand>(body));
            case CommandType.OpenPublication:
                return OnOpenPublication(in As<OpenPublicationCommand>(body), body[sizeof(OpenPublicationCommand)..]);
            case CommandType.ClosePublication:
                OnClosePublication(in As<ClosePublicationCommand>(body));
                return true;
            case CommandType.Subscribe:
                OnSubscribe(in As<SubscribeCommand>(body), body[sizeof(SubscribeCommand)..]);
                return true;
            case CommandType.Unsubscribe:
                return OnUnsubscribe(in As<UnsubscribeCommand>(body));
            case CommandType.Get:
                OnGet(in As<GetCommand>(body));
                return true;
            case CommandType.Recover:
                return OnRecover(in As<RequestCommand>(body));
            case CommandType.CommitTransaction:
                return OnCommitTransaction(in As<RequestCommand>(body));
            case CommandType.RollbackTransaction:
                OnRollbackTransaction(in As<RequestCommand>(body));
                return true;
            case CommandType.SetMaxUnacked:
                OnSetMaxUnacked(in As<RequestCommand>(body));
                return true;
            case CommandType.DeclareQueue:
                return OnDeclareQueue(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            case CommandType.DeleteQueue:
                return OnDeleteQueue(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            case CommandType.PurgeQueue:
                return OnPurgeQueue(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            case CommandType.DeclareExchange:
                return OnDeclareExchange(in As<DeclareExchangeCommand>(body), body[sizeof(DeclareExchangeCommand)..]);
            case CommandType.DeleteExchange:
                return OnDeleteExchange(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            case CommandType.Bind:
                return OnBind(in As<RequestCommand>(body), body[sizeof(RequestCommand)..], bind: true);
            case CommandType.Unbind:
                return OnBind(in As<RequestCommand>(body), body[sizeof(RequestCommand)..], bind: false);
            case CommandType.DeclareVirtualHost:
                return OnDeclareVirtualHost(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            case CommandType.DeleteVirtualHost:
                return OnDeleteVirtualHost(in As<RequestCommand>(body), body[sizeof(RequestCommand)..]);
            default:
                throw new InvalidOperationException($"Command type {type} does not exist.");
        }
    }

    /// <summary>Ends a batch: hands messages over, writes what was handed over, confirms, and lets the ports' owners see it all.</summary>
    /// <returns>How much was done.</returns>
    internal int EndBatch()
    {
        long delivered = DeliveredCount;
        if (_scheduledQueues.Count > 0)
            Dispatch();
        if (_hasNewlyLoaded && _batch >= _passSlotsFrom)
            PassSlotsOn();
        if (_pulls.Count > 0)
            AnswerPulls();
        if (_scheduledPublications.Count > 0)
            Confirm();
        if (HasDueRemovals)
            RemoveDue();
        CommitPorts();
        return (int)(DeliveredCount - delivered);
    }

    /// <summary>The journal is durable up to a position: confirm and answer what waited for it.</summary>
    internal void OnDurable(long position)
    {
        DurablePosition = position;
        AnswerPending();
        foreach (EnginePublication publication in _waitingForDisk)
        {
            publication.WaitsForDisk = false;
            Schedule(publication);
        }
        _waitingForDisk.Clear();
    }

    /// <summary>From now on publishes are rejected: the broker is about to stop.</summary>
    internal void BeginShutdown() => _isShuttingDown = true;

    private void CommitPorts()
    {
        foreach (EgressPort port in _touchedPorts)
        {
            port.Commit();
        }
        _touchedPorts.Clear();
        if (_overrunSessions.Count > 0)
            EndOverrunSessions();
        if (_toTrim.Count > 0)
            Trim(); // What those sessions gave back.
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref readonly T As<T>(ReadOnlySpan<byte> body)
        where T : unmanaged =>
        ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(body[..sizeof(T)]));

    private void Schedule(BrokerQueue queue)
    {
        if (!queue.IsScheduled)
        {
            queue.IsScheduled = true;
            _scheduledQueues.Add(queue);
        }
    }

    private void Schedule(EnginePublication publication)
    {
        if (!publication.IsScheduled)
        {
            publication.IsScheduled = true;
            _scheduledPublications.Add(publication);
        }
    }

    public void Dispose()
    {
        foreach (BrokerQueue queue in _topology.QueuesById())
            queue.Entries.Clear();
        _entryPool.Dispose();
    }
}
