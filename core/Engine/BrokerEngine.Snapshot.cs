using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// What is written at the start of every segment: all definitions and sequences, so that the segments before can go once no
// message in them is live. Messages are not in it: they are in the segments that stay.
internal sealed unsafe partial class BrokerEngine
{
    // A segment is begun every 64 MiB, on the engine's thread: with these kept, that allocates nothing.
    private readonly ControlRecord _snapshotRecord = new();
    private Publisher[]? _publishersInOrder;

    bool ISegmentRollHandler.OnSegmentRolled(RecordLog log) => TryWriteSnapshot();

    /// <summary>Writes the snapshot into a segment that was just begun, before its first other record.</summary>
    /// <returns>False when the log had no room for all of it: then segments before this one are not retired.</returns>
    internal bool TryWriteSnapshot()
    {
        if (!HasRoomForSnapshot())
            return false;
        ControlRecord record = _snapshotRecord.Clear();
        record.U32(_nextHostId);
        record.U32(_nextQueueId);
        record.U32(_nextExchangeId);
        record.U32(_nextPublisherId);
        bool isWhole = TryAppendSnapshot(RecordType.SnapshotBegin, 0, record)
            && TryWriteDefinitions()
            && TryWritePublishers()
            && TryAppendSnapshot(RecordType.SnapshotEnd, 0, _snapshotRecord.Clear());
        // Where not even this fits nothing does, and the next segment begins with another snapshot.
        if (!isWhole)
            TryAppendSnapshot(RecordType.SnapshotAbort, 0, _snapshotRecord.Clear());
        return isWhole;
    }

    /// <summary>A snapshot that would fill the segment to no avail is not begun: the next segment would fare the same, and nothing else were written.</summary>
    private bool HasRoomForSnapshot()
    {
        long here = _durableLog!.Active!.Base + _durableLog.SegmentSize - _durableLog.Tail;
        long next = _durableLog.Next == null ? 0 : _durableLog.SegmentSize - SegmentLayout.HeaderLength;
        long names = 2L + _topology.HostCount + (2L * _topology.QueueCount) + _topology.ExchangeCount + _topology.BindingCount + (2L * _publishersById.Count);
        long most = (SnapshotRecordMost * names) + _topology.ArgumentBytes;
        if (Fits(most, MaxSnapshotRecord))
            return true;
        MeasureSnapshot();
        return Fits(_measured, _measuredLargest);

        // A record that does not fit into the rest of this segment begins in the next one, and leaves that rest empty. And the largest record
        // must fit behind it all: a snapshot that leaves nothing would be followed by the next segment with its snapshot, and so on for ever.
        bool Fits(long length, long largest) => length + (next > 0 ? largest : 0) + _durableLog.MaxBodyLength <= here + next;
    }

    /// <summary>No record of a snapshot takes more, arguments and holes of publishers aside.</summary>
    private const int SnapshotRecordMost = 352;

    /// <summary>Nor more than this with them: a table of arguments counts its bytes in 16 bits, and so many holes take as much.</summary>
    private const int MaxSnapshotRecord = SnapshotRecordMost + (64 * 1024);

    private void MeasureSnapshot()
    {
        _measured = 2 * RecordLayout.AlignedLength(4 * sizeof(uint));
        _measuredLargest = 0;
        _isMeasuring = true;
        _ = TryWriteDefinitions() && TryWritePublishers();
        _isMeasuring = false;
    }

    private bool _isMeasuring;
    private long _measured;
    private long _measuredLargest;

    // Bindings last: both ends are there then.
    private bool TryWriteDefinitions() => TryWriteHosts() && TryWriteQueues() && TryWriteExchanges() && TryWriteBindings();

    private bool TryWriteHosts()
    {
        foreach (VirtualHost host in _topology.HostsById())
        {
            if (host == _topology.Default)
                continue;
            ControlRecord record = HostRecord(_snapshotRecord.Clear(), host.Id, host.FirstExchangeId, host.Name, host.Arguments);
            if (!TryAppendSnapshot(RecordType.DefineVirtualHost, 0, record))
                return false;
        }
        return true;
    }

