using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What becomes of messages that were delivered: done with, back to their places, or away.
internal sealed unsafe partial class BrokerEngine
{
    private readonly SequenceRanges _returned = new();

    /// <summary>Settles unsettled messages of a queue: journals it and does it.</summary>
    /// <param name="ranges">Sequences that are unsettled; none is settled already.</param>
    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    /// <remarks>A journal that is full or failed does not stop it: what was settled comes again after a restart, flagged. Inside a group
    /// that is open it cannot fail; <see cref="CountSettle"/> says how long it must be.</remarks>
    private bool TrySettle(BrokerQueue queue, SequenceRanges ranges, SettleKind kind)
    {
        if (ranges.Count == 0)
            return true;
        switch (kind)
        {
            case SettleKind.Requeue:
                return TryRequeue(queue, ranges);
            case SettleKind.Reject when queue.Options.DeadLetterExchange != null:
                return TryReject(queue, ranges);
            default:
                if (!TryJournalRanges(RecordType.Ack, queue, ranges))
                    return false;
                ApplyAck(queue, ranges.Span);
                return true;
        }
    }

    /// <summary>Requeues what a consumer leaves behind, whether or not the journal can be told: where it cannot, a restart returns it all the same.</summary>
    private void Return(BrokerQueue queue, SequenceRanges ranges)
    {
        PlanSettle(queue, ranges, SettleKind.Requeue);
        TryFinishSettle(queue, mustFinish: true);
    }

    private bool TryReject(BrokerQueue queue, SequenceRanges ranges)
    {
        PlanSettle(queue, ranges, SettleKind.Reject);
        return TryFinishSettle(queue, mustFinish: false);
    }

    private bool TryRequeue(BrokerQueue queue, SequenceRanges ranges)
    {
        PlanSettle(queue, ranges, SettleKind.Requeue);
        return TryFinishSettle(queue, mustFinish: false);
    }

