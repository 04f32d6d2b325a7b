using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Queues beyond their bounds: what goes from the head (rules L3, L6), and who waits for room (L2, L5).
internal sealed unsafe partial class BrokerEngine
{
    // Queues that drop from their heads and are beyond their bounds by what the broker itself put there, or by more than one group takes.
    private readonly List<BrokerQueue> _toTrim = [];

    private bool _trimsAgain;

    // Sequences that were taken off their queue's order to see which come first: put back when nothing becomes of it.
    private readonly List<(BrokerQueue Queue, long Sequence, byte Priority)> _offOrder = [];

    /// <summary>Plans what a message pushes out of the queues that drop from their heads.</summary>
    private void PlanDropped(in Admission admission, RecordLog log)
    {
        _offOrder.Clear();
        ReadOnlySpan<BrokerQueue> route = admission.Route;
        for (int i = 0; i < route.Length; i++)
        {
            BrokerQueue queue = route[i];
            if (queue.Options.Overflow != OverflowPolicy.DropHead || _places[i] == Elsewhere)
                continue;
            bool isReplacing = !admission.IsScheduled && _places[i] != queue.Entries.Next;
            // Without priorities all are 0; one that is scheduled or replaces another does not go at once.
            int priority = admission.IsScheduled || isReplacing ? int.MaxValue : Math.Clamp(admission.Traits.Priority, 0, Math.Max(0, queue.Options.MaxPriority));
            long place = admission.IsScheduled ? 0 : _places[i];
            QueueEntry* replaced = isReplacing ? queue.Entries.Find(_places[i]) : _outdated[i] != 0 ? queue.Entries.Find(_outdated[i]) : null;
            long bytes = queue.Bytes + admission.PayloadLength - (replaced == null ? 0 : replaced->PayloadLength);
            PlanDropped(queue, queue.Count + (replaced == null ? 1 : 0), bytes, priority, in admission, place, _outdated[i], log);
        }
    }

    /// <param name="count">Messages held with the one that comes.</param>
    /// <param name="bytes">Bytes held with it.</param>
    /// <param name="outdated">One that goes already; 0: none.</param>
    /// <param name="priority">Priority of the one that comes, which is behind all others of its level; <see cref="int.MaxValue"/> when it is not to go.</param>
    private void PlanDropped(BrokerQueue queue, long count, long bytes, int priority, in Admission admission, long place, long outdated, RecordLog? log)
    {
        long cursor = queue.Cursor;
        while (count > queue.Options.MaxLength || (bytes > queue.Options.MaxBytes && count > 1))
        {
            QueueEntry* entry = queue.NextHead(ref cursor, out long sequence);
            if (entry != null && outdated != 0 && sequence == outdated)
            {
                _offOrder.Add((queue, sequence, entry->Priority));
                continue;
            }
            if (entry != null && priority == int.MaxValue && sequence == place && log != null)
            {
                // The place of the one that comes: it goes itself as soon as it is there, and those behind it may stay.
                queue.PutBackHead(entry->Priority, sequence);
                break;
            }
            bool isNewFirst = priority != int.MaxValue && (entry == null || entry->Priority > priority);
            if (entry == null || isNewFirst || !TryPlanDeparture(queue, sequence, entry, DropReason.MaxLength))
            {
                if (entry != null)
                    queue.PutBackHead(entry->Priority, sequence);
                if (isNewFirst)
                    PlanDroppedAtOnce(queue, place, in admission, log!);
                break;
            }
            _offOrder.Add((queue, sequence, entry->Priority));
            count--;
            bytes -= entry->PayloadLength;
        }
    }

    // The message that comes is itself the first to go.
    private void PlanDroppedAtOnce(BrokerQueue queue, long place, in Admission admission, RecordLog log)
    {
        ref Departure departure = ref _departures.Add(queue, place, DepartureList.InHand, DropReason.MaxLength);
        if (queue.Options.DeadLetterExchange != null)
            PlanDeadLetter(ref departure, _exchangeInHand, admission.Key, admission.Rest[..admission.HeadersLength], admission.Rest.Length - admission.HeadersLength, durableMove: !log.IsTransient);
        departure.IsTold = queue.Durable && !log.IsTransient;
        if (!departure.IsTold)
            return;
        _departures.DurableLength += DropLength;
        _departures.DurableRecords++;
    }

