using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Deliveries of one batch: for each queue exactly the first ready messages in order, shared fairly.</content>
internal sealed partial class NaiveBroker
{
    /// <summary>More than any record of deliveries takes here.</summary>
    private const int MaxDeliveredBody = 40_000;

    /// <summary>Deliveries of one queue in a batch.</summary>
    private const int DeliveriesPerTurn = 1024;

    private readonly HashSet<DeliveredIdentity> _everDelivered = [];

    private void OnDeliveries(List<SimulatedEvent> deliveries)
    {
        foreach (NaiveSession session in _sessions.Values)
        {
            foreach (NaiveConsumer consumer in session.Consumers.Values)
                consumer.BatchCount = 0;
        }
        foreach (NaiveQueue queue in _state.Queues)
            LookAtNews(queue);
        // Before those that take: what they settle at once is still there.
        foreach (SimulatedEvent item in deliveries)
        {
            NaiveConsumer consumer = ConsumerOf(item);
            consumer.BatchCount++;
            if (item.Type == EventType.DeliverConflated)
                OnConflated(consumer, item.Read<DeliverConflatedEvent>());
            else if (consumer.IsBrowsing)
                OnShown(consumer, item.Read<DeliverEvent>());
        }
        var taken = new Dictionary<NaiveQueue, List<NaiveEntry>>();
        var passed = new Dictionary<NaiveQueue, List<NaiveEntry>>();
        var order = new Dictionary<NaiveQueue, List<NaiveEntry>>();
        foreach (SimulatedEvent item in deliveries)
        {
            NaiveConsumer consumer = ConsumerOf(item);
            if (consumer.IsViewer)
                continue;
            NaiveQueue queue = consumer.Queue;
            if (order.TryAdd(queue, queue.Ready))
            {
                taken.Add(queue, []);
                passed.Add(queue, []);
            }
            NaiveEntry entry = OnDelivery(consumer, item.Read<DeliverEvent>());
            taken[queue].Add(entry);
            if (!consumer.IsSettling)
                passed[queue].Add(entry);
        }
        foreach ((NaiveQueue queue, List<NaiveEntry> given) in taken)
        {
            HashSet<long> sequences = [.. given.Select(entry => entry.Sequence)];
            NaiveEntry[] first = [.. order[queue].Take(given.Count)];
            Check(first.All(entry => sequences.Contains(entry.Sequence)),
                $"Queue {queue.Name} delivered {string.Join(", ", sequences)}; in order come {string.Join(", ", first.Select(entry => entry.Sequence))}.");
            if (IsUncertain(queue, given))
            {
                foreach (long sequence in sequences.Where(queue.Entries.ContainsKey))
                    queue.Set(queue.Entries[sequence] with { IsUncertain = true });
            }
            CheckSharing(queue, given);
            Remove(queue, passed[queue]);
        }
    }

    private NaiveConsumer ConsumerOf(SimulatedEvent item)
    {
        DeliverEvent deliver = item.Read<DeliverEvent>();
        Check(_sessions.TryGetValue(deliver.Session, out NaiveSession? session), "A delivery to a session that is not open.");
        Check(session!.Consumers.TryGetValue(deliver.Subscription, out NaiveConsumer? consumer) && !consumer.IsEnded && !consumer.IsKept, "A delivery to a subscription that is not open.");
        return consumer!;
    }

    private NaiveEntry OnDelivery(NaiveConsumer consumer, in DeliverEvent deliver)
    {
        NaiveQueue queue = consumer.Queue;
        Check(queue.Entries.TryGetValue((long)deliver.QueueSequence, out NaiveEntry? entry), $"Queue {queue.Name} delivered {deliver.QueueSequence}, which it does not hold.");
        Check(entry!.IsReady, $"Queue {queue.Name} delivered {entry}.");
        Check(!queue.Options.SingleActive || queue.Active == consumer, $"Queue {queue.Name} delivered {entry} to a subscription that is not the active one.");
        Pay(consumer, deliver, entry);
        if (consumer.IsSettling)
            consumer.Unsettled.Add(deliver.Tag, entry.Sequence);
        entry = entry with { State = NaiveEntryState.Unsettled };
        queue.Set(entry);
        _everDelivered.Add(Identity(queue, entry));
        return entry;
    }

