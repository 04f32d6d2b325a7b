using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// What is written at the start of every segment: all definitions and sequences, so that the segments before can go once no
// message in them is live. Messages are not in it: they are in the segments that stay.
internal sealed unsafe partial class BrokerEngine
{
    bool ISegmentRollHandler.OnSegmentRolled(RecordLog log) => TryWriteSnapshot();

    /// <summary>Writes the snapshot into a segment that was just begun, before its first other record.</summary>
    /// <returns>False when the log had no room for all of it.</returns>
    internal bool TryWriteSnapshot()
    {
        bool isWhole = true;
        var record = new ControlRecord();
        record.U32(_nextQueueId);
        record.U32(_nextExchangeId);
        record.U32(_nextPublisherId);
        isWhole &= TryAppendSnapshot(RecordType.SnapshotBegin, 0, record);

        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            if (!queue.Durable)
                continue;
            record = new ControlRecord();
            record.U32(queue.Id);
            record.I64(queue.MaxLength);
            record.String(queue.Name);
            isWhole &= TryAppendSnapshot(RecordType.DefineQueue, queue.Id, record);
            record = new ControlRecord();
            record.U32(queue.Id);
            record.I64(queue.Entries.Next);
            isWhole &= TryAppendSnapshot(RecordType.SnapshotQueue, queue.Id, record);
        }
        foreach (DirectExchange exchange in _topology.ExchangesById())
        {
            if (!exchange.Durable)
                continue;
            isWhole &= TryAppendSnapshot(RecordType.DefineExchange, 0, ExchangeRecord(exchange.Id, exchange.Name));
            foreach ((byte[] key, BrokerQueue[] queues) in exchange.Routes)
            {
                foreach (BrokerQueue queue in queues)
                {
                    if (queue.Durable)
                        isWhole &= TryAppendSnapshot(RecordType.Bind, queue.Id, BindingRecord(exchange.Name, queue.Name, key));
                }
            }
        }
        foreach (Publisher publisher in PublishersById())
        {
            record = new ControlRecord();
            record.U32(publisher.Id);
            record.String(publisher.Name);
            isWhole &= TryAppendSnapshot(RecordType.DefinePublisher, 0, record);
            record = new ControlRecord();
            record.U32(publisher.Id);
            record.U32((uint)publisher.Journaled.Holes.Count);
            record.U64(publisher.Journaled.Last);
            record.I64(publisher.LastPosition);
            foreach ((ulong first, ulong last) in publisher.Journaled.Holes)
            {
                record.U64(first);
                record.U64(last);
            }
            isWhole &= TryAppendSnapshot(RecordType.SnapshotPublisher, 0, record);
        }
        isWhole &= TryAppendSnapshot(RecordType.SnapshotEnd, 0, new ControlRecord());
        return isWhole;
    }

    private Publisher[] PublishersById()
    {
        Publisher[] publishers = [.. _publishersById.Values];
        Array.Sort(publishers, static (x, y) => x.Id.CompareTo(y.Id));
        return publishers;
    }

    private bool TryAppendSnapshot(RecordType type, uint streamId, ControlRecord record)
    {
        byte* body = _durableLog!.TryClaim(type, streamId, record.Span.Length, out _, out _);
        if (body == null)
            return false;
        record.Span.CopyTo(new Span<byte>(body, record.Span.Length));
        _durableLog.Commit();
        return true;
    }
}
