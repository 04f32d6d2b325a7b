using System.Numerics;
using LowLatency.Core.Agents;
using LowLatency.Core.Compression;
using LowLatency.Core.Journal;
using LowLatency.Core.Rings;
using BrokerJournal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Core.Engine;

/// <summary>A broker without its doors: logs, engine, rings, and the threads that block in the kernel.</summary>
/// <remarks>Whoever opens it runs <see cref="EngineAgent"/> on a thread and wakes it through <see cref="EngineWake"/>.</remarks>
internal sealed class BrokerCore : IDisposable
{
    private readonly ReaderRegistry _readers;
    private readonly TransientLog _transient;
    private readonly BrokerJournal? _journal;
    private readonly EngineAgent _engineAgent;
    private readonly List<AgentRunner> _runners = [];
    private bool _isDisposed;

    private BrokerCore(BrokerOptions options, WakeSignal engineWake, IJournalStorage? storage, int journalReserve = 0, int maxHotSegments = int.MaxValue)
    {
        BrokerLimits limits = options.Limits;
        Limits = limits;
        EngineWake = engineWake;
        SessionIds = new SessionIds(limits.MaxSessions);
        _readers = new ReaderRegistry();
        _transient = new TransientLog(limits.MaxTransientBytes, _readers, TransientSegmentSize(limits));
        Engine = new BrokerEngine(_transient.Log, Ports, limits);
        try
        {
            if (storage != null)
                _journal = OpenJournal(options, storage, journalReserve, maxHotSegments);
        }
        catch
        {
            Engine.Dispose();
            _transient.Dispose();
            throw;
        }
        Ingress = new MpscByteRing(limits.IngressCapacity);
        _engineAgent = new EngineAgent(Engine, Ingress, Ports, _journal, limits.EngineBatch);
    }

    /// <summary>The state machine. Its thread is the one that runs <see cref="EngineAgent"/>.</summary>
    internal BrokerEngine Engine { get; }

    /// <summary>Takes commands, from any thread. After committing, a producer on another thread wakes <see cref="EngineWake"/>.</summary>
    internal MpscByteRing Ingress { get; }

    internal EgressPorts Ports { get; } = new();

    internal SessionIds SessionIds { get; }

    internal BrokerLimits Limits { get; }

    internal WakeSignal EngineWake { get; }

    internal IAgent EngineAgent => _engineAgent;

    /// <summary>Null in a broker without one.</summary>
    internal BrokerJournal? Journal => _journal;

    internal TransientLog Transient => _transient;

    /// <summary>What opening the journal found; null without one.</summary>
    internal RecoveryReport? Recovery { get; private set; }

    /// <summary>Messages that wait in durable queues after recovery.</summary>
    internal long RecoveredMessages { get; private set; }

    /// <summary>Number of this run of the journal; 0 without one.</summary>
    internal uint Epoch => _journal?.Epoch ?? 0;

    internal ulong BrokerId => _journal?.BrokerId ?? 0;

    /// <summary>Any thread.</summary>
    internal JournalState JournalState => _journal?.State ?? JournalState.Open;

    /// <summary>Why <see cref="JournalState"/> is not open. Any thread.</summary>
    internal string JournalFailureText => _journal?.FailureText ?? "";

    /// <summary>The room on the journal's disk; null while there was always enough. Any thread.</summary>
    internal DiskSpace? Space => _journal?.Space;

    /// <summary>Everything that came before <see cref="BeginShutdown"/> is carried out. Any thread.</summary>
    internal bool IsDrained => _engineAgent.IsDrained;

    /// <summary>Opens the journal, recovers, and starts the flusher and the preparer.</summary>
    /// <param name="engineWake">Wakes the thread that will run the engine.</param>
    /// <exception cref="JournalException">The journal could not be opened.</exception>
    internal static BrokerCore Open(BrokerOptions options, WakeSignal engineWake)
    {
        var core = new BrokerCore(options, engineWake, options.DataDirectory == null ? null : new MappedJournalStorage(options.DataDirectory));
        core.StartBackground();
        return core;
    }

    /// <summary>As <see cref="Open"/>, but over any storage and without threads: the caller steps the agents of <see cref="Journal"/> and <see cref="Transient"/>.</summary>
    /// <param name="journalReserve">See <see cref="JournalOptions.ReserveLength"/>.</param>
    /// <param name="maxHotSegments">See <see cref="JournalOptions.MaxHotSegments"/>.</param>
    /// <remarks>For simulations: a whole broker on one thread. The storage is the core's from here on.</remarks>
    internal static BrokerCore OpenStepped(BrokerOptions options, IJournalStorage storage, WakeSignal engineWake, int journalReserve = 0, int maxHotSegments = int.MaxValue)
    {
        var core = new BrokerCore(options, engineWake, storage, journalReserve, maxHotSegments);
        core._transient.Preparer.TouchesPages = false;
        return core;
    }

    /// <summary>Added to the machine's clock: where time is to pass without waiting for it.</summary>
    internal long ClockOffsetNs
    {
        get => _engineAgent.ClockOffsetNs;
        set => _engineAgent.ClockOffsetNs = value;
    }

    /// <summary>A reader for one more thread. Any thread; control plane.</summary>
    internal MessageReader CreateReader() => new(_readers.Register(), _journal?.Log, _transient.Log);

