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

    /// <returns>True when more could be delivered in the next batch without anything else happening in the engine.</returns>
    private bool Dispatch(BrokerQueue queue)
    {
        // What cannot be journaled now, but soon, waits.
        if (queue.Durable && queue.ReadyCount > 0 && _durableLog != null && !CanTellDelivered())
            return true;
        bool again = false;
        int count = 0;
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
            Consumer? consumer = queue.NextConsumer(entry->PayloadLength, out bool isPortFull);
            if (consumer == null)
            {
                again = isPortFull;
                break;
            }
            Deliver(queue, consumer, entry, sequence);
            count++;
        }
        if (count > 0)
            TellDelivered(queue);
        return again;
    }

    private void Deliver(BrokerQueue queue, Consumer consumer, QueueEntry* entry, long sequence)
    {
        EgressPort port = consumer.Session.Port;
        var deliver = (DeliverEvent*)port.Ring.TryClaim((int)EventType.Deliver, sizeof(DeliverEvent));
        Touch(port);
        *deliver = new DeliverEvent
        {
            Session = consumer.Session.Id,
            Subscription = consumer.Handle,
            Tag = consumer.Tags.Add(sequence),
            QueueSequence = (ulong)sequence,
            Position = entry->Position,
            DeliveryCount = entry->DeliveryCount,
            Flags = entry->DeliveryCount > 0 || entry->MaybeDelivered != 0 ? DeliverEvent.RedeliveredFlag : (ushort)0,
            PayloadLength = entry->PayloadLength,
        };
        port.Ring.Stage();
        port.CountDelivery();
        consumer.Take(entry->PayloadLength);
        consumer.TakenNs = _nowNs;
        queue.Take(entry, sequence);
        DeliveredCount++;
    }

    private void OnCredit(in CreditCommand command)
    {
        if (!TryGetConsumer(command.Session, command.Subscription, out Consumer? consumer))
            return;
        consumer.AddCredit(command.Messages, command.Bytes, _limits.MaxCreditMessages);
        Schedule(consumer.Queue);
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnSettle(in SettleCommand command)
    {
        if (!TryGetConsumer(command.Session, command.Subscription, out Consumer? consumer))
            return true;
        TagRing tags = consumer.Tags;
        bool isCumulative = command.FirstTag == 0;
        ulong first = isCumulative ? tags.First : command.FirstTag;
        if (command.LastTag >= tags.Next || (!isCumulative && (first > command.LastTag || first < tags.First)))
        {
            FaultTag(consumer, in command);
            return true;
        }

        _ranges.Clear();
        for (ulong tag = first; tag <= command.LastTag; tag++)
        {
            long sequence = tags[tag];
            if (sequence != 0)
            {
                _ranges.Add(sequence);
            }
            else if (!isCumulative)
            {
                FaultTag(consumer, in command);
                return true;
            }
        }

        if (command.Kind is < (byte)SettleKind.Ack or > (byte)SettleKind.Reject)
        {
            Fault(consumer.Session, ErrorCode.InvalidArgument, $"Settle kind {command.Kind} does not exist: 1 acknowledges, 2 requeues, 3 rejects.");
            return true;
        }
        BrokerQueue queue = consumer.Queue;
        if (!TrySettle(queue, _ranges, (SettleKind)command.Kind))
            return false;
        for (ulong tag = first; tag <= command.LastTag; tag++)
            tags.Settle(tag);
        if (command.CreditMessages > 0 || command.CreditBytes > 0)
            consumer.AddCredit(command.CreditMessages, command.CreditBytes, _limits.MaxCreditMessages);
        Schedule(queue);
        return true;
    }

    /// <summary>Null in a replay: references are counted when it has ended.</summary>
    private RecordLog? LogOf(long position) => (position & RecordLog.TransientBit) != 0 ? _transientLog : _durableLog;

    private bool TryGetConsumer(int sessionId, uint handle, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Consumer? consumer)
    {
        Session? session = _sessions[sessionId];
        if (session == null || session.IsFaulted)
        {
            consumer = null;
            return false;
        }
        if (!session.Consumers.TryGet(handle, out consumer))
        {
            Fault(session, ErrorCode.UnknownHandle, $"Subscription {handle} is not open on this connection: subscribe and use the handle in the answer.");
            return false;
        }
        return !consumer.IsEnded;
    }

    private void FaultTag(Consumer consumer, in SettleCommand command)
    {
        string tags = command.FirstTag == 0 ? $"up to {command.LastTag}" : $"{command.FirstTag} to {command.LastTag}";
        Fault(consumer.Session, ErrorCode.UnknownDeliveryTag,
            $"Subscription {consumer.Handle} cannot settle tags {tags}: tags {consumer.Tags.First} to {consumer.Tags.Next - 1} were delivered last, and each is settled once.");
    }
}
