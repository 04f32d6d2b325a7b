using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using BrokerJournal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Server.Simulation;

/// <content>The broker dies, or stops, and comes back.</content>
internal sealed partial class BrokerSimulation
{
    private long _startTail;
    private List<string> _before = [];

    private void Restart(SimulationAction kind)
    {
        _restartAt = -1;
        Restarts++;
        if (kind == SimulationAction.Stop)
            Shutdown();
        long tail = Journal.Log.Tail;
        long durable = Journal.DurablePosition;
        ulong hash = Engine.StateHash();
        _hash.Add(hash);
        _before = EngineView.Describe(Engine);
        LoseClients();
        _reader.Dispose();
        if (kind == SimulationAction.Stop)
            _core.Dispose();
        else
            _core.Abandon();
        Count("segments rolled", tail / SegmentLayout.MinSize - _startTail / SegmentLayout.MinSize);
        Count($"restarts {kind}");
        bool hasFailed = Journal.State == JournalState.Failed; // Perhaps while it was closed.
        Note($"{kind}; the journal ended at {tail}, durable was {durable}{(hasFailed ? ", it had failed" : "")}");
        if (kind == SimulationAction.CutPower)
            _disk.PowerCut(_random);
        else
            _disk.Kill();
        _hasFailed = false;
        _isDurableTold = false;
        _toldLoads = 0;
        _disk.FailSync = -1;

        bool keepsAll = kind != SimulationAction.CutPower && !hasFailed;
        RecoveredFlags flags = hasFailed ? RecoveredFlags.Unknown : keepsAll ? RecoveredFlags.Exact : RecoveredFlags.All;
        long end = long.MaxValue;
        if (keepsAll)
            end = CheckReplay(tail, hash);
        if (_random.Next(4) == 0)
            OpenInterrupted(kind == SimulationAction.Stop, ref end, ref flags);
        // A run that was begun and had no room for its first record knows less of the one before.
        if (!Open() && flags == RecoveredFlags.Exact)
            flags = RecoveredFlags.Delivered;
        end = Math.Min(end, _core.Recovery!.TailPosition);
        if (end < durable)
            throw new SimulationException($"The journal ends at {end} after the restart, up to {durable} was durable.");
        Note($"recovered up to {end}, flags {flags}");
        _startTail = Journal.Log.Tail;
        _model.Recover(_core, _reader, end, flags);
        CheckAgain();
    }

    /// <summary>Runs until everything that came is done and on disk.</summary>
    private void Shutdown()
    {
        Engine.BeginShutdown();
        _model.BeginShutdown();
        for (int i = 0; i < 20; i++)
        {
            Do(SimulationAction.Flush);
            Do(SimulationAction.TellDurable);
            Batch(_profile.MaxBatch);
        }
    }

    /// <returns>Whether it opened at once.</returns>
    private bool Open()
    {
        try
        {
            (_core, _reader) = Start();
            return true;
        }
        catch (JournalException error) when (error.Error == JournalError.DiskFull && _disk.Capacity != long.MaxValue)
        {
            Count("disk full at restart");
            _disk.Kill();
            _disk.Capacity = long.MaxValue;
            (_core, _reader) = Start();
            return false;
        }
    }

    /// <summary>A restart that is cut off itself, once or twice.</summary>
    private void OpenInterrupted(bool isClean, ref long end, ref RecoveredFlags flags)
    {
        for (int i = _random.Next(1, 3); i > 0; i--)
        {
            end = Math.Min(end, FindEnd());
            _disk.CrashAtCall = _disk.Calls + _random.Next(60);
            try
            {
                (_core, _reader) = Start();
                _disk.CrashAtCall = -1;
                _reader.Dispose();
                _core.Abandon();
            }
            catch (SimulatedCrash)
            {
            }
            catch (JournalException error) when (error.Error == JournalError.DiskFull && _disk.Capacity != long.MaxValue)
            {
                _disk.Capacity = long.MaxValue;
            }
            if (_random.Next(2) == 0)
            {
                Note("the restart was killed");
                _disk.Kill();
                if (flags == RecoveredFlags.Exact)
                    flags = RecoveredFlags.Delivered;
            }
            else
            {
                Note("the power was cut in the restart");
                _disk.PowerCut(_random);
                if (flags != RecoveredFlags.Unknown)
                    flags = isClean ? RecoveredFlags.Delivered : RecoveredFlags.All;
            }
        }
        end = Math.Min(end, FindEnd());
    }

    /// <summary>A replay of what the killed process left is the state that it had.</summary>
    private long CheckReplay(long tail, ulong hash)
    {
        (long end, ulong replayed, List<string> after) = Replay();
        if (end < tail)
            throw new SimulationException($"The journal ends at {end} after a process ended that had written up to {tail}.");
        if (_model.IsExact && replayed != hash)
            throw new SimulationException($"A replay makes another state than the one that was. Before: {string.Join("; ", _before.Except(after))}. After: {string.Join("; ", after.Except(_before))}.");
        return end;
    }

    private long FindEnd() => Replay().End;

    private (long End, ulong Hash, List<string> State) Replay()
    {
        using SimulatedDisk clone = _disk.Clone();
        using var transient = new TransientLog(Limits.MaxTransientBytes, new ReaderRegistry());
        using var engine = new BrokerEngine(transient.Log, new EgressPorts(), Limits);
        var visitor = new Visitor(engine);
        clone.Capacity = long.MaxValue;
        using BrokerJournal journal = BrokerJournal.Open(clone.Start(), new JournalOptions { SegmentSize = SegmentLayout.MinSize, MinFreeBytes = 0 }, ref visitor, out RecoveryReport report);
        // One that was moved is there twice while the segment that it was in is.
        foreach (BrokerQueue queue in engine.Topology.QueuesById())
            queue.UniteScheduled();
        return (report.TailPosition, engine.StateHash(), EngineView.Describe(engine));
    }

    /// <summary>To restart twice is to restart once.</summary>
    private void CheckAgain()
    {
        if (_random.Next(4) != 0)
            return;
        ulong hash = Engine.StateHash();
        using SimulatedDisk clone = _disk.Clone();
        clone.Capacity = long.MaxValue;
        BrokerCore again = BrokerCore.OpenStepped(Options, clone.Start(), _wake);
        ulong hashAgain = again.Engine.StateHash();
        again.Abandon();
        if (hashAgain != hash)
            throw new SimulationException("A second restart makes another state than the first.");
    }

    private readonly struct Visitor(BrokerEngine engine) : IRecoveryVisitor
    {
        public void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body) => engine.Replay(type, streamId, position, body);
    }
}
