using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// While a snapshot is open: a queue that a record gives new sequences is told of before that record, so that a replay which begins with the
// snapshot finds it as it was then. What else a record names and a replay does not know, as its publisher, comes as it is when it is told of.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Writes what the open snapshot has to say of a queue, unless it has.</summary>
    private bool TryTell(BrokerQueue queue, bool reserved, out AppendStatus status)
    {
        status = AppendStatus.Appended;
        if (queue.ToldBy == _snapshotNumber || !queue.Durable || !queue.Exists)
            return true;
        if (!TryAppendSnapshot(RecordType.DefineQueue, QueueRecord(_snapshotRecord.Clear(), queue.Id, queue.Host, queue.Name, queue.Options), reserved, out status))
            return false;
        ControlRecord record = _snapshotRecord.Clear();
        record.U32(queue.Id);
        record.I64(queue.Entries.Next);
        record.I64(queue.NextScheduleNumber);
        if (!TryAppendSnapshot(RecordType.SnapshotQueue, record, reserved, out status))
            return false;
        queue.ToldBy = _snapshotNumber;
        return true;
    }

    private bool TryTell(Publisher publisher, bool reserved, out AppendStatus status)
    {
        status = AppendStatus.Appended;
        if (publisher.ToldBy == _snapshotNumber)
            return true;
        ControlRecord record = _snapshotRecord.Clear();
        record.U32(publisher.Id);
        record.String(publisher.Name);
        if (!TryAppendSnapshot(RecordType.DefinePublisher, record, reserved, out status))
            return false;
        int holes = 0;
        do
        {
            if (!TryAppendSnapshot(RecordType.SnapshotPublisher, SequencesRecord(publisher, ref holes), reserved, out status))
                return false;
        }
        while (holes < publisher.Journaled.Holes.Count);
        publisher.ToldBy = _snapshotNumber;
        return true;
    }

    private bool TryTell(ReadOnlySpan<BrokerQueue> queues, bool reserved, out AppendStatus status)
    {
        status = AppendStatus.Appended;
        foreach (BrokerQueue queue in queues)
        {
            if (!TryTell(queue, reserved, out status))
                return false;
        }
        return true;
    }

    /// <summary>As <see cref="RecordLog.TryClaim"/>, for a record that gives these queues new sequences.</summary>
    private byte* TryClaimFor(RecordLog log, RecordType type, ReadOnlySpan<BrokerQueue> queues, int bodyLength, out long position, out AppendStatus status)
    {
        position = 0;
        bool mayTell = !log.IsTransient && !log.IsInGroup; // For a group it was done before.
        while (true)
        {
            bool wasOpen = IsSnapshotOpen;
            if (wasOpen && mayTell && !TryTell(queues, reserved: type is not (RecordType.Message or RecordType.Moved), out status))
                return null;
            byte* body = log.TryClaim(type, queues[0].Id, bodyLength, out position, out status);
            // The claim may have begun a segment with a snapshot: then it is given up, and made again behind what is to be told.
            if (wasOpen || !mayTell || body == null || !IsSnapshotOpen)
                return body;
        }
    }

    /// <summary>As <see cref="RecordLog.TryBeginGroup"/>, for records that give new sequences to these queues, and to those to which planned dead letters go.</summary>
    private bool TryBeginGroupFor(ReadOnlySpan<BrokerQueue> queues, int length, bool reserved, out AppendStatus status)
    {
        while (true)
        {
            bool wasOpen = IsSnapshotOpen;
            if (wasOpen && !(TryTell(queues, reserved, out status) && TryTellTargets(reserved, out status)))
                return false;
            if (!_durableLog!.TryBeginGroup(length, out status, reserved))
                return false;
            if (wasOpen || !IsSnapshotOpen)
                return true;
            _durableLog.EndGroup(); // Nothing is in it: it leaves no trace.
        }
    }

    private bool TryTellTargets(bool reserved, out AppendStatus status)
    {
        status = AppendStatus.Appended;
        for (int i = 0; i < _departures.Count; i++)
        {
            if (!TryTell(_departures.RouteOf(in _departures[i]), reserved, out status))
                return false;
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
}
