using System.Diagnostics;
using LowLatency.Core.Agents;
using LowLatency.Core.Journal;
using LowLatency.Core.Rings;
using BrokerJournal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Core.Engine;

/// <summary>Runs the engine: feeds it commands, time, the durable position, the room on the disk and what was read from it, and asks for flushes. The engine thread.</summary>
internal sealed class EngineAgent : IAgent
{
    private const long HousekeepingIntervalMs = 20;
    private const long IdleMarkerMs = 1000;

    /// <summary>How long the engine's thread stays awake for a flush: most are done by then, and waking a parked thread costs a fifth of one.</summary>
    private static readonly long FlushSpinTicks = Stopwatch.Frequency / 4000; // 250 µs.

    private readonly BrokerEngine _engine;
    private readonly MpscByteRing _ingress;
    private readonly EgressPorts _ports;
    private readonly BrokerJournal? _journal;
    private readonly ReaderSection? _section;
    private readonly int _batch;

    private long _housekeepingMs;
    private long _lastWorkMs;
    private long _flushAskedTicks;
    private DiskSpace? _toldSpace;
    private int _toldLoads;
    private bool _isMarked = true;
    private bool _hasWorked;
    private bool _hasFailed;
    private int _shutdown;
    private int _isDrained;

    internal EngineAgent(BrokerEngine engine, MpscByteRing ingress, EgressPorts ports, BrokerJournal? journal, int batch)
    {
        _engine = engine;
        _ingress = ingress;
        _ports = ports;
        _journal = journal;
        _section = journal?.RegisterReader();
        _batch = batch;
    }

    public string Name => "engine";

    /// <summary>Added to the machine's clock: where time is to pass without waiting for it.</summary>
    internal long ClockOffsetNs { get; set; }

    /// <summary>After <see cref="BeginShutdown"/>: everything that came before it is carried out and, where it has to be, on disk. Any thread.</summary>
    internal bool IsDrained => Volatile.Read(ref _isDrained) != 0;

    /// <summary>From now on publishes are rejected. Any thread; the engine's thread takes it up.</summary>
    internal void BeginShutdown() => Volatile.Write(ref _shutdown, 1);

    public void OnStart()
    {
    }

    public void OnClose()
    {
    }

    public int DoWork()
    {
        if (_section == null)
            return RunCycle();
        // What it reads of compressed segments stays for the cycle.
        _section.Enter();
        int work = RunCycle();
        _section.Exit();
        return work;
    }

    private int RunCycle()
    {
        long durable = 0;
        if (_journal != null)
        {
            _journal.Log.TakeOffer();
            durable = _journal.DurablePosition;
            if (_journal.State == JournalState.Failed && !_hasFailed)
                return OnJournalFailed(_journal.FailureText);
        }
        bool hasMoved = durable > _engine.DurablePosition;
        DiskSpace? space = _journal?.Space;
        bool hasSpace = !ReferenceEquals(space, _toldSpace);
        int loads = _journal?.Log.LoadsDone ?? 0;
        bool hasLoaded = loads != _toldLoads;
        bool hasInput = !_ingress.IsEmpty && HasReplyRoom();
        if (!hasInput && !hasMoved && !hasSpace && !hasLoaded && !_engine.HasScheduled && !IsTimeUp())
            return AwaitsFlush() ? 1 : Reclaim() is > 0 and var moved ? moved : Idle();

        _engine.BeginBatch(NowNs());
        int work = 0;
        if (hasMoved)
        {
            _engine.OnDurable(durable);
            work++;
        }
        if (hasSpace)
        {
            _engine.OnDiskSpace(space!);
            _toldSpace = space;
        }
        if (hasLoaded)
        {
            _engine.OnLoaded();
            _toldLoads = loads;
            work++; // Who waited may have its turn with the next cycle only.
        }
        if (hasInput)
        {
            var handler = new Handler(_engine);
            work += _ingress.Poll(ref handler, _batch);
        }
        work += _engine.EndBatch();
        if (_journal != null)
        {
            if (_engine.WaitsForDisk && !_journal.FlushInFlight && !_hasFailed)
            {
                _journal.RequestFlush();
                _flushAskedTicks = Stopwatch.GetTimestamp();
            }
            else
                _journal.Maintain();
            work += Reclaim();
        }
        _hasWorked |= work > 0;
        if (Volatile.Read(ref _shutdown) != 0)
            _engine.BeginShutdown();
        return work == 0 ? Idle() : work;
    }

    /// <summary>Something is to be done by itself now. The clock is only asked when there is something at all.</summary>
    private bool IsTimeUp() => _engine.NextDueNs != long.MaxValue && NowNs() >= _engine.NextDueNs;

    public int ParkLimitMs(int timeoutMs)
    {
        if (_engine.NextDueNs == long.MaxValue)
            return timeoutMs;
        long remainingNs = _engine.NextDueNs - NowNs();
        // Rounded down: the last part of a millisecond is spun.
        return remainingNs <= 0 ? 0 : (int)Math.Min(timeoutMs, remainingNs / 1_000_000);
    }

    private long NowNs() => UnixClock.NowNs() + ClockOffsetNs;

    /// <summary>A slice of each of the works that keep the journal short.</summary>
    private int Reclaim()
    {
        if (_journal == null || _hasFailed)
            return 0;
        int work = _engine.ContinueSnapshot() + _engine.Reclaim();
        if (work > 0)
            _journal.Maintain();
        else if (_engine.ReclaimWaitsForDisk && !_journal.FlushInFlight)
            _journal.RequestFlush();
        return work;
    }

    private bool AwaitsFlush() =>
        _engine.WaitsForDisk && _journal != null && Stopwatch.GetTimestamp() - _flushAskedTicks < FlushSpinTicks && !_hasFailed;

    /// <summary>Now and then, when nothing else is to do: looks at what changes without a command.</summary>
    private int Idle()
    {
        long nowMs = Environment.TickCount64;
        if (nowMs - _housekeepingMs < HousekeepingIntervalMs)
            return 0;
        _housekeepingMs = nowMs;
        if (_hasWorked)
        {
            _hasWorked = false;
            _lastWorkMs = nowMs;
            _isMarked = false;
        }

        int work = 0;
        _engine.ReleasePassing();
        if (_engine.CanServeWaiting)
        {
            _engine.BeginBatch(NowNs());
            _engine.OnSpace();
            _engine.EndBatch();
            work++;
        }
        if (_journal != null && !_hasFailed && !_isMarked && nowMs - _lastWorkMs >= IdleMarkerMs)
        {
            _isMarked = true;
            work += _journal.RequestIdleMarker() ? 1 : 0;
        }
        if (Volatile.Read(ref _shutdown) != 0)
            Drain();
        return work;
    }

    private void Drain()
    {
        _engine.BeginShutdown();
        bool waits = _engine.WaitsForDisk && !_hasFailed;
        if (_ingress.IsEmpty && !waits)
            Volatile.Write(ref _isDrained, 1);
    }

    private int OnJournalFailed(string reason)
    {
        _hasFailed = true;
        _engine.BeginBatch(NowNs());
        _engine.OnJournalFailed(reason);
        _engine.EndBatch();
        return 1;
    }

    private bool HasReplyRoom()
    {
        foreach (EgressPort? port in _ports.All)
        {
            if (port is { AlwaysDrained: true } && !port.HasReplyRoom)
                return false;
        }
        return true;
    }

    private readonly struct Handler(BrokerEngine engine) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body) => engine.OnRecord(type, body);
    }
}
