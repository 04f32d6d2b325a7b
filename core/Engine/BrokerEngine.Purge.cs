using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Purge (rule Q6): everything ready and scheduled goes, at once and for good.
internal sealed unsafe partial class BrokerEngine
{
    // Of a purge that takes more than one group and had to wait for the journal in between.
    private long _purgedBefore;

    /// <returns>False when the journal is preparing its next segment: the command comes again.</returns>
    private bool OnPurgeQueue(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        BrokerQueue? queue = FindQueue(session, command.Request, TakeString(ref strings));
        if (queue == null)
            return true;
        AppendStatus status;
        do
        {
            status = TryPurge(queue, out long purged);
            if (status != AppendStatus.Appended)
                return FailAppend(status, session, command.Request);
            _purgedBefore += purged;
        }
        while (queue.ReadyCount + queue.ScheduledCount > 0);
        long end = queue.Durable && _purgedBefore > 0 && _durableLog != null ? _durableLog.Tail : 0;
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null, (ulong)_purgedBefore));
        _purgedBefore = 0;
        return true;
    }

    /// <summary>Removes what is ready and scheduled, as much as one group tells of: nearly always all.</summary>
    private AppendStatus TryPurge(BrokerQueue queue, out long purged)
    {
        purged = 0;
        bool isTold = queue.Durable && _durableLog != null;
        int most = isTold ? (_durableLog!.MaxBodyLength - 4 * DropLength) / SequenceRange.Length : int.MaxValue;
        _dropped.Clear();
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next && _dropped.Count < most; sequence = queue.Entries.NextHeld(sequence + 1))
        {
            if (queue.Entries.Find(sequence)->State != EntryState.Ready)
                continue;
            _dropped.Add(sequence);
            purged++;
        }
        int records = (_dropped.Count > 0 ? 1 : 0) + (queue.ScheduledCount > 0 ? 1 : 0);
        if (isTold && records > 0)
        {
            int length = RecordLayout.AlignedLength(DropLayout.Ranges + _dropped.Count * SequenceRange.Length) + DropLength;
            AppendStatus status = TryBeginChange(length, records, mayUseReserve: true, 0, 0);
            if (status == AppendStatus.Appended && _dropped.Count > 0)
                status = WriteDrop(queue, DropReason.Purged, _dropped.Span, ofScheduled: false);
            if (status == AppendStatus.Appended && queue.ScheduledCount > 0)
                status = WriteDrop(queue, DropReason.Purged, [AllScheduled(queue)], ofScheduled: true);
            EndChange();
            if (status != AppendStatus.Appended)
                return status;
        }
        ApplyAck(queue, _dropped.Span);
        if (queue.ExpiryAwaitsLoad)
            ResumeExpiry(queue); // What it waited for is most likely gone.
        if (queue.ScheduledCount > 0)
        {
            purged += queue.ScheduledCount;
            ApplyDropScheduled(queue, [AllScheduled(queue)]);
        }
        return AppendStatus.Appended;
    }

    private static SequenceRange AllScheduled(BrokerQueue queue)
    {
        long first = long.MaxValue;
        foreach (ref readonly ScheduledMessage message in queue.Scheduled!.Items)
            first = Math.Min(first, message.Number);
        return new SequenceRange { First = first, Count = (uint)Math.Min(uint.MaxValue, queue.NextScheduleNumber - first) };
    }

    private void ApplyDropScheduled(BrokerQueue queue, ReadOnlySpan<SequenceRange> numbers)
    {
        int count = (int)queue.ScheduledCount;
        for (int i = 0; i < count; i++)
        {
            ScheduledMessage message = queue.TakeScheduled();
            bool isDropped = false;
            foreach (ref readonly SequenceRange range in numbers)
                isDropped |= message.Number >= range.First && message.Number - range.First < range.Count;
            if (isDropped)
                Release(message.Hold);
            else
                _kept.Add(message);
        }
        foreach (ScheduledMessage message in _kept)
            queue.AddScheduled(in message);
        _kept.Clear();
        OnRoom(queue);
    }

    private readonly List<ScheduledMessage> _kept = [];
}
