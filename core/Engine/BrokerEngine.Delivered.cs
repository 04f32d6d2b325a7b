using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// One Delivered record for all queues that a batch has served. Before the ports are committed: a delivery that somebody saw is one that a
// replay knows of. Where the journal's disk is full, or the journal failed, the message may come again without the flag, after a crash in
// just that state: consumers must be able to make room.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>What one turn of a queue takes in the record, every message a run of its own; and as much again for those settled at once.</summary>
    private const int MostDelivered = DeliveredLayout.HeaderLength + DeliveriesPerTurn * SequenceRange.Length;

    private byte[] _delivered = new byte[MostDelivered];
    private int _deliveredLength;

    /// <summary>Whether the next turn of a queue can be told of: false while the journal prepares its next segment.</summary>
    private bool CanTellDelivered()
    {
        int length = Math.Min(_deliveredLength + 2 * MostDelivered, _durableLog!.MaxBodyLength);
        return _durableLog.CheckAppend(length, reserved: true) != AppendStatus.NotReady;
    }

    /// <summary>Puts down what a queue's turn has delivered.</summary>
    private void TellDelivered(BrokerQueue queue)
    {
        if (!queue.Durable || _durableLog == null || !queue.HasUntoldDeliveries)
        {
            queue.ForgetDeliveries();
            return;
        }
        ReadOnlySpan<SequenceRange> ranges = queue.HasRedelivered ? queue.Redelivered.Span : default;
        int length = DeliveredLayout.HeaderLength + ranges.Length * SequenceRange.Length;
        if (_deliveredLength + length > _durableLog.MaxBodyLength)
            WriteDelivered();
        if (_deliveredLength + length > _delivered.Length)
            Array.Resize(ref _delivered, Math.Max(_delivered.Length * 2, _deliveredLength + length));
        fixed (byte* start = _delivered)
        {
            byte* at = start + _deliveredLength;
            *(uint*)(at + DeliveredLayout.QueueId) = queue.Id;
            *(int*)(at + DeliveredLayout.RangeCount) = ranges.Length;
            *(long*)(at + DeliveredLayout.Cursor) = queue.HasLevels ? 0 : queue.Cursor;
            ranges.CopyTo(new Span<SequenceRange>(at + DeliveredLayout.HeaderLength, ranges.Length));
        }
        _deliveredLength += length;
        queue.JournaledCursor = queue.Cursor;
        queue.ForgetDeliveries();
    }

    private void WriteDelivered()
    {
        if (_deliveredLength == 0)
            return;
        byte* body = _durableLog!.TryClaim(RecordType.Delivered, 0, _deliveredLength, out _, out _);
        if (body != null)
        {
            _delivered.AsSpan(0, _deliveredLength).CopyTo(new Span<byte>(body, _deliveredLength));
            _durableLog.Commit();
        }
        _deliveredLength = 0;
    }

    private void ReplayDelivered(ReadOnlySpan<byte> body)
    {
        while (body.Length > 0)
        {
            var reader = new ControlRecordReader(body);
            uint queueId = reader.U32();
            int count = (int)reader.U32();
            long cursor = reader.I64();
            int length = DeliveredLayout.HeaderLength + count * SequenceRange.Length;
            ReadOnlySpan<SequenceRange> ranges = Ranges(body[DeliveredLayout.HeaderLength..length]);
            body = body[length..];
            if (!_topology.TryGetQueue(queueId, out BrokerQueue? queue))
                continue;
            queue.ReplayDelivered(cursor);
            foreach (ref readonly SequenceRange range in ranges)
            {
                for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
                    queue.ReplayRedelivered(sequence);
            }
        }
    }
}
