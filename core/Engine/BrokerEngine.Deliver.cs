using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Matching of messages and credit, and what comes back: credit, acks, returns.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Deliveries of one queue before the next queue has its turn: a long queue does not starve the others.</summary>
    private const int DeliveriesPerTurn = 1024;

    private void Dispatch()
    {
        int kept = 0;
        for (int i = 0; i < _scheduledQueues.Count; i++)
        {
            BrokerQueue queue = _scheduledQueues[i];
            if (queue.Exists && Dispatch(queue))
                _scheduledQueues[kept++] = queue;
            else
                queue.IsScheduled = false;
        }
        _scheduledQueues.RemoveRange(kept, _scheduledQueues.Count - kept);
        WriteDelivered();
    }

    private readonly SequenceRanges _passed = new();

    /// <returns>True when more could be delivered in the next batch without anything else happening in the engine.</returns>
    private bool Dispatch(BrokerQueue queue)
    {
        int count = 0;
        queue.AwaitsLoad = false;
        // Before those that take: what they settle at once is still there.
        bool again = queue.Consumers.Viewers.Length > 0 && Show(queue, ref count);
        // What cannot be journaled now, but soon, waits.
        queue.IsHeld = queue.Durable && queue.ReadyCount > 0 && _durableLog != null && !CanTellDelivered();
        if (queue.IsHeld)
            return true;
        int first = count;
        _passed.Clear();
        while (true)
        {
            QueueEntry* entry = queue.PeekReady(out long sequence);
            if (entry == null)
                break;
            if (count == DeliveriesPerTurn)
            {
                again = true;
                break;
            }
            Consumer? consumer = queue.Consumers.Next(entry->PayloadLength, out bool isPortFull);
            if (consumer == null)
            {
                again |= isPortFull;
                break;
            }
            if (entry->Position < _hotFrom && !IsAtHand(queue, entry->Position, ref queue.ColdReader))
            {
                queue.Consumers.GiveTurnBack(consumer);
                break;
            }
            Deliver(queue, consumer, entry, sequence);
            count++;
        }
        if (count > first)
            TellDelivered(queue);
        if (_passed.Count > 0)
        {
            TrySettle(queue, _passed, SettleKind.Ack); // There is room: see above. Where the journal is full or failed it may come again.
            again |= queue.Consumers.Viewers.Length > 0; // They were shown what there was before.
        }
        return again;
    }

    private void Deliver(BrokerQueue queue, Consumer consumer, QueueEntry* entry, long sequence)
    {
        ulong tag;
        if (consumer.KeepsTags)
        {
            tag = consumer.Tags.Add(sequence);
            consumer.Session.UnackedCount++;
        }
        else
        {
            tag = consumer.Tags.AddSettled();
            _passed.Add(sequence);
        }
        Hand(consumer, entry, sequence, tag);
        queue.Take(entry, sequence);
    }

    /// <summary>Tells a consumer of a message, and pays with its credit.</summary>
    private void Hand(Consumer consumer, QueueEntry* entry, long sequence, ulong tag)
    {
        EgressPort port = consumer.Session.Port;
        var deliver = (DeliverEvent*)port.Ring.TryClaim((int)EventType.Deliver, sizeof(DeliverEvent));
        *deliver = new DeliverEvent
        {
            Session = consumer.Session.Id,
            Subscription = consumer.Handle,
            Tag = tag,
            QueueSequence = (ulong)sequence,
            Position = entry->Position,
            DeliveryCount = entry->DeliveryCount,
            Flags = entry->DeliveryCount > 0 || entry->MaybeDelivered != 0 ? DeliverEvent.RedeliveredFlag : (ushort)0,
            PayloadLength = entry->PayloadLength,
        };
        if (!consumer.KeepsTags)
        {
            deliver->Flags |= DeliverEvent.PassingFlag;
            LogOf(entry->Position)!.AddReferences(entry->Position, 1);
        }
        OnHanded(consumer, entry->Position, entry->PayloadLength);
    }

    private void OnHanded(Consumer consumer, long position, int payloadLength)
    {
        EgressPort port = consumer.Session.Port;
        port.Ring.Stage();
        Touch(port);
        port.CountDelivery();
        if (!consumer.KeepsTags)
            Keep(port, position);
        consumer.Take(payloadLength);
        consumer.LastTakenNs = _nowNs;
        if (consumer.Pull.IsActive)
            List(consumer);
        DeliveredCount++;
    }

    /// <summary>Null in a replay: references are counted when it has ended.</summary>
    private RecordLog? LogOf(long position) => (position & RecordLog.TransientBit) != 0 ? _transientLog : _durableLog;
}
