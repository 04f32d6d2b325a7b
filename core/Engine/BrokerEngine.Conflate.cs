using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Conflating subscriptions: the newest message per key, at the subscriber's pace.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Messages that were elided because more keys waited for a subscription than the limit, since the start.</summary>
    internal ulong ElidedCount { get; private set; }

    /// <summary>Looks at what is new in the queue, then shows what waits, once everything was looked at: nothing is shown that is not the newest.</summary>
    private bool ShowNewest(BrokerQueue queue, Consumer viewer, int most, ref int count)
    {
        Conflation conflation = viewer.Conflation!;
        if (!TryCatchUp(queue, viewer, conflation))
            return !queue.AwaitsLoad;
        while (conflation.Oldest != Conflation.None)
        {
            ref ConflatedItem item = ref conflation[conflation.Oldest];
            if (!viewer.CanTake(item.PayloadLength))
                return false;
            if (most == 0 || !viewer.Session.Port.CanDeliver)
                return true;
            if (!IsAtHand(queue, item.Position, ref viewer.ColdReader))
                return false;
            HandConflated(viewer, in item);
            conflation.RemoveOldest();
            count++;
            most--;
        }
        return false;
    }

    /// <returns>False when there is more to look at than one turn allows, or what comes next is on the disk.</returns>
    private bool TryCatchUp(BrokerQueue queue, Consumer viewer, Conflation conflation)
    {
        int looks = EntriesPerTurn;
        while (conflation.Next < queue.Entries.Next)
        {
            conflation.Next = queue.Entries.SkipGone(conflation.Next, ref looks);
            if (conflation.Next >= queue.Entries.Next)
                break;
            if (looks == 0)
                return false;
            QueueEntry* entry = queue.Entries.Find(conflation.Next);
            if (!IsAtHand(queue, entry->Position, ref viewer.ColdReader))
                return false;
            Conflate(conflation, entry, conflation.Next);
            conflation.Next++;
            looks--;
        }
        return true;
    }

    private void Conflate(Conflation conflation, QueueEntry* entry, long sequence)
    {
        bool hasKey = TryReadKey(entry->Position, conflation.Key, out ReadOnlySpan<byte> key);
        int hash = hasKey ? Utf8NameComparer.Instance.GetHashCode(key) : 0;
        int at = hasKey ? Find(conflation, key, hash) : Conflation.None;
        if (at == Conflation.None)
        {
            if (conflation.Count >= conflation.MaxKeys)
                DropOldest(conflation);
            at = conflation.Add(hash, hasKey);
            conflation[at].FirstSequence = sequence;
        }
        else
        {
            LogOf(conflation[at].Position)!.Release(conflation[at].Position);
            conflation[at].Elided++;
        }
        ref ConflatedItem item = ref conflation[at];
        LogOf(entry->Position)!.AddReferences(entry->Position, 1);
        item.Position = entry->Position;
        item.LastSequence = sequence;
        item.PayloadLength = entry->PayloadLength;
        item.DeliveryCount = entry->DeliveryCount;
        item.MaybeDelivered = entry->MaybeDelivered != 0;
    }

    /// <summary>A message took the place of another: news for those who have looked at that place.</summary>
    private void ConflateReplacement(BrokerQueue queue, QueueEntry* entry, long sequence)
    {
        foreach (Consumer viewer in queue.Consumers.Viewers)
        {
            if (viewer.Conflation is { } conflation && sequence < conflation.Next)
                Conflate(conflation, entry, sequence);
        }
    }

    private int Find(Conflation conflation, ReadOnlySpan<byte> key, int hash)
    {
        int at = conflation.FirstOf(hash);
        while (at != Conflation.None)
        {
            ref ConflatedItem item = ref conflation[at];
            if (item.Hash == hash && TryReadKey(item.Position, conflation.Key, out ReadOnlySpan<byte> other) && other.SequenceEqual(key))
                break;
            at = item.NextInBucket;
        }
        return at;
    }

    /// <param name="position">Of a message with a reference.</param>
    /// <param name="header">Name of the header; empty for the routing key.</param>
    private bool TryReadKey(long position, ReadOnlySpan<byte> header, out ReadOnlySpan<byte> key)
    {
        byte* record = LogOf(position)!.Record(position);
        var view = new MessageView(record + RecordLayout.HeaderLength, RecordLayout.BodyLength(record));
        if (!header.IsEmpty)
            return HeaderKey.TryGet(view.Headers, header, out key);
        key = view.RoutingKey;
        return true;
    }

    private void DropOldest(Conflation conflation)
    {
        ref ConflatedItem item = ref conflation[conflation.Oldest];
        ElidedCount += item.Elided + 1;
        LogOf(item.Position)!.Release(item.Position);
        conflation.RemoveOldest();
    }

    private void HandConflated(Consumer viewer, in ConflatedItem item)
    {
        EgressPort port = viewer.Session.Port;
        var conflated = (DeliverConflatedEvent*)port.Ring.TryClaim((int)EventType.DeliverConflated, sizeof(DeliverConflatedEvent));
        *conflated = new DeliverConflatedEvent
        {
            Deliver = new DeliverEvent
            {
                Session = viewer.Session.Id,
                Subscription = viewer.Handle,
                Tag = viewer.Tags.AddSettled(),
                QueueSequence = (ulong)item.LastSequence,
                Position = item.Position,
                DeliveryCount = item.DeliveryCount,
                Flags = (ushort)(DeliverEvent.PassingFlag | (item.DeliveryCount > 0 || item.MaybeDelivered ? DeliverEvent.RedeliveredFlag : 0)),
                PayloadLength = item.PayloadLength,
            },
            FirstSequence = (ulong)item.FirstSequence,
            Elided = item.Elided,
        };
        port.CountDelivery(); // Beside the one that is counted for every delivery: it takes more room than others.
        OnHanded(viewer, item.Position, item.PayloadLength); // The item's reference goes on to the port.
    }

    private void ReleaseConflation(Consumer consumer)
    {
        Conflation? conflation = consumer.Conflation;
        while (conflation != null && conflation.Oldest != Conflation.None)
        {
            long position = conflation[conflation.Oldest].Position;
            LogOf(position)!.Release(position);
            conflation.RemoveOldest();
        }
    }
}
