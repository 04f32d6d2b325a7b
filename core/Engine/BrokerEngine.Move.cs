using System.Runtime.InteropServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// A live message gets a new record with all that its queues know of it, so that a replay that begins after the old one makes the same state.
internal sealed unsafe partial class BrokerEngine
{
    private readonly List<Move> _moves = [];
    private readonly List<BrokerQueue> _movedQueues = [];

    /// <summary>Appends what is live of a record anew, and lets go of the old one.</summary>
    /// <param name="position">Of a record in the segment that is being emptied; who holds it is in <c>_moves</c>.</param>
    private AppendStatus TryMove(RecordLog log, long position, ref int steps)
    {
        MessageView view = ViewOf(position);
        ReadOnlySpan<byte> record = view.Record;
        int routes = _moves.Count + (_moves[0].DelayedUntilNs != 0 ? 1 : 0); // Those in their back-off are moved one by one.
        int bodyLength = MessageLayout.Payload(routes) + view.PayloadLength;
        _movedQueues.Clear();
        foreach (Move move in _moves)
            _movedQueues.Add(move.Queue);
        byte* body = TryClaimFor(log, RecordType.Moved, CollectionsMarshal.AsSpan(_movedQueues), bodyLength, out long target, out AppendStatus status);
        if (body == null)
            return status;
        record[..MessageLayout.Routes].CopyTo(new Span<byte>(body, MessageLayout.Routes));
        *(ushort*)(body + MessageLayout.RouteCount) = (ushort)routes;
        // What its publisher had sent is known by the snapshots since, and by newer records.
        *(uint*)(body + MessageLayout.PublisherId) = 0;
        byte* at = body + MessageLayout.Routes;
        foreach (Move move in _moves)
        {
            at = WriteRoute(at, move.Place, move.Queue.Id, FlagsOf(in move, in view));
            if (move.DelayedUntilNs != 0)
                at = WriteRoute(at, move.DelayedUntilNs, 0, MessageLayout.DelayedFlag);
        }
        new ReadOnlySpan<byte>(view.Payload, view.PayloadLength).CopyTo(new Span<byte>(at, view.PayloadLength));
        log.Commit();
        AddReferences(log, target, view.PayloadLength, _moves.Count);
        foreach (Move move in _moves)
            Repoint(log, in move, position, target, isShared: _moves.Count > 1);
        ReclaimedCount++;
        ReclaimedBytes += RecordLayout.AlignedLength(bodyLength);
        steps -= 1 + bodyLength / BytesPerStep;
        return AppendStatus.Appended;
    }

    private static uint FlagsOf(in Move move, in MessageView view)
    {
        BrokerQueue queue = move.Queue;
        if (move.ScheduledAt >= 0)
            return MessageLayout.ScheduledFlag | (queue.Scheduled!.At(move.ScheduledAt).MaybeDelivered ? MessageLayout.MaybeDeliveredFlag : 0);
        QueueEntry* entry = queue.Entries.Find(move.Place);
        uint flags = (uint)entry->DeliveryCount << MessageLayout.DeliveryCountShift;
        if (entry->MaybeDelivered != 0)
            flags |= MessageLayout.MaybeDeliveredFlag;
        if (entry->State == EntryState.Unsettled)
            flags |= MessageLayout.UnsettledFlag;
        if (move.Place >= queue.Cursor)
            flags |= MessageLayout.FreshFlag;
        if (view.WasScheduledFor(queue.Id))
            flags |= MessageLayout.WasScheduledFlag;
        return flags;
    }

    private void Repoint(RecordLog log, in Move move, long position, long target, bool isShared)
    {
        MessageHold old;
        if (move.ScheduledAt >= 0)
        {
            ref ScheduledMessage message = ref move.Queue.Scheduled!.At(move.ScheduledAt);
            old = message.Hold;
            message.Position = target;
            message.Marks = (message.Marks & ~EntryMarks.Shared) | (isShared ? EntryMarks.Shared : 0);
        }
        else
        {
            QueueEntry* entry = move.Queue.Entries.Find(move.Place);
            old = entry->Hold;
            entry->Position = target;
            entry->IsShared = isShared;
            if (entry->State == EntryState.Unsettled)
                log.AddForward(position, target); // Its delivery may not have been read yet.
        }
        Release(old);
    }

    private void ReplayMoved(long position, ReadOnlySpan<byte> body)
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
                if (!_topology.TryGetQueue(*(uint*)(route + MessageLayout.RouteQueueId), out BrokerQueue? queue))
                    continue;
                byte* after = i + 1 < routes ? route + MessageLayout.RouteLength : null;
                bool isDelayed = after != null && *(uint*)(after + MessageLayout.RouteFlags) == MessageLayout.DelayedFlag;
                ReplayMovedRoute(queue, route, isDelayed ? *(long*)(after + MessageLayout.RouteQueueSequence) : 0, position, view.PayloadLength, isDelayed ? 0 : SharedMark(routes), in traits);
            }
        }
    }

    private void ReplayMovedRoute(BrokerQueue queue, byte* route, long delayedUntilNs, long position, int payloadLength, EntryMarks marks, in MessageTraits traits)
    {
        long place = *(long*)(route + MessageLayout.RouteQueueSequence);
        uint flags = *(uint*)(route + MessageLayout.RouteFlags);
        if ((flags & MessageLayout.MaybeDeliveredFlag) != 0)
            marks |= EntryMarks.MaybeDelivered;
        if ((flags & MessageLayout.ScheduledFlag) != 0)
        {
            Hold(queue, place, position, payloadLength, marks, in traits); // Where it is there already, it is twice until the replay has ended.
            return;
        }
        QueueEntry* entry = queue.Entries.Find(place);
        if (entry != null && queue.Options.LastValueKey != null)
        {
            queue.TryRemove(place, out _); // Perhaps one that this had replaced, in a record that is gone.
        }
        else if (entry != null)
        {
            entry->Position = position;
            entry->IsShared = (marks & EntryMarks.Shared) != 0;
            return;
        }
        entry = queue.Insert(place, position, payloadLength, queue.PriorityOf(traits.Priority), marks, isFresh: (flags & MessageLayout.FreshFlag) != 0);
        entry->DeliveryCount = (ushort)(flags >> MessageLayout.DeliveryCountShift);
        entry->HasDeadline = queue.DeadlineOf(0, traits.TtlMs) != long.MaxValue;
        if ((flags & MessageLayout.UnsettledFlag) != 0)
            queue.ReplayRedelivered(place);
        else if (delayedUntilNs != 0)
            queue.ReplayDelayed(entry, place, delayedUntilNs);
    }

    /// <summary>A place in a queue that gets a new record.</summary>
    private struct Move(BrokerQueue queue, long place)
    {
        internal readonly BrokerQueue Queue => queue;

        /// <summary>Sequence, or the number of a scheduled message.</summary>
        internal readonly long Place => place;

        /// <summary>Index among the queue's scheduled messages; -1 for one that has its place.</summary>
        internal int ScheduledAt { get; init; } = -1;

        /// <summary>When its back-off ends; 0 for one that has none.</summary>
        internal long DelayedUntilNs { get; init; }
    }
}
