using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Server.Simulation;

/// <content>Credit, settlement, returns.</content>
internal sealed partial class NaiveBroker
{
    private static bool TryGetConsumer(NaiveSession session, uint handle, [NotNullWhen(true)] out NaiveConsumer? consumer)
    {
        if (!session.Consumers.TryGetValue(handle, out consumer))
            Fault(session, ErrorCode.UnknownHandle);
        return consumer is { IsEnded: false };
    }

    /// <returns>False when so much credit more would pass the limit: that costs the session.</returns>
    private bool CheckCredit(NaiveSession session, NaiveConsumer consumer, uint messages, int settled)
    {
        bool fits = consumer.CreditMessages + consumer.Unsettled.Count - settled + messages <= limits.MaxCreditMessages;
        if (!fits)
            Fault(session, ErrorCode.CreditExceeded);
        return fits;
    }

    private void OnSettle(NaiveSession session, Settle command)
    {
        if (!TryGetConsumer(session, command.Subscription, out NaiveConsumer? consumer))
            return;
        bool isCumulative = command.First == 0;
        bool isKnown = command.Last < consumer.NextTag;
        if (isKnown && !isCumulative)
        {
            isKnown = command.First <= command.Last;
            for (ulong tag = command.First; isKnown && tag <= command.Last; tag++)
                isKnown = consumer.Unsettled.ContainsKey(tag);
        }
        if (!isKnown)
        {
            Fault(session, ErrorCode.UnknownDeliveryTag);
            return;
        }
        if (command.Kind is not (SettleKind.Ack or SettleKind.Requeue or SettleKind.Reject))
        {
            Fault(session, ErrorCode.InvalidArgument);
            return;
        }

        ulong[] tags = [.. consumer.Unsettled.Keys.Where(tag => tag <= command.Last && tag >= command.First)];
        if (!CheckCredit(session, consumer, command.Messages, tags.Length))
            return;
        long[] sequences = [.. tags.Select(tag => consumer.Unsettled[tag].Sequence)];
        foreach (ulong tag in tags)
            consumer.Unsettled.Remove(tag);
        if (command.Kind == SettleKind.Requeue)
            Return(consumer.Queue, sequences);
        else
            Remove(consumer.Queue, sequences);
        consumer.AddCredit(command.Messages, command.CreditBytes);
    }

    private void Remove(NaiveQueue queue, long[] sequences)
    {
        if (sequences.Length == 0)
            return;
        foreach (long sequence in sequences)
            queue.Entries.Remove(sequence);
        KeepOf(queue, sequences, (state, sequence) => state.Entries.Remove(sequence));
        if (queue.HasRoomAgain)
            WakeWaiting(queue);
    }

    private void Return(NaiveQueue queue, long[] sequences)
    {
        if (sequences.Length == 0)
            return;
        foreach (long sequence in sequences)
            queue.Return(sequence);
        KeepOf(queue, sequences, (state, sequence) => state.Return(sequence));
    }

    private void Detach(NaiveConsumer consumer)
    {
        if (consumer.IsEnded)
            return;
        consumer.IsEnded = true;
        consumer.Queue.Consumers.Remove(consumer);
        long[] sequences = [.. consumer.Unsettled.Values.Select(entry => entry.Sequence)];
        consumer.Unsettled.Clear();
        Return(consumer.Queue, sequences);
    }

    /// <summary>Deliveries of one batch: for each queue exactly the first ready messages in order, shared fairly.</summary>
    private void OnDeliveries(List<SimulatedEvent> deliveries, long tailBefore)
    {
        var ready = new Dictionary<NaiveQueue, List<long>>();
        var delivered = new Dictionary<NaiveQueue, HashSet<long>>();
        foreach (NaiveSession session in _sessions.Values)
        {
            foreach (NaiveConsumer consumer in session.Consumers.Values)
                consumer.BatchCount = 0;
        }
        foreach (SimulatedEvent item in deliveries)
        {
            DeliverEvent deliver = item.Read<DeliverEvent>();
            Check(_sessions.TryGetValue(deliver.Session, out NaiveSession? session), "A delivery to a session that is not open.");
            Check(session!.Consumers.TryGetValue(deliver.Subscription, out NaiveConsumer? consumer) && !consumer.IsEnded, "A delivery to a subscription that is not open.");
            NaiveQueue queue = consumer!.Queue;
            if (!ready.TryGetValue(queue, out List<long>? order))
            {
                ready.Add(queue, order = [.. queue.Entries.Values.Where(entry => !entry.IsDelivered).Select(entry => entry.Sequence)]);
                delivered.Add(queue, []);
            }
            OnDelivery(consumer, deliver);
            delivered[queue].Add((long)deliver.QueueSequence);
            consumer.BatchCount++;
        }
        foreach ((NaiveQueue queue, List<long> order) in ready)
        {
            HashSet<long> taken = delivered[queue];
            Check(order.Take(taken.Count).All(taken.Contains), $"Queue {queue.Name} delivered {string.Join(", ", taken)}; in order come {string.Join(", ", order.Take(taken.Count))}.");
            KeepDelivered(queue, [.. taken.Order()], tailBefore);
            CheckSharing(queue, taken);
        }
    }

