using LowLatency.Core.Journal;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// What is written from the start of a segment on: all definitions and sequences, so that the segments before can go once no message in them is
// live. Messages are not in it: they are in the segments that stay. It is written a slice at a time, between batches, and other records stand
// between its own; what a message needs to be there is told before it (BrokerEngine.Telling.cs). docs/journal.md, Snapshot.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Stream of every record of a snapshot.</summary>
    internal const uint SnapshotStream = uint.MaxValue;

    private enum SnapshotStage
    {
        None,
        Queues,
        Exchanges,
        Bindings,
        Publishers,
        End,
    }

    private readonly ControlRecord _snapshotRecord = new(); // Kept: a segment is begun every 64 MiB, and that allocates nothing.
    private readonly Roster<Publisher> _publisherRoster = new();
    private SnapshotStage _snapshotStage;
    private Exchange? _snapshotExchange; // Whose bindings are told.
    private long _snapshotNumber;

    /// <summary>Things that one slice looks at; bounds the time for which a snapshot stops everything else.</summary>
    internal int SnapshotSlice { get; set; } = 256;

    /// <summary>A snapshot is begun and not whole.</summary>
    internal bool IsSnapshotOpen => _snapshotStage != SnapshotStage.None;

    /// <summary>Records of snapshots, since the start.</summary>
    internal long SnapshotRecords { get; private set; }

    SnapshotProgress ISegmentRollHandler.OnSegmentRolled(RecordLog log)
    {
        if (!TryBeginSnapshot())
            return SnapshotProgress.None;
        WriteSlice();
        return IsSnapshotOpen ? SnapshotProgress.Open : SnapshotProgress.Whole;
    }

    /// <summary>One slice of the snapshot. Between batches.</summary>
    /// <returns>0 when there is nothing to do now.</returns>
    internal int ContinueSnapshot()
    {
        if (!IsSnapshotOpen || _durableLog!.State == JournalState.Failed)
            return 0;
        int work = WriteSlice();
        if (!IsSnapshotOpen)
            _durableLog.EndSnapshot();
        return work;
    }

    private bool TryBeginSnapshot()
    {
        ControlRecord record = _snapshotRecord.Clear();
        record.U32(_nextHostId);
        record.U32(_nextQueueId);
        record.U32(_nextExchangeId);
        record.U32(_nextPublisherId);
        record.U32(SnapshotFormat.Sliced);
        if (!TryAppendSnapshot(RecordType.SnapshotBegin, record, reserved: true, out _))
            return false;
        // Few, and every other definition needs one.
        foreach (VirtualHost host in _topology.HostsById())
        {
            if (host != _topology.Default
                && !TryAppendSnapshot(RecordType.DefineVirtualHost, HostRecord(_snapshotRecord.Clear(), host.Id, host.FirstExchangeId, host.Name, host.Arguments), reserved: true, out _))
                return false;
        }
        _snapshotNumber++;
        _snapshotStage = SnapshotStage.Queues;
        _topology.Queues.BeginWalk();
        return true;
    }

    private int WriteSlice()
    {
        int steps = SnapshotSlice;
        bool goesOn = true;
        while (steps > 0 && goesOn && IsSnapshotOpen)
        {
            steps--;
            goesOn = _snapshotStage switch
            {
                SnapshotStage.Queues => TryWriteNextQueue(),
                SnapshotStage.Exchanges => TryWriteNextExchange(),
                SnapshotStage.Bindings => TryWriteNextBinding(),
                SnapshotStage.Publishers => TryWriteNextPublisher(),
                _ => TryEndSnapshot(),
            };
        }
        return SnapshotSlice - steps - (goesOn ? 0 : 1);
    }

    private bool TryWriteNextQueue()
    {
        if (_topology.Queues.Current is not { } queue)
        {
            _snapshotStage = SnapshotStage.Exchanges;
            _topology.Exchanges.BeginWalk();
            return true;
        }
        if (!TryTell(queue, reserved: false, out _))
            return false;
        _topology.Queues.MoveOn();
        return true;
    }

    private bool TryWriteNextExchange()
    {
        if (_topology.Exchanges.Current is not { } exchange)
        {
            _snapshotStage = SnapshotStage.Bindings;
            _topology.Exchanges.BeginWalk();
            _snapshotExchange = null;
            return true;
        }
        if (exchange.Durable && !exchange.IsBuiltIn && exchange.ToldBy != _snapshotNumber
            && !TryAppendSnapshot(RecordType.DefineExchange, ExchangeRecord(_snapshotRecord.Clear(), exchange.Id, exchange.Host, exchange.Name, exchange.Options), reserved: false, out _))
            return false;
        exchange.ToldBy = _snapshotNumber;
        _topology.Exchanges.MoveOn();
        return true;
    }

    // After both ends of each. In the order in which they were made; one that is made meanwhile is told again at its end, and a replay puts it there.
    private bool TryWriteNextBinding()
    {
        Exchange? exchange = _topology.Exchanges.Current;
        if (exchange == null)
        {
            _snapshotExchange = null;
            _snapshotStage = SnapshotStage.Publishers;
            _publisherRoster.BeginWalk();
            return true;
        }
        // It may have come to this one because the one before was deleted: then none of its bindings was told.
        if (exchange != _snapshotExchange)
        {
            _snapshotExchange = exchange;
            _topology.NextBinding = exchange.Bindings.First;
        }
        Binding? binding = _topology.NextBinding;
        if (binding == null)
        {
            _topology.Exchanges.MoveOn();
            return true;
        }
        if (binding.Durable && !TryAppendSnapshot(RecordType.Bind, BindingRecord(_snapshotRecord.Clear(), binding), reserved: false, out _))
            return false;
        _topology.NextBinding = binding.Source.Bindings.Next(binding);
        return true;
    }

    private bool TryWriteNextPublisher()
    {
        if (_publisherRoster.Current is not { } publisher)
        {
            _snapshotStage = SnapshotStage.End;
            return true;
        }
        if (!TryTell(publisher, reserved: false, out _))
            return false;
        _publisherRoster.MoveOn();
        return true;
    }

    private bool TryEndSnapshot()
    {
        if (!TryAppendSnapshot(RecordType.SnapshotEnd, _snapshotRecord.Clear(), reserved: true, out _))
            return false;
        _snapshotStage = SnapshotStage.None;
        return true;
    }

    /// <param name="reserved">Whether it may use the reserve of the last ready segment: not more than a few may.</param>
    private bool TryAppendSnapshot(RecordType type, ControlRecord record, bool reserved, out AppendStatus status)
    {
        int length = record.Span.Length;
        status = reserved ? _durableLog!.CheckAppend(length, reserved: true) : _durableLog!.CheckAppendSnapshot(length);
        if (status != AppendStatus.Appended)
            return false;
        byte* body = _durableLog.TryClaim(type, SnapshotStream, record.Span.Length, out _, out status);
        if (body == null)
            return false;
        record.Span.CopyTo(new Span<byte>(body, record.Span.Length));
        _durableLog.Commit();
        SnapshotRecords++;
        return true;
    }

    private Publisher[] PublishersById()
    {
        Publisher[] publishers = [.. _publishersById.Values];
        Array.Sort(publishers, static (x, y) => x.Id.CompareTo(y.Id));
        return publishers;
    }
}
