using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using BrokerJournal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Server.Simulation;

/// <summary>A whole broker with its clients, its disk and their misfortunes on one thread, all from one seed, beside a <see cref="NaiveBroker"/>.</summary>
/// <remarks>
/// The engine, the journal and its agents are the real ones, stepped here; the disk is simulated. Every batch is checked when it ends,
/// and every restart goes through the real recovery. What clients do is in <c>BrokerSimulation.Clients.cs</c>, restarts in <c>BrokerSimulation.Restarts.cs</c>.
/// </remarks>
internal sealed partial class BrokerSimulation : IDisposable
{
    private static readonly BrokerLimits Limits = new()
    {
        MaxSessions = 32,
        MaxPublicationsPerSession = 4,
        MaxSubscriptionsPerSession = 4,
        MaxQueues = 9,
        MaxExchanges = 6,
        MaxBindings = 20,
        MaxVirtualHosts = 2,
        MaxPublishers = 5,
        MaxBodyLength = 200 * 1024,
        MaxWindow = 64,
        MaxCreditMessages = 200,
        MaxConflationKeys = 3,
        DefaultReplyLength = 8,
        DefaultQueueLength = 100,
        MaxTransientBytes = 8 * 1024 * 1024,
        IngressCapacity = 4096,
    };

    private static readonly BrokerOptions Options = new() { SegmentSize = SegmentLayout.MinSize, MinFreeDiskBytes = 0, DiskHighWatermark = 0, Limits = Limits };

    private static readonly BrokerOptions ColdOptions = Options with { JournalMemoryBytes = 0 };

    private readonly SimulationRandom _random;
    private readonly int _steps;
    private readonly IReadOnlyList<SimulationAction>? _script;
    private readonly SimulationProfile _profile;
    private readonly SimulatedDisk _disk = new();
    private readonly NaiveBroker _model = new(Limits);
    private readonly ThreadWakeSignal _wake = new();
    private readonly Queue<SimulatedCommand> _ingress = [];
    private readonly List<object> _log = [];

    private SimulationHash _hash = new();
    private BrokerCore _core;
    private MessageReader _reader;
    /// <summary>Rounds without an event after which nothing more is to come.</summary>
    private const int QuietRounds = 25;

    private long _eventCount;
    private long _nowNs = 1_000_000_000;
    private bool _isDurableTold = true;
    private bool _hasFailed;
    private bool _isReclaiming;
    private bool _isSettling;
    private int _toldLoads;
    private int _restartAt = -1;

    /// <param name="seed">Everything is drawn from it.</param>
    /// <param name="steps">How many.</param>
    /// <param name="disabled">What the run does without.</param>
    /// <param name="script">What the steps are; without it they are drawn too.</param>
    internal BrokerSimulation(ulong seed, int steps, SimulationActions disabled = default, IReadOnlyList<SimulationAction>? script = null)
    {
        _random = new SimulationRandom(seed);
        _steps = steps;
        _script = script;
        _profile = new SimulationProfile(_random, steps, disabled);
        _topology = new SimulatedTopology(_random, _profile);
        _disk.OnLoad = (_, _) => Load();
        (_core, _reader) = Start();
        _model.Begin(_core, _reader);
    }

    /// <summary>Steps done.</summary>
    internal int Step { get; private set; }

    internal int Restarts { get; private set; }

    /// <summary>A number over all that was seen: events, and the state at every restart.</summary>
    internal ulong Hash => _hash.Value;

    /// <summary>What happened how often, to see that a workload reaches what it should.</summary>
    internal SortedDictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>The last operations and events, oldest first.</summary>
    internal IEnumerable<string> LastOperations => _log.TakeLast(1000).Select(entry => entry.ToString() ?? "");

    private BrokerEngine Engine => _core.Engine;

    private BrokerJournal Journal => _core.Journal!;

    internal void Run()
    {
        WarmUp();
        for (Step = 0; Step < _steps; Step++)
        {
            if (Step == _restartAt)
                Do(SimulationAction.Kill);
            long segment = Segment;
            Do(_script != null ? _script[Step] : _profile.Draw(_random));
            // Power cuts between the first records of a segment.
            if (Segment != segment && _random.Next(_profile.CutAfterRoll) == 0)
                Do(SimulationAction.CutPower);
            ForgetClosedClients();
        }
        SettleDown();
        Restart(SimulationAction.Kill);
    }

    /// <summary>Clients that are at work, so that a short run is not over before it begins.</summary>
    private void WarmUp()
    {
        while (_clients.Count < _profile.Clients)
            Connect();
        for (int i = 0; i < 3; i++)
        {
            Journal.Flusher.DoWork();
            _isDurableTold = false;
            Batch(MaxWaitingCommands);
            foreach (SimulatedClient client in _clients)
            {
                client.Poll(int.MaxValue);
                if (client.IsFaulted || client.IsClosing || i == 2)
                    continue;
                OpenPublication(client);
                Subscribe(client);
            }
        }
    }

    private long Segment => Journal.Log.Tail / SegmentLayout.MinSize;

