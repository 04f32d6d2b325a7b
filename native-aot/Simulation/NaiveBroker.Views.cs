using LowLatency.Core.Engine;

using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Subscriptions that are shown messages and take none: browse (rule C9), conflate (rule C10).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Conflating subscriptions look at what is new, before anybody takes it.</summary>
    private void LookAtNews(NaiveQueue queue)
    {
        foreach (NaiveConsumer viewer in queue.Consumers.Where(consumer => consumer.IsConflating))
        {
            // What is on the disk alone is looked at when it was loaded, if it is there still; and what comes after it.
            long next = NextToLookAt(viewer);
            foreach (NaiveEntry entry in queue.Entries.Values.Where(entry => entry.Sequence >= viewer.NextSeen && entry.Sequence < next))
                LookAt(viewer, entry);
            viewer.NextSeen = next;
        }
    }

    private void LookAt(NaiveConsumer viewer, NaiveEntry entry)
    {
        string? key = NaiveQueue.KeyOf(entry.Message, viewer.ConflationKey);
        int at = key == null ? -1 : viewer.News.FindIndex(news => news.Key == key);
        if (at >= 0)
        {
            viewer.News[at] = viewer.News[at] with { Newest = entry, Elided = viewer.News[at].Elided + 1 };
            return;
        }
        if (viewer.News.Count >= limits.MaxConflationKeys)
            viewer.News.RemoveAt(0);
        viewer.News.Add(new NaiveNews(key, entry.Sequence, entry, 0));
    }

    /// <summary>Adds a message to a queue. In the place of another it is news for those who have looked at that place.</summary>
    private void Append(NaiveQueue queue, StoredMessage message, long sequence)
    {
        if (queue.ReplacedBy(message) is { } replaced)
        {
            _emptied.Add(queue); // It may have been larger.
            if (queue.Durable && replaced.Message.IsJournaled && Log.State == JournalState.Failed && !queue.Ghosts.ContainsKey(replaced.Sequence))
                queue.Ghosts = queue.Ghosts.Add(replaced.Sequence, replaced with { IsUncertain = true });
        }
        NaiveEntry entry = queue.Append(message, sequence);
        NoteCame(queue, message);
        _came.Add((queue, entry));
        foreach (NaiveConsumer viewer in queue.Consumers.Where(consumer => consumer.IsConflating && entry.Sequence < consumer.NextSeen))
            LookAt(viewer, entry);
    }

    private void OnShown(NaiveConsumer viewer, in DeliverEvent deliver)
    {
        NaiveEntry? entry = NextToBrowse(viewer);
        Check(entry != null && entry.Sequence == (long)deliver.QueueSequence, $"A browser of queue {viewer.Queue.Name} is shown {deliver.QueueSequence}, next is {entry}.");
        Pay(viewer, deliver, entry!);
        viewer.NextSeen = entry!.Sequence + 1;
    }

    private void OnConflated(NaiveConsumer viewer, in DeliverConflatedEvent conflated)
    {
        NaiveNews? news = viewer.News.FirstOrDefault();
        Check(news != null && (long)conflated.Deliver.QueueSequence == news.Newest.Sequence && (long)conflated.FirstSequence == news.First && conflated.Elided == news.Elided,
            $"A conflating subscription on queue {viewer.Queue.Name} is shown {conflated.FirstSequence} to {conflated.Deliver.QueueSequence}, {conflated.Elided} elided; next is {news}.");
        Pay(viewer, conflated.Deliver, news!.Newest);
        viewer.News.RemoveAt(0);
    }

    /// <summary>What every delivery has to be, whoever it is for; and its price.</summary>
    private void Pay(NaiveConsumer consumer, in DeliverEvent deliver, NaiveEntry entry)
    {
        NaiveQueue queue = consumer.Queue;
        Check(deliver.Tag == consumer.NextTag, $"Tag {deliver.Tag}, expected {consumer.NextTag}.");
        Check(deliver.PayloadLength == entry.Message.PayloadLength, $"Payload length {deliver.PayloadLength} of {entry}, which has {entry.Message.PayloadLength}.");
        Check(consumer.CanTake(deliver.PayloadLength), $"More was delivered than there was credit: {consumer.CreditMessages} messages, {consumer.CreditBytes} bytes, {consumer.Unsettled.Count} unsettled.");
        bool isFlagged = (deliver.Flags & DeliverEvent.RedeliveredFlag) != 0;
        Check(isFlagged == (entry.Count > 0 || entry.Maybe), $"Flagged: {isFlagged}, {entry} of queue {queue.Name}.");
        Check(deliver.DeliveryCount == entry.Count, $"Delivery count {deliver.DeliveryCount}, {entry} of queue {queue.Name}.");
        CheckContent(deliver.Position, entry.Message);
        CheckAtHand(deliver.Position);
        consumer.NextTag++;
        consumer.Take(deliver.PayloadLength);
    }

    private static NaiveEntry? NextToBrowse(NaiveConsumer viewer) => viewer.Queue.Entries.Values.FirstOrDefault(entry => entry.Sequence >= viewer.NextSeen);

    /// <summary>What could be shown was shown.</summary>
    private static void CheckShown(NaiveConsumer viewer)
    {
        NaiveEntry? next = viewer.IsBrowsing ? NextToBrowse(viewer) : viewer.News.FirstOrDefault()?.Newest;
        bool isHeldBack = next != null && viewer.CanTake(next.Message.PayloadLength) && viewer.Session.Port.CanDeliver && viewer.BatchCount < 64;
        Check(!isHeldBack, $"Subscription {viewer.Handle} ({viewer.Flags}) of session {viewer.Session.Id} is not shown {next} of queue {viewer.Queue.Name}: credit for {viewer.CreditMessages} messages and {viewer.CreditBytes} bytes, get {viewer.Pull != null}.");
    }
}