    private void OnDelivery(NaiveConsumer consumer, in DeliverEvent deliver)
    {
        Check(consumer.Queue.Entries.TryGetValue((long)deliver.QueueSequence, out NaiveEntry? entry), $"Queue {consumer.Queue.Name} delivered {deliver.QueueSequence}, which it does not hold.");
        Check(!entry!.IsDelivered, $"Queue {consumer.Queue.Name} delivered {entry} to two consumers.");
        Check(deliver.Tag == consumer.NextTag, $"Tag {deliver.Tag}, expected {consumer.NextTag}.");
        Check(deliver.PayloadLength == entry.Message.PayloadLength, $"Payload length {deliver.PayloadLength} of {entry}.");
        Check(consumer.CreditMessages > 0, "More messages were delivered than there was credit.");
        Check(consumer.CreditBytes >= (ulong)deliver.PayloadLength, "More bytes were delivered than there was credit.");
        bool isFlagged = (deliver.Flags & DeliverEvent.RedeliveredFlag) != 0;
        Check(isFlagged == (entry.Count > 0 || entry.Maybe), $"Flagged: {isFlagged}, {entry} of queue {consumer.Queue.Name}.");
        Check(deliver.DeliveryCount == entry.Count, $"Delivery count {deliver.DeliveryCount}, {entry} of queue {consumer.Queue.Name}.");
        consumer.NextTag++;
        consumer.Take(deliver.PayloadLength);
        consumer.Unsettled.Add(deliver.Tag, entry);
        consumer.Queue.Deliver(entry.Sequence);
        CheckContent(deliver.Position, entry.Message);
    }

    /// <summary>Consumers that could have taken more got the same number, give or take one; those that ran out of credit got no more.</summary>
    private static void CheckSharing(NaiveQueue queue, HashSet<long> taken)
    {
        // Whoever could take the largest message at the end could take every one of them.
        int largest = 0;
        foreach (NaiveConsumer consumer in queue.Consumers)
        {
            foreach (NaiveEntry entry in consumer.Unsettled.Values)
                largest = taken.Contains(entry.Sequence) ? Math.Max(largest, entry.Message.PayloadLength) : largest;
        }
        NaiveConsumer[] able = [.. queue.Consumers.Where(consumer => consumer.CanTake(largest) && consumer.Session.Port.CanDeliver)];
        foreach (NaiveConsumer consumer in able)
        {
            foreach (NaiveConsumer other in queue.Consumers)
                Check(other.BatchCount <= consumer.BatchCount + 1, $"Queue {queue.Name} gave {other.BatchCount} to one consumer and {consumer.BatchCount} to another that could take more.");
        }
    }

    /// <summary>What is ready and could be delivered was delivered.</summary>
    private void CheckNothingHeldBack(NaiveQueue queue)
    {
        NaiveEntry? head = queue.Entries.Values.FirstOrDefault(entry => !entry.IsDelivered);
        bool isHeld = queue.Durable && Log.CheckAppend(MaxDeliveredBody, reserved: true) == AppendStatus.NotReady;
        if (head == null || isHeld || queue.Consumers.Sum(consumer => consumer.BatchCount) >= 1024)
            return;
        foreach (NaiveConsumer consumer in queue.Consumers)
        {
            Check(!consumer.CanTake(head.Message.PayloadLength) || !consumer.Session.Port.CanDeliver,
                $"Queue {queue.Name} holds back {head}: a consumer has credit for {consumer.CreditMessages} messages and {consumer.CreditBytes} bytes.");
        }
    }

    /// <summary>More than any records of deliveries take here.</summary>
    private const int MaxDeliveredBody = 40_000;

    /// <summary>The queue's durable state is the engine's.</summary>
    private unsafe void CheckContent(long position, StoredMessage message)
    {
        _reader!.Enter();
        Check(_reader.TryRead(position, out MessageView view), $"{message.Message} cannot be read.");
        Check(view.Body.SequenceEqual(message.Message.Body), $"{message.Message} has another body.");
        Check(view.Headers.SequenceEqual(message.Message.Headers), $"{message.Message} has other headers.");
        Check(System.Text.Encoding.UTF8.GetString(view.RoutingKey) == message.Key, $"{message.Message} has another key.");
        Check(view.PublishedNs == message.Message.Id, $"{message.Message} has another time.");
        _reader.Exit();
    }

    private MessageReader? _reader;

    internal void ReadWith(MessageReader reader) => _reader = reader;

    /// <summary>Compares counts, and where asked for every entry.</summary>
    private unsafe void CheckQueue(NaiveQueue queue, bool entries)
    {
        Check(_core.Engine.Topology.Default.TryGetQueue(System.Text.Encoding.UTF8.GetBytes(queue.Name), out BrokerQueue? real), $"Queue {queue.Name} is missing.");
        int ready = queue.ReadyCount;
        Check(real!.ReadyCount == ready && real.UnsettledCount == queue.Entries.Count - ready,
            $"Queue {queue.Name} has {real.ReadyCount} ready and {real.UnsettledCount} unsettled, expected {ready} and {queue.Entries.Count - ready}.");
        Check(real.Entries.Next == queue.Next, $"Queue {queue.Name} goes on at {real.Entries.Next}, expected {queue.Next}.");
        Check(real.Consumers.Count == queue.Consumers.Count, $"Queue {queue.Name} has {real.Consumers.Count} consumers, expected {queue.Consumers.Count}.");
        if (!entries)
            return;
        foreach (NaiveEntry entry in queue.Entries.Values)
        {
            QueueEntry* found = real.Entries.Find(entry.Sequence);
            Check(found != null, $"Queue {queue.Name} has lost {entry}.");
            Check(found->State == (entry.IsDelivered ? EntryState.Unsettled : EntryState.Ready), $"Queue {queue.Name}: state {found->State} of {entry}.");
            Check(found->DeliveryCount == entry.Count && found->MaybeDelivered != 0 == entry.Maybe,
                $"Queue {queue.Name}: count {found->DeliveryCount}, maybe {found->MaybeDelivered} of {entry}.");
            Check(found->PayloadLength == entry.Message.PayloadLength, $"Queue {queue.Name}: length {found->PayloadLength} of {entry}.");
        }
    }
}