    private void Do(SimulationAction action)
    {
        switch (action)
        {
            case SimulationAction.Batch:
                Batch(_random.Next(1, _profile.MaxBatch + 1));
                break;
            case SimulationAction.Flush:
                Journal.Flusher.DoWork();
                break;
            case SimulationAction.Prepare:
                Journal.Preparer.DoWork();
                _core.Transient.Preparer.DoWork();
                break;
            case SimulationAction.TellDurable:
                _isDurableTold = false;
                break;
            case SimulationAction.FillDisk:
                _disk.Capacity = _disk.Capacity == long.MaxValue ? _disk.Used + _random.Next(2) * SegmentLayout.MinSize : long.MaxValue;
                Note($"disk capacity is {_disk.Capacity}");
                break;
            case SimulationAction.FailSync:
                _disk.FailSync = _disk.Syncs;
                Note("the next sync fails");
                break;
            case SimulationAction.Kill:
            case SimulationAction.CutPower:
            case SimulationAction.Stop:
                Restart(action);
                if (_random.Next(4) != 0)
                    WarmUp();
                break;
            default:
                DoAsClient(action);
                break;
        }
    }

    /// <summary>One duty cycle of the engine, as its agent does it.</summary>
    private void Batch(int commands)
    {
        if (Journal.State == JournalState.Failed && !_hasFailed)
        {
            _hasFailed = true;
            _restartAt = Step + _random.Next(5, 80);
            Note("the journal has failed");
            BeginBatch(0);
            Engine.OnJournalFailed(Journal.FailureText);
            _model.OnJournalFailed();
            _model.AfterCall();
            EndBatch();
        }
        if (Engine.CanServeWaiting)
        {
            BeginBatch(0);
            Engine.OnSpace();
            _model.OnSpace();
            _model.AfterCall();
            EndBatch();
        }

        BeginBatch(TimeStep());
        long durable = Journal.DurablePosition;
        if (!_isDurableTold && durable > Engine.DurablePosition)
        {
            _isDurableTold = true;
            Note($"durable up to {durable}");
            _model.BeforeCall();
            Engine.OnDurable(durable);
            _model.AfterCall();
        }
        if (Journal.Log.LoadsDone is var loads && loads != _toldLoads)
        {
            Count("loads", loads - _toldLoads);
            _toldLoads = loads;
            _model.BeforeCall();
            Engine.OnLoaded();
            _model.AfterCall();
        }
        long committed = Engine.CommittedCount;
        while (commands-- > 0 && _ingress.TryPeek(out SimulatedCommand? command))
        {
            _model.BeforeCall();
            if (!Engine.OnRecord((int)command.Type, command.Bytes))
            {
                Note($"not ready: {command}");
                Count("commands not taken");
                if (Journal.Log.Next != null && _core.Transient.Log.Next != null)
                    throw new SimulationException("A command was not taken although the logs are ready.");
                break;
            }
            _ingress.Dequeue();
            _log.Add(command);
            _model.Apply(command);
            _model.AfterCall();
        }
        Count("transactions committed", Engine.CommittedCount - committed);
        EndBatch();
        if (Engine.WaitsForDisk && !Journal.FlushInFlight && !_hasFailed)
            Journal.RequestFlush();
        else
            Journal.Maintain();
        Reclaim();
        if (_model.CanBeTold && !Engine.CanServeWaiting)
            throw new SimulationException("There is room again, and publications are not told.");
    }

    /// <summary>A slice of the work that keeps the journal short, as the engine's agent does it.</summary>
    private void Reclaim()
    {
        if (_hasFailed)
            return;
        if (Engine.IsSnapshotOpen)
            ContinueSnapshot(_isSettling ? int.MaxValue : _random.Next(4) == 0 ? 1 : 0);
        long moved = Engine.ReclaimedCount;
        long reserveMoves = Journal.Log.ReserveMoves;
        _model.BeforeCall();
        _isReclaiming = Engine.Reclaim() > 0;
        _model.AfterCall();
        Count("records moved", Engine.ReclaimedCount - moved);
        Count("times moved records were let into the reserve", Journal.Log.ReserveMoves - reserveMoves);
        if (_isReclaiming)
            Journal.Maintain();
        else if (Engine.ReclaimWaitsForDisk && !Journal.FlushInFlight)
            Journal.RequestFlush();
    }

    /// <summary>Nothing is left that goes on without new commands.</summary>
    private bool IsAtRest =>
        !_isReclaiming && !Engine.ReclaimWaitsForDisk && !Engine.IsSnapshotOpen && Engine.AwaitingLoad == 0 && !IsLoading && Journal.Log.LoadsDone == _toldLoads;

    private bool IsLoading
    {
        get
        {
            bool isLoading = false;
            foreach (LoadSlot slot in Journal.Log.Slots)
                isLoading |= slot.State == LoadState.Wanted;
            return isLoading;
        }
    }

    /// <returns>Error number: the disk gives a segment back now, or the loader tries again with its next step.</returns>
    private int Load() => _isSettling || _random.Next(4) < _profile.LoadsAtOnceOf4 ? 0 : Errno.Again;