    /// <summary>Decides for each message whether it returns (<c>_returned</c>) or leaves (<c>_departures</c>).</summary>
    /// <remarks>What does not fit into the group leaves later (<c>_leavingLater</c>).</remarks>
    private void PlanSettle(BrokerQueue queue, SequenceRanges ranges, SettleKind kind)
    {
        _departures.Clear();
        _returned.Clear();
        _leavingLater.Clear();
        bool isReject = kind == SettleKind.Reject;
        bool isPlain = !isReject && queue.Options.DeliveryLimit < 0 && queue.Options.LastValueKey == null;
        foreach (ref readonly SequenceRange range in ranges.Span)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry == null)
                    continue;
                DropReason reason = 0;
                if (isReject)
                    reason = DropReason.Rejected;
                else if (!isPlain || entry->HasDeadline)
                    reason = ReasonToLeave(queue, sequence, entry);
                if (reason == 0)
                    _returned.Add(sequence);
                else if (_leavingLater.Count > 0 || !TryPlanDeparture(queue, sequence, entry, reason))
                    _leavingLater.Add((queue, sequence, reason));
            }
        }
    }

    private readonly List<(BrokerQueue Queue, long Sequence, DropReason Reason)> _leavingLater = [];

    /// <returns>0: it returns to its place.</returns>
    private DropReason ReasonToLeave(BrokerQueue queue, long sequence, QueueEntry* entry)
    {
        if (queue.Options.LastValueKey != null && IsOutdated(queue, sequence, entry->Position))
            return DropReason.Replaced;
        if (queue.Options.DeliveryLimit >= 0 && entry->DeliveryCount >= queue.Options.DeliveryLimit)
            return DropReason.DeliveryLimit;
        return entry->HasDeadline && DeadlineOf(queue, entry->Position) <= _nowNs ? DropReason.Expired : 0;
    }

    /// <param name="mustFinish">It does not wait for the journal's next segment: what leaves waits for it in its place.</param>
    private bool TryFinishSettle(BrokerQueue queue, bool mustFinish)
    {
        RecordType type = queue.Options.RedeliveryDelayMs > 0 ? RecordType.Defer : RecordType.Requeue;
        int returns = _returned.Count > 0 && queue.Durable && _durableLog != null ? 1 : 0;
        int returnLength = returns == 0 ? 0 : RecordLayout.AlignedLength(DropLayout.DeferRanges + _returned.Count * SequenceRange.Length);
        AppendStatus status = TryBeginChange(
            _departures.DurableLength + returnLength, _departures.DurableRecords + returns, mayUseReserve: false,
            _departures.TransientLength, _departures.TransientRecords);
        // Inside a transaction's group it is too late for that too.
        mustFinish |= _durableLog is { IsInGroup: true };
        if (status == AppendStatus.NotReady && !mustFinish)
            return false;
        if (status == AppendStatus.Appended)
        {
            if (_departures.Count > 0)
            {
                MessageInHand none = default;
                status = Depart(ref none);
            }
            if (status == AppendStatus.Appended && returns > 0 && !TryJournalReturns(type, queue))
                status = AppendStatus.NotReady; // Alone: nothing else was done.
            EndChange();
            if (status == AppendStatus.NotReady && !mustFinish)
                return false;
        }
        if (status == AppendStatus.Failed)
        {
            DepartUnjournaled();
        }
        else if (status != AppendStatus.Appended)
        {
            // No room for the moves: what returns does, the rest leaves when there is.
            if (returns > 0)
                TryJournalReturns(type, queue);
            for (int i = 0; i < _departures.Count; i++)
                _leaving.Enqueue((queue, _departures[i].Sequence, _departures[i].Reason));
            _leavingWaitsForSpace |= status != AppendStatus.NotReady;
        }
        foreach ((BrokerQueue Queue, long Sequence, DropReason Reason) later in _leavingLater)
            _leaving.Enqueue(later);
        ApplyReturned(queue);
        return true;
    }

    /// <summary>Puts what returns (<c>_returned</c>) back to its places, at once or after its back-off.</summary>
    private void ApplyReturned(BrokerQueue queue)
    {
        if (_returned.Count == 0)
            return;
        if (queue.Options.RedeliveryDelayMs > 0)
            ApplyDefer(queue, _returned.Span, _nowNs);
        else
            ApplyReturn(queue, _returned.Span);
        AfterReturn(queue);
        TrimReady(queue);
        Schedule(queue);
    }

    private void AfterReturn(BrokerQueue queue)
    {
        if (queue.Delays != null)
            HasTimeAt(queue, queue.Delays.NextNs);
        if (queue.Deadlines == null && queue.Options.LastValueKey == null)
            return;
        foreach (ref readonly SequenceRange range in _returned.Span)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry == null)
                    continue;
                // Its deadline may have been met, and passed over, while it was unsettled.
                if (entry->HasDeadline && !entry->IsTimed)
                    AddDeadline(queue, entry, sequence, DeadlineOf(queue, entry->Position));
                if (queue.Options.LastValueKey != null)
                    NoteReturned(queue, sequence);
            }
        }
    }

    private bool TryJournalReturns(RecordType type, BrokerQueue queue)
    {
        if (type == RecordType.Requeue)
            return TryJournalRanges(type, queue, _returned);
        ReadOnlySpan<SequenceRange> span = _returned.Span;
        byte* body = _durableLog!.TryClaim(type, queue.Id, DropLayout.DeferRanges + span.Length * SequenceRange.Length, out _, out AppendStatus status);
        if (body == null)
            return status != AppendStatus.NotReady;
        *(long*)body = _nowNs;
        span.CopyTo(new Span<SequenceRange>(body + DropLayout.DeferRanges, span.Length));
        _durableLog.Commit();
        return true;
    }

    /// <summary>Appends an Ack or Requeue record where the queue outlives the broker.</summary>
    /// <returns>False when the journal is preparing its next segment. A journal that is full or failed does not stop acks: what
    /// they settle comes again after a restart, flagged.</returns>
    private bool TryJournalRanges(RecordType type, BrokerQueue queue, SequenceRanges ranges)
    {
        if (!queue.Durable || _durableLog == null)
            return true;
        ReadOnlySpan<SequenceRange> span = ranges.Span;
        byte* body = _durableLog.TryClaim(type, queue.Id, span.Length * SequenceRange.Length, out _, out AppendStatus status);
        if (body == null)
            return status != AppendStatus.NotReady;
        span.CopyTo(new Span<SequenceRange>(body, span.Length));
        _durableLog.Commit();
        return true;
    }

    private void ApplyAck(BrokerQueue queue, ReadOnlySpan<SequenceRange> ranges)
    {
        foreach (ref readonly SequenceRange range in ranges)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
            {
                if (queue.LastValues != null)
                    ForgetLastValue(queue, sequence);
                if (queue.TryRemove(sequence, out MessageHold hold))
                    Release(hold);
            }
        }
        OnRoom(queue);
        // A consumer may have stood before what is gone, without the credit for it.
        if (!_isReplaying)
            Schedule(queue);
    }

    private static void ApplyReturn(BrokerQueue queue, ReadOnlySpan<SequenceRange> ranges)
    {
        foreach (ref readonly SequenceRange range in ranges)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
                queue.TryReturn(sequence);
        }
    }

    private static void ApplyDefer(BrokerQueue queue, ReadOnlySpan<SequenceRange> ranges, long timeNs)
    {
        foreach (ref readonly SequenceRange range in ranges)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
                queue.TryDefer(sequence, timeNs);
        }
    }
}