    private byte[] _exchangeInHand = [];

    /// <summary>Nothing became of the plan: what was taken off the order is there again.</summary>
    private void PutBackDropped()
    {
        foreach ((BrokerQueue queue, long sequence, byte priority) in _offOrder)
            queue.PutBackHead(priority, sequence);
        _offOrder.Clear();
    }

    // What is still beyond its bounds: scheduled or unsettled messages cannot go, or there were too many at once.
    private void AfterBeyondBounds(EnginePublication publication, in Admission admission)
    {
        _offOrder.Clear();
        foreach (BrokerQueue queue in admission.Route)
        {
            if (queue.Options.Overflow == OverflowPolicy.DropHead && !queue.IsWithinBounds)
                TrimLater(queue);
        }
        // Not those in which it replaces one and that have room for its bytes: they hold as many as before.
        foreach (BrokerQueue queue in _blocking)
        {
            if (queue.IsWithinBounds)
                continue;
            queue.TakenBeyond++;
            Block(publication, queue);
        }
    }

    private void TrimLater(BrokerQueue queue)
    {
        if (queue.ReadyCount > 0 && !_toTrim.Contains(queue))
            _toTrim.Add(queue);
    }

    /// <summary>Messages have become ready in a queue that may have been beyond its bounds for want of any.</summary>
    private void TrimReady(BrokerQueue queue)
    {
        if (queue.Options.Overflow == OverflowPolicy.DropHead && !queue.IsWithinBounds)
            TrimLater(queue);
    }

    /// <summary>Drops from the heads of queues that are beyond their bounds, after the command that brought them there.</summary>
    private void Trim()
    {
        _trimsAgain = false;
        // What drops may push out of other queues: those are behind in the list then.
        for (int i = 0; i < _toTrim.Count;)
        {
            AppendStatus status = TryTrim(_toTrim[i], out bool isDone);
            if (status == AppendStatus.NotReady)
            {
                _trimsAgain = true;
                return;
            }
            if (isDone)
                _toTrim.RemoveAt(i);
            else if (status != AppendStatus.Appended)
                i++; // There is no room for its dead letters now.
        }
    }

    private AppendStatus TryTrim(BrokerQueue queue, out bool isDone)
    {
        isDone = !queue.Exists || queue.IsWithinBounds;
        if (isDone)
            return AppendStatus.Appended;
        _departures.Clear();
        _offOrder.Clear();
        PlanDropped(queue, queue.Count, queue.Bytes, int.MaxValue, default, 0, 0, null);
        isDone = _departures.Count == 0; // Nothing is ready: it stays above.
        AppendStatus status = TryDepart(mayUseReserve: false);
        if (status == AppendStatus.Failed)
        {
            DepartUnjournaled();
            status = AppendStatus.Appended;
        }
        if (status != AppendStatus.Appended)
            PutBackDropped();
        _offOrder.Clear();
        return status;
    }

    /// <summary>A queue holds less than before.</summary>
    private void OnRoom(BrokerQueue queue)
    {
        if (queue.HasWaiting && queue.HasRoomAgain)
            WakeWaiting(queue);
        if (queue.TakenBeyond > 0 && queue.IsWithinBounds)
            queue.TakenBeyond = 0;
        if (queue.HasBlocked && queue.IsWithinBounds)
            Unblock(queue);
        if (queue.HasTold && queue.EndsBlock)
            EndReason(queue);
    }

    private void WakeWaiting(BrokerQueue queue)
    {
        if (!queue.HasWaiting)
            return;
        foreach (EnginePublication publication in queue.Waiting)
            SendReady(publication);
        queue.Waiting.Clear();
    }

    /// <summary>A queue goes: nobody waits for it any more.</summary>
    private void OnGone(BrokerQueue queue)
    {
        WakeWaiting(queue);
        if (queue.HasBlocked)
            Unblock(queue);
        if (queue.HasTold)
            EndReason(queue);
        _timers.Set(queue, long.MaxValue);
    }
}