    private void ContinueSnapshot(int slices)
    {
        int work = 1;
        for (; slices > 0 && work > 0; slices--)
        {
            _model.BeforeCall();
            work = Engine.ContinueSnapshot();
            _model.AfterCall();
            Count("slices of snapshots", work > 0 ? 1 : 0);
        }
    }

    /// <summary>Less than a millisecond, mostly.</summary>
    private long TimeStep() => _profile.Has(SimulationAction.TimeJumps) && _random.Next(12) == 0
        ? _random.Next(5) switch { 0 => 3_600_000_000_000, 1 => 2_000_000_000, 2 => 50_000_000, _ => 1_000_000 }
        : _random.Next(3_000_000);

    private void BeginBatch(long laterNs)
    {
        _nowNs += laterNs;
        _model.BeginBatch(_nowNs);
        Engine.BeginBatch(_nowNs);
        _model.RunTime();
        _model.AfterCall();
        _model.BeforeCall();
    }

    private void EndBatch()
    {
        long delivered = Engine.DeliveredCount;
        _model.BeforeCall();
        _model.NoteSegmentsAtHand();
        Engine.EndBatch();
        _model.MarkOverrun();
        Count("deliveries", Engine.DeliveredCount - delivered);
        Count("waits for the disk", Engine.AwaitingLoad);
        int from = _log.Count;
        _model.EndBatch(_log, checksEntries: _random.Next(16) == 0);
        foreach (object entry in _log.Skip(from))
        {
            if (entry is not SimulatedEvent item)
                continue;
            CountEvent(item);
            _eventCount++;
            _hash.Add((ulong)item.Type);
            _hash.Add(item.Bytes);
        }
        if (_log.Count > 5000)
            _log.RemoveRange(0, 4000);
    }

    private void CountEvent(SimulatedEvent item)
    {
        string what = item.Type switch
        {
            EventType.Rejected => $"rejected {(ErrorCode)item.Read<RejectedEvent>().Code}",
            EventType.Failed => $"failed {(ErrorCode)item.Read<FailedEvent>().Code}",
            EventType.SessionFault => $"fault {(ErrorCode)item.Read<SessionFaultEvent>().Code}",
            EventType.SubscriptionEnded => $"ended {(ErrorCode)item.Read<SubscriptionEndedEvent>().Code}",
            EventType.Confirm => $"confirm {(DurabilityLevel)item.Read<ConfirmEvent>().Level}",
            _ => item.Type.ToString(),
        };
        Count(what);
    }

    /// <summary>Nothing goes wrong any more: everything that was sent must be decided.</summary>
    private void SettleDown()
    {
        _disk.Capacity = long.MaxValue;
        if (Journal.State == JournalState.Failed || _disk.FailSync >= _disk.Syncs)
        {
            _disk.FailSync = -1;
            Restart(SimulationAction.Kill);
        }
        _isSettling = true;
        int quiet = 0;
        for (int i = 0; i < 300 && quiet < QuietRounds; i++)
        {
            long events = _eventCount;
            Do(SimulationAction.Prepare);
            Do(SimulationAction.Flush);
            Do(SimulationAction.TellDurable);
            Batch(50);
            foreach (SimulatedClient client in _clients)
                client.Poll(int.MaxValue);
            ForgetClosedClients();
            quiet = _ingress.Count == 0 && _eventCount == events && IsAtRest ? quiet + 1 : 0;
        }
        // Idle for a second, as its agent would find it; again where what expired meanwhile has made work.
        for (int i = 0; i < 300 && (i == 0 || !IsAtRest); i++)
        {
            Journal.RequestIdleMarker();
            Do(SimulationAction.Prepare);
            Do(SimulationAction.Flush);
            Do(SimulationAction.TellDurable);
            Batch(0);
        }
        if (_ingress.Count > 0)
            throw new SimulationException($"{_ingress.Count} commands are left, the next is {_ingress.Peek()}.");
        if (!IsAtRest)
            throw new SimulationException($"The engine does not come to rest: {Engine.AwaitingLoad} queues wait for the disk, the disk {(IsLoading ? "has" : "does not have")} work, "
                + $"reclaim {(_isReclaiming ? "goes on" : Engine.ReclaimWaitsForDisk ? "waits for the disk" : "does not")}.");
        foreach (SimulatedClient client in _clients)
            client.CheckDecided();
        _model.CheckRetired();
    }

    private void Count(string what, long count = 1)
    {
        Counts.TryGetValue(what, out long before);
        Counts[what] = before + count;
    }

    private void Note(string what) => _log.Add($"step {Step}: {what}");

    private (BrokerCore Core, MessageReader Reader) Start()
    {
        BrokerCore core = BrokerCore.OpenStepped(_profile.IsCold ? ColdOptions : Options, _disk.Start(), _wake, _profile.JournalReserve, _profile.MaxHotSegments);
        core.Engine.SnapshotSlice = _profile.SnapshotSlice;
        MessageReader reader = core.CreateReader();
        return (core, reader);
    }

    public void Dispose()
    {
        LoseClients();
        _reader.Dispose();
        _core.Abandon();
        _disk.Dispose();
        _wake.Dispose();
    }
}
