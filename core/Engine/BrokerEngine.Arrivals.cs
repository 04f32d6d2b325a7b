using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// A message comes into a queue: published, dead-lettered, due; live and in a replay.
internal sealed unsafe partial class BrokerEngine
{
    private bool _isReplaying;

    /// <summary>Puts a message into a queue.</summary>
    /// <param name="sequence">The queue's next, or that of the message which it replaces.</param>
    /// <param name="priority">As the queue counts it: <see cref="BrokerQueue.PriorityOf"/>.</param>
    /// <param name="deadlineNs">When it expires; <see cref="long.MaxValue"/> for never.</param>
    private void Arrive(BrokerQueue queue, long sequence, long position, int payloadLength, byte priority, EntryMarks marks, long deadlineNs)
    {
        QueueEntry* replaced = sequence < queue.Entries.Next ? queue.Entries.Find(sequence) : null;
        if (replaced != null)
            Release(replaced->Hold);
        QueueEntry* entry = queue.Enqueue(sequence, position, payloadLength, priority, marks);
        if (deadlineNs != long.MaxValue)
            AddDeadline(queue, entry, sequence, deadlineNs);
        if (replaced == null)
            return;
        ConflateReplacement(queue, entry, sequence);
        if (!_isReplaying)
            OnRoom(queue); // It may be smaller.
    }

    private void AddDeadline(BrokerQueue queue, QueueEntry* entry, long sequence, long deadlineNs)
    {
        // After a replay those that are still there are read once more: most are not.
        entry->HasDeadline = true;
        if (_isReplaying)
            return;
        queue.AddDeadline(entry, sequence, deadlineNs);
        HasTimeAt(queue, queue.NextDeadlineNs);
    }

    /// <summary>Holds a scheduled message until its time.</summary>
    private void Hold(BrokerQueue queue, long number, long position, int payloadLength, EntryMarks marks, in MessageTraits traits)
    {
        queue.AddScheduled(new ScheduledMessage
        {
            DueNs = traits.DeliverAtNs,
            Number = number,
            Position = position,
            PayloadLength = payloadLength,
            Priority = queue.PriorityOf(traits.Priority),
            HasDeadline = queue.DeadlineOf(0, traits.TtlMs) != long.MaxValue,
            Marks = marks,
        });
        HasTimeAt(queue, traits.DeliverAtNs);
    }

    /// <summary>The message under a position that a queue holds.</summary>
    private MessageView ViewOf(long position)
    {
        byte* header = LogOf(position)!.Record(position);
        return new MessageView(header + RecordLayout.HeaderLength, RecordLayout.BodyLength(header));
    }

    /// <summary>When a message that a queue holds expires there, by its record alone: the same in every run.</summary>
    private long DeadlineOf(BrokerQueue queue, long position)
    {
        MessageView view = ViewOf(position);
        MessageTraits.TryRead(view.Headers, view.ReceivedNs, out MessageTraits traits, out _);
        return queue.DeadlineOf(TimeFrom(queue, in view, in traits), traits.TtlMs);
    }

    private static long TimeFrom(BrokerQueue queue, in MessageView view, in MessageTraits traits) =>
        traits.DeliverAtNs > view.ReceivedNs && view.WasScheduledFor(queue.Id) ? traits.DeliverAtNs : view.ReceivedNs;

    /// <summary>Writes the copy of a message that is dead-lettered, and puts it into its queues.</summary>
    private AppendStatus CopyDeadLetter(in Departure departure, ref MessageInHand inHand)
    {
        bool isInHand = departure.Position == DepartureList.InHand;
        if (isInHand)
            return CopyDeadLetter(in departure, ref inHand, new ReadOnlySpan<byte>(_keyInHand, inHand.KeyLength), new ReadOnlySpan<byte>(_payloadInHand + inHand.HeadersLength, inHand.BodyLength));
        MessageView view = ViewOf(departure.Position);
        var stored = new MessageInHand { PublishedNs = view.PublishedNs };
        return CopyDeadLetter(in departure, ref stored, view.RoutingKey, view.Body);
    }

