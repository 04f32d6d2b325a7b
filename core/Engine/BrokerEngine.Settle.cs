using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What becomes of messages that were delivered: done with, back to their places, or away.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Settles unsettled messages of a queue: journals it and does it.</summary>
    /// <param name="ranges">Sequences that are unsettled; none is settled already.</param>
    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool TrySettle(BrokerQueue queue, SequenceRanges ranges, SettleKind kind)
    {
        if (ranges.Count == 0)
            return true;
        bool isReturn = kind == SettleKind.Requeue;
        if (!TryJournalRanges(isReturn ? RecordType.Requeue : RecordType.Ack, queue, ranges))
            return false;
        if (isReturn)
        {
            ApplyReturn(queue, ranges.Span);
            Schedule(queue);
        }
        else
        {
            ApplyAck(queue, ranges.Span);
        }
        return true;
    }

    /// <summary>Requeues what a consumer leaves behind, whether or not the journal can be told: where it cannot, a restart returns it all the same.</summary>
    private void Return(BrokerQueue queue, SequenceRanges ranges)
    {
        if (TrySettle(queue, ranges, SettleKind.Requeue))
            return;
        ApplyReturn(queue, ranges.Span);
        Schedule(queue);
    }

    /// <summary>The queue was used just now: declared, got from, or left by a consumer.</summary>
    private void Used(BrokerQueue queue) => queue.UsedNs = _nowNs;

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
                if (queue.TryRemove(sequence, out long position))
                    LogOf(position)?.Release(position);
            }
        }
        if (queue.Waiting.Count > 0 && queue.HasRoomAgain)
            WakeWaiting(queue);
    }

    private static void ApplyReturn(BrokerQueue queue, ReadOnlySpan<SequenceRange> ranges)
    {
        foreach (ref readonly SequenceRange range in ranges)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
                queue.TryReturn(sequence);
        }
    }

    private void WakeWaiting(BrokerQueue queue)
    {
        foreach (EnginePublication publication in queue.Waiting)
            SendReady(publication);
        queue.Waiting.Clear();
    }
}