    private static DeliveredIdentity Identity(NaiveQueue queue, NaiveEntry entry) => new(queue.Host, queue.Name, entry.Sequence, entry.Message.Number);

    /// <param name="Stored">Which time the message was stored: sent again into a queue that was made again, it is another.</param>
    private readonly record struct DeliveredIdentity(string Host, string Queue, long Sequence, long Stored);

    /// <summary>Consumers that could have taken more got the same number, give or take one; those of lower priority got nothing.</summary>
    private static void CheckSharing(NaiveQueue queue, List<NaiveEntry> taken)
    {
        // Whoever could take the largest message at the end could take every one of them.
        int largest = taken.Max(entry => entry.Message.PayloadLength);
        NaiveConsumer[] able = [.. queue.Takers.Where(consumer => consumer.CanTake(largest) && consumer.Session.Port.CanDeliver)];
        foreach (NaiveConsumer consumer in able)
        {
            foreach (NaiveConsumer other in queue.Takers.Where(other => other.Priority <= consumer.Priority))
            {
                int most = other.Priority == consumer.Priority ? consumer.BatchCount + 1 : 0;
                Check(other.BatchCount <= most, $"Queue {queue.Name} gave {other.BatchCount} to one consumer of priority {other.Priority} and {consumer.BatchCount} to another of priority {consumer.Priority} that could take more.");
            }
        }
    }

    /// <summary>What is ready and could be delivered was delivered.</summary>
    private void CheckNothingHeldBack(NaiveQueue queue)
    {
        // Where something was settled at once browsers go on with the next batch.
        bool hasPassed = HasPassed(queue);
        if (AwaitsLoad(queue))
            return;
        foreach (NaiveConsumer viewer in queue.Consumers.Where(consumer => consumer.IsViewer && !hasPassed))
            CheckShown(viewer);
        NaiveEntry? head = queue.Ready.FirstOrDefault();
        bool isHeld = queue.Durable && Log.CheckAppend(MaxDeliveredBody, reserved: true) == AppendStatus.NotReady;
        if (head == null || isHeld || queue.Consumers.Sum(consumer => consumer.BatchCount) >= DeliveriesPerTurn)
            return;
        foreach (NaiveConsumer consumer in queue.Takers)
        {
            Check(!consumer.CanTake(head.Message.PayloadLength) || !consumer.Session.Port.CanDeliver,
                $"Queue {queue.Name} holds back {head}: subscription {consumer.Handle} of session {consumer.Session.Id} has credit for {consumer.CreditMessages} messages and {consumer.CreditBytes} bytes, {consumer.Unsettled.Count} unsettled.");
        }
    }

    /// <summary>What the log has of a message is the message.</summary>
    private void CheckContent(long position, StoredMessage message)
    {
        EngineMessage? found = _engine.Read(position);
        Check(found != null, $"{message} cannot be read.");
        Check(found!.PublishedNs == message.Message.Id, $"{message} has the time of {found.PublishedNs}.");
        Check(found.ReceivedNs == message.ReceivedNs, $"{message} came at {found.ReceivedNs}, expected {message.ReceivedNs}.");
        Check(found.Key == message.Key, $"{message} has key '{found.Key}', expected '{message.Key}'.");
        Check(found.Body.AsSpan().SequenceEqual(message.Message.Body), $"{message} has another body.");
        if (message.Deaths.Length == 0)
        {
            Check(found.Headers.AsSpan().SequenceEqual(message.Message.HeaderBytes), $"{message} has other headers.");
            return;
        }
        NaiveHeaders headers = NaiveHeaders.Decode(found.Headers);
        Check(headers.Means(message.Shown), $"{message} has headers {headers}, expected {message.Shown}.");
    }
}