    private AppendStatus CopyDeadLetter(in Departure departure, ref MessageInHand message, ReadOnlySpan<byte> ownKey, ReadOnlySpan<byte> messageBody)
    {
        ReadOnlySpan<BrokerQueue> route = _departures.RouteOf(in departure);
        ReadOnlySpan<byte> headers = _departures.HeadersOf(in departure);
        ReadOnlySpan<byte> key = departure.Queue.Options.DeadLetterRoutingKey ?? ownKey;
        RecordLog log = departure.IsCopyDurable ? _durableLog! : _transientLog;
        int payloadLength = key.Length + headers.Length + messageBody.Length;
        byte* body = TryClaimFor(log, RecordType.Message, route, MessageLayout.Payload(route.Length) + payloadLength, out long position, out AppendStatus status);
        if (body == null)
            return status;

        bool tells = departure.IsCopyDurable && message.PublisherId != 0;
        *(ulong*)(body + MessageLayout.PublisherSequence) = tells ? message.PublisherSequence : 0;
        *(uint*)(body + MessageLayout.PublisherId) = tells ? message.PublisherId : 0;
        if (tells)
            message.PublisherId = 0; // Once is enough.
        *(ushort*)(body + MessageLayout.RouteCount) = (ushort)route.Length;
        *(ushort*)(body + MessageLayout.Flags) = 0;
        *(long*)(body + MessageLayout.PublishedNs) = message.PublishedNs;
        *(long*)(body + MessageLayout.ReceivedNs) = _nowNs;
        *(uint*)(body + MessageLayout.JournaledDeltaNs) = 0;
        *(ushort*)(body + MessageLayout.RoutingKeyLength) = (ushort)key.Length;
        *(ushort*)(body + MessageLayout.HeadersLength) = (ushort)headers.Length;
        *(int*)(body + MessageLayout.BodyLength) = messageBody.Length;
        *(uint*)(body + MessageLayout.ExchangeId) = departure.ExchangeId;
        byte* at = body + MessageLayout.Routes;
        uint flags = departure.MaybeDelivered ? MessageLayout.MaybeDeliveredFlag : 0;
        foreach (BrokerQueue target in route)
            at = WriteRoute(at, PlaceOfCopy(target, key, headers, departure.IsCopyDurable, out _), target.Id, flags);
        key.CopyTo(new Span<byte>(at, key.Length));
        headers.CopyTo(new Span<byte>(at + key.Length, headers.Length));
        messageBody.CopyTo(new Span<byte>(at + key.Length + headers.Length, messageBody.Length));
        log.Commit();
        AddReferences(log, position, payloadLength, route.Length);
        EntryMarks marks = (departure.MaybeDelivered ? EntryMarks.MaybeDelivered : 0) | SharedMark(route.Length);

        MessageTraits.TryRead(headers, _nowNs, out MessageTraits traits, out _);
        foreach (BrokerQueue target in route)
        {
            long sequence = PlaceOfCopy(target, key, headers, departure.IsCopyDurable, out long outdated);
            if (outdated != 0)
                DropReplaced(target, outdated);
            if (target.Options.LastValueKey != null)
                NoteLastValue(target, sequence, key, headers);
            Arrive(target, sequence, position, payloadLength, target.PriorityOf(traits.Priority), marks, target.DeadlineOf(_nowNs, traits.TtlMs));
            Schedule(target);
            if (target.Options.Overflow == OverflowPolicy.DropHead && !target.IsWithinBounds)
                TrimLater(target);
        }
        return AppendStatus.Appended;
    }

    /// <summary>As <see cref="PlaceOf"/>, for a dead letter: what leaves with it goes first, and nothing comes into its place.</summary>
    private long PlaceOfCopy(BrokerQueue queue, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, bool isDurable, out long outdated)
    {
        long place = PlaceOf(queue, key, headers, isDurable, out outdated);
        long replaced = outdated != 0 ? outdated : place;
        if (replaced == queue.Entries.Next || !_departures.Contains(queue, replaced))
            return place;
        outdated = 0;
        return queue.Entries.Next;
    }

    private ReadOnlySpan<byte> NameOfExchange(uint id) => id != 0 && _topology.TryGetExchange(id, out Exchange? exchange) ? exchange.Name : default;
}