    private bool TryWriteQueues()
    {
        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            if (!queue.Durable)
                continue;
            ControlRecord record = QueueRecord(_snapshotRecord.Clear(), queue.Id, queue.Host, queue.Name, queue.Options);
            if (!TryAppendSnapshot(RecordType.DefineQueue, queue.Id, record))
                return false;
            record.Clear();
            record.U32(queue.Id);
            record.I64(queue.Entries.Next);
            record.I64(queue.NextScheduleNumber);
            if (!TryAppendSnapshot(RecordType.SnapshotQueue, queue.Id, record))
                return false;
        }
        return true;
    }

    private bool TryWriteExchanges()
    {
        foreach (Exchange exchange in _topology.ExchangesById())
        {
            if (!exchange.Durable || exchange.IsBuiltIn)
                continue;
            ControlRecord record = ExchangeRecord(_snapshotRecord.Clear(), exchange.Id, exchange.Host, exchange.Name, exchange.Options);
            if (!TryAppendSnapshot(RecordType.DefineExchange, 0, record))
                return false;
        }
        return true;
    }

    private bool TryWriteBindings()
    {
        foreach (Exchange exchange in _topology.ExchangesById())
        {
            for (Binding? binding = exchange.Bindings.First; binding != null; binding = exchange.Bindings.Next(binding))
            {
                if (binding.Durable && !TryAppendSnapshot(RecordType.Bind, StreamOf(binding), BindingRecord(_snapshotRecord.Clear(), binding)))
                    return false;
            }
        }
        return true;
    }

    private bool TryWritePublishers()
    {
        foreach (Publisher publisher in PublishersById())
        {
            ControlRecord record = _snapshotRecord.Clear();
            record.U32(publisher.Id);
            record.String(publisher.Name);
            if (!TryAppendSnapshot(RecordType.DefinePublisher, 0, record))
                return false;
            int holes = 0;
            do
            {
                if (!TryAppendSnapshot(RecordType.SnapshotPublisher, 0, SequencesRecord(publisher, ref holes)))
                    return false;
            }
            while (holes < publisher.Journaled.Holes.Count);
        }
        return true;
    }

    /// <summary>Holes in one record, so that it fits into the smallest segment: a replay adds those of all records up.</summary>
    private const int HolesPerRecord = 4096;

    private ControlRecord SequencesRecord(Publisher publisher, ref int hole)
    {
        IReadOnlyList<(ulong First, ulong Last)> holes = publisher.Journaled.Holes;
        int end = Math.Min(holes.Count, hole + HolesPerRecord);
        ControlRecord record = _snapshotRecord.Clear();
        record.U32(publisher.Id);
        record.U32((uint)(end - hole));
        record.U64(publisher.Journaled.Last);
        record.I64(publisher.LastPosition);
        for (; hole < end; hole++)
        {
            record.U64(holes[hole].First);
            record.U64(holes[hole].Last);
        }
        return record;
    }

    private Publisher[] PublishersById()
    {
        if (_publishersInOrder == null)
        {
            _publishersInOrder = [.. _publishersById.Values];
            Array.Sort(_publishersInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _publishersInOrder;
    }

    private bool TryAppendSnapshot(RecordType type, uint streamId, ControlRecord record)
    {
        if (_isMeasuring)
        {
            int length = RecordLayout.AlignedLength(record.Span.Length);
            _measured += length;
            _measuredLargest = Math.Max(_measuredLargest, length);
            return true;
        }
        byte* body = _durableLog!.TryClaim(type, streamId, record.Span.Length, out _, out _);
        if (body == null)
            return false;
        record.Span.CopyTo(new Span<byte>(body, record.Span.Length));
        _durableLog.Commit();
        return true;
    }
}
