using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Recovery of messages: what came in, what left, what became due. Records name the outcome; nothing is decided here, no clock is asked.
internal sealed unsafe partial class BrokerEngine
{
    private void ReplayMessage(long position, ReadOnlySpan<byte> body)
    {
        fixed (byte* at = body)
        {
            var view = new MessageView(at, body.Length);
            MessageTraits.TryRead(view.Headers, view.ReceivedNs, out MessageTraits traits, out _);
            KeepExchangeId(at);
            int routes = *(ushort*)(at + MessageLayout.RouteCount);
            byte* route = at + MessageLayout.Routes;
            for (int i = 0; i < routes; i++, route += MessageLayout.RouteLength)
            {
                // One that is not there was transient, or was deleted.
                if (_topology.TryGetQueue(*(uint*)(route + MessageLayout.RouteQueueId), out BrokerQueue? queue))
                    ReplayRoute(queue, route, position, view.PayloadLength, SharedMark(routes), in traits);
            }
            uint publisherId = *(uint*)(at + MessageLayout.PublisherId);
            if (publisherId != 0 && _publishersById.TryGetValue(publisherId, out Publisher? publisher))
                publisher.Stored(*(ulong*)(at + MessageLayout.PublisherSequence), position + RecordLayout.AlignedLength(body.Length), _limits.MaxWindow);
            ReplayedMessages++;
        }
    }

    // An exchange that was in memory only is gone; no other may be taken for it, where the message says what it was published to.
    private void KeepExchangeId(byte* message) => _nextExchangeId = Math.Max(_nextExchangeId, *(uint*)(message + MessageLayout.ExchangeId) + 1);

    private void ReplayRoute(BrokerQueue queue, byte* route, long position, int payloadLength, EntryMarks marks, in MessageTraits traits)
    {
        long place = *(long*)(route + MessageLayout.RouteQueueSequence);
        uint flags = *(uint*)(route + MessageLayout.RouteFlags);
        if ((flags & MessageLayout.MaybeDeliveredFlag) != 0)
            marks |= EntryMarks.MaybeDelivered;
        if ((flags & MessageLayout.ScheduledFlag) != 0)
            Hold(queue, place, position, payloadLength, marks, in traits);
        else
            Arrive(queue, place, position, payloadLength, queue.PriorityOf(traits.Priority), marks, queue.DeadlineOf(0, traits.TtlMs));
    }

    private void ReplayDrop(BrokerQueue queue, ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<SequenceRange> ranges = Ranges(body[DropLayout.Ranges..]);
        if (body[DropLayout.OfScheduled] == 0)
            ApplyAck(queue, ranges);
        else
            ApplyDropScheduled(queue, ranges);
    }

    private void ReplayDue(BrokerQueue queue, ReadOnlySpan<byte> body)
    {
        for (; body.Length > 0; body = body[DropLayout.DuePairLength..])
        {
            var reader = new ControlRecordReader(body);
            long number = reader.I64();
            long sequence = reader.I64();
            // They became due in the order in which the heap gives them. One that is not next is not there: it went, and its record with it.
            if (queue.Scheduled is { Count: > 0 } && queue.Scheduled.First.Number == number)
            {
                ScheduledMessage message = queue.TakeScheduledOnce();
                ArriveDue(queue, in message, sequence);
            }
            else
            {
                queue.SkipTo(sequence + 1);
            }
        }
    }

    /// <summary>After the replay: what it does not keep because most of it would be gone again is made from what is left.</summary>
    private void IndexAfterReplay()
    {
        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence = queue.Entries.NextHeld(sequence + 1))
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry->HasDeadline)
                    queue.AddDeadline(entry, sequence, DeadlineOf(queue, entry->Position));
            }
            if (queue.Options.LastValueKey != null)
                IndexLastValues(queue);
        }
        _isFirstBatch = true;
    }

    private bool _isFirstBatch;

    // A queue that is deleted when nobody uses it begins anew with the run.
    private void BeginFirstBatch()
    {
        _isFirstBatch = false;
        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            Used(queue);
            _timers.Set(queue, queue.NextTimeNs());
            if (queue.Options.Overflow == OverflowPolicy.DropHead && !queue.IsWithinBounds)
                TrimLater(queue);
        }
    }
}
