using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Server.Inspection;

/// <summary>Sees what a record did to a message, by the state of its queue after the record.</summary>
internal sealed unsafe class TrailObserver(Topology topology)
{
    /// <summary>The message's own record.</summary>
    internal static void Begin(MessageTrail trail, MessagePlace place)
    {
        place.Last = place.State switch
        {
            PlaceState.Scheduled => $"held until {JournalTime.Format(trail.DueNs)}, schedule number {place.Number}",
            PlaceState.NotFollowed => $"put in with number {place.Number}; the queue is not durable, and no record tells of it",
            _ => $"put in, sequence {place.Number}",
        };
        if (trail.IsMoved)
            place.Last = $"there, {(place.State == PlaceState.Scheduled ? "schedule number" : "sequence")} {place.Number}: this record was made when an older segment was emptied; what was before is gone with it";
        trail.Events.Add(new TrailEvent(trail.Position, place.Queue, place.Last) { IsTimed = !trail.IsMoved, NotBeforeNs = trail.JournaledNs });
    }

    /// <summary>Another record, which the replay has taken up.</summary>
    /// <returns>What happened, in words; <c>null</c> for nothing.</returns>
    internal string? Observe(MessagePlace place, in JournalRecord record)
    {
        if (place.State is PlaceState.Gone or PlaceState.NotFollowed)
            return null;
        if (!topology.TryGetQueue(place.QueueId, out BrokerQueue? queue))
            return Gone(place, "gone: the queue was deleted");
        if (record.Type == RecordType.Moved && IsMovedBy(place, record))
        {
            place.Position = record.Position;
            return $"moved to position {record.Position:N0}: its segment was emptied";
        }
        if (place.State == PlaceState.Scheduled)
            return ObserveScheduled(queue, place, record);
        QueueEntry* entry = queue.Entries.Find(place.Number);
        if (entry == null || entry->Position != place.Position)
            return Gone(place, WhyGone(place, record));
        PlaceState before = place.State;
        place.State = entry->State switch
        {
            EntryState.Unsettled => PlaceState.Unsettled,
            EntryState.Delayed => PlaceState.Delayed,
            _ => PlaceState.Ready,
        };
        if (place.State == before)
            return ObserveDoubt(place, entry->MaybeDelivered != 0);
        string count = Times(entry->DeliveryCount);
        return (before, place.State) switch
        {
            (_, PlaceState.Unsettled) when entry->DeliveryCount > 0 || entry->MaybeDelivered != 0 => $"delivered again, flagged as redelivered (it had come back {count})",
            (_, PlaceState.Unsettled) => "delivered",
            (PlaceState.Unsettled, _) when record.Type == RecordType.Restart => $"back in its place: the broker was started again, its consumers were gone (come back {count})",
            (PlaceState.Unsettled, PlaceState.Delayed) => $"returned, waits for its back-off (come back {count})",
            (PlaceState.Unsettled, _) => $"returned to its place (come back {count})",
            _ => null, // Its back-off ended at some time: no record tells when.
        };
    }

    private static string? ObserveScheduled(BrokerQueue queue, MessagePlace place, in JournalRecord record)
    {
        if (record.StreamId != place.QueueId)
            return null;
        if (record.Type == RecordType.Drop && RangeFields.IsOfScheduled(record.Body) && Contain(RangeFields.DroppedRanges(record.Body), place.Number))
            return Gone(place, WhyGone(place, record));
        if (record.Type != RecordType.Due)
            return null;
        foreach (DuePair pair in RangeFields.Due(record.Body))
        {
            if (pair.ScheduleNumber != place.Number)
                continue;
            place.Number = pair.Sequence;
            place.State = PlaceState.Ready;
            QueueEntry* entry = queue.Entries.Find(pair.Sequence);
            place.MaybeDelivered = entry != null && entry->MaybeDelivered != 0;
            return $"due: put in, sequence {pair.Sequence}{(place.MaybeDelivered ? "; it may have been before, in the lost end of the journal" : "")}";
        }
        return null;
    }

    private static bool IsMovedBy(MessagePlace place, in JournalRecord record)
    {
        foreach (MessageRoute route in MessageFields.Routes(record.Body))
        {
            if (route.QueueId == place.QueueId && route.Place == place.Number && route.IsScheduled == (place.State == PlaceState.Scheduled) && !route.IsEndOfDelay)
                return true;
        }
        return false;
    }

    private static string? ObserveDoubt(MessagePlace place, bool maybeDelivered)
    {
        if (maybeDelivered == place.MaybeDelivered)
            return null;
        place.MaybeDelivered = maybeDelivered;
        return "in doubt: the end of the journal was lost, so it may have been delivered; from here on flagged as redelivered";
    }

    private static string WhyGone(MessagePlace place, in JournalRecord record) => record.Type switch
    {
        RecordType.Ack when place.State == PlaceState.Unsettled => "gone: acknowledged, or rejected where the queue has no dead-letter exchange",
        RecordType.Ack => "gone: acknowledged; no record tells of the delivery",
        RecordType.Drop => RangeFields.ReasonOf(record.Body) switch
        {
            DropReason.Rejected => "gone: rejected by its consumer",
            DropReason.Expired => "gone: expired",
            DropReason.MaxLength => "gone: dropped, the queue was full",
            DropReason.DeliveryLimit => "gone: came back more often than the delivery limit allows",
            DropReason.Purged => "gone: purged",
            DropReason.Replaced => "gone: a newer message has its key",
            var reason => $"gone: dropped for reason {(int)reason}",
        },
        RecordType.Message => $"gone: replaced by the message at position {record.Position}, which has its key",
        _ => $"gone with a record of type {record.Type}",
    };

    private static string Gone(MessagePlace place, string why)
    {
        place.State = PlaceState.Gone;
        return why;
    }

    private static string Times(int count) => count == 1 ? "once" : $"{count} times";

    private static bool Contain(ReadOnlySpan<SequenceRange> ranges, long number)
    {
        foreach (ref readonly SequenceRange range in ranges)
        {
            if (number >= range.First && number < range.First + range.Count)
                return true;
        }
        return false;
    }
}