    /// <summary>From now on publishes are rejected; what waits is made durable. Any thread.</summary>
    internal void BeginShutdown()
    {
        _engineAgent.BeginShutdown();
        EngineWake.Wake();
    }

    private BrokerJournal OpenJournal(BrokerOptions options, IJournalStorage storage, int reserve, int maxHotSegments)
    {
        var visitor = new Replayer(Engine);
        var journalOptions = new JournalOptions
        {
            SegmentSize = options.SegmentSize,
            MinFreeBytes = options.MinFreeDiskBytes,
            HighMarkBytes = options.DiskHighWatermark,
            MemoryBytes = options.JournalMemoryBytes,
            ReserveLength = reserve,
            MaxHotSegments = maxHotSegments,
            Readers = _readers,
            Compression = options.CompressJournal && Lz4.TryLoad(null, out Lz4? lz4, out _) ? lz4 : null,
        };
        BrokerJournal journal = BrokerJournal.Open(storage, journalOptions, ref visitor, out RecoveryReport report);
        // The first record of the run may be the one that does not fit.
        if (!journal.Log.CanAppend(sizeof(uint), reserved: true))
            journal.Preparer.DoWork();
        // A run that was cut off before it wrote what it knew of the one before it leaves that open.
        bool isContinuous = report.SameBoot && visitor.LastEpoch == report.Epoch - 1;
        try
        {
            Engine.Attach(journal.Log, endWasLost: !report.IsNew && !report.WasClean && !isContinuous);
        }
        catch
        {
            journal.Dispose();
            throw;
        }
        journal.EnableRetirement();
        journal.OnDurableAdvanced = EngineWake;
        Recovery = report;
        foreach (Queues.BrokerQueue queue in Engine.Topology.QueuesById())
            RecoveredMessages += queue.Count;
        return journal;
    }

    private void StartBackground()
    {
        var preparers = new List<IAgent> { _transient.Preparer };
        var preparerWake = new ThreadWakeSignal();
        _transient.Preparer.Wake = preparerWake;
        _transient.Log.OnSpace = EngineWake;
        if (_journal != null)
        {
            _journal.Preparer.Wake = preparerWake;
            _journal.Preparer.Rests = true;
            preparers.Insert(0, _journal.Preparer);
            var flusherWake = new ThreadWakeSignal();
            _journal.Flusher.Wake = flusherWake;
            Start(_journal.Flusher, flusherWake, ThreadStanding.First);
            if (_journal.Preparer.Compressor is { } compressor)
            {
                _journal.Preparer.StepsCompressor = false;
                Start(compressor, new ThreadWakeSignal(), ThreadStanding.Behind);
            }
        }
        Start(new CompositeAgent("preparer", [.. preparers]), preparerWake);
    }

    private void Start(IAgent agent, WakeSignal wake, ThreadStanding standing = ThreadStanding.Usual)
    {
        // They block in the kernel or wait: no spinning on a core that the engine could have.
        var runner = new AgentRunner(agent, IdleMode.Adaptive, wake, OnBackgroundError, new AdaptiveIdle { SpinUs = 0, ParkTimeoutMs = 100 }) { Standing = standing };
        _runners.Add(runner);
        runner.Start();
    }

    private void OnBackgroundError(string agent, Exception error) => BackgroundError ??= new InvalidOperationException($"The {agent} thread stopped: {error.Message}", error);

    /// <summary>Set when a background thread died of a bug: the broker must stop. Any thread.</summary>
    internal Exception? BackgroundError { get; private set; }

    /// <summary>A message of the largest size fits into a quarter.</summary>
    private static int TransientSegmentSize(BrokerLimits limits) =>
        (int)Math.Max(TransientLog.DefaultSegmentSize, BitOperations.RoundUpToPowerOf2((uint)limits.MaxFrameLength * 4));

    /// <summary>Ends the background threads, writes the closing marker and gives the folder back. After the engine's thread has ended.</summary>
    public void Dispose() => Close(isClean: true);

    /// <summary>As <see cref="Dispose"/>, but leaves the journal as a process leaves it that is killed.</summary>
    internal void Abandon() => Close(isClean: false);

    private void Close(bool isClean)
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        foreach (AgentRunner runner in _runners)
            runner.Dispose();
        if (isClean)
            _journal?.CloseClean();
        Engine.Dispose();
        _journal?.Dispose();
        _transient.Dispose();
        Ingress.Dispose();
    }

    private struct Replayer(BrokerEngine engine) : IRecoveryVisitor
    {
        private bool _isInSnapshot;

        /// <summary>The last run that got as far as its Restart record, or any after it. A snapshot may come before it.</summary>
        internal uint LastEpoch { get; private set; }

        public void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body)
        {
            if (type is RecordType.SnapshotBegin or RecordType.SnapshotEnd or RecordType.Restart)
                _isInSnapshot = type == RecordType.SnapshotBegin && body.Length <= SnapshotFormat.WithoutFormat;
            if (!_isInSnapshot && streamId != BrokerEngine.SnapshotStream && type is not (RecordType.SnapshotBegin or RecordType.SnapshotEnd))
                LastEpoch = epoch;
            engine.Replay(type, streamId, position, body);
        }
    }
}
