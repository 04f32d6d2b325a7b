using LowLatency.Core.Journal;

namespace LowLatency.Core.Queues;

/// <content>What is ready, in its order.</content>
/// <remarks>
/// A plain queue: everything from <see cref="Cursor"/> on is ready, and before it what came back (<c>_returned</c>, delivered first, so
/// that order is kept). <c>Entries.Head &lt;= Cursor &lt;= Entries.Next</c>. A queue with priorities, or one that keeps last values, has
/// every ready sequence in <c>_levels</c> instead, and no use for the cursor.
/// </remarks>
internal sealed unsafe partial class BrokerQueue
{
    private readonly PriorityLevels? _levels;
    private SequenceHeap? _returned;

    /// <summary>Sequence of the first message that was never delivered.</summary>
    internal long Cursor { get; private set; }

    /// <summary>Deliveries are journaled by their sequences alone: the cursor says nothing.</summary>
    internal bool HasLevels => _levels != null;

    /// <summary>Cursor that the last Delivered record has named.</summary>
    internal long JournaledCursor { get; set; } = 1;

    /// <summary>Sequences delivered since the last Delivered record of which the cursor does not tell.</summary>
    internal SequenceRanges Redelivered => _redelivered ??= new SequenceRanges();

    internal bool HasRedelivered => _redelivered is { Count: > 0 };

    private SequenceRanges? _redelivered;

    /// <summary>Something was delivered that no Delivered record has told of.</summary>
    internal bool HasUntoldDeliveries => (_levels == null && Cursor > JournaledCursor) || HasRedelivered;

    /// <summary>A Delivered record has told of everything, or cannot.</summary>
    internal void ForgetDeliveries() => _redelivered?.Clear();

    /// <summary>A message's priority as this queue counts it.</summary>
    internal byte PriorityOf(byte priority) => Options.MaxPriority < 0 ? (byte)0 : (byte)Math.Min(priority, Options.MaxPriority);

    /// <summary>Adds a message: at the end, or in the place of one that it replaces.</summary>
    /// <param name="sequence">The next one, or that of a ready or delayed message.</param>
    /// <returns>Its entry; without a deadline.</returns>
    internal QueueEntry* Enqueue(long sequence, long position, int payloadLength, byte priority, EntryMarks marks)
    {
        QueueEntry* replaced = sequence < Entries.Next ? Entries.Find(sequence) : null;
        if (replaced != null)
            return Replace(replaced, sequence, position, payloadLength, priority, marks);
        if (Entries.Head == Entries.Next)
        {
            Cursor = sequence;
            // In a replay it may be below what a snapshot named: that run had messages in memory only, and their sequences were given again.
            JournaledCursor = Math.Min(JournaledCursor, sequence);
        }
        long next = Entries.Next;
        QueueEntry* entry = Entries.Append(sequence);
        if (Entries.Next < next)
            Entries.Skip(next); // In a replay, into the place of one whose record is no longer there: what was given is not given again.
        entry->Begin(position, payloadLength, priority, marks);
        ReadyCount++;
        Bytes += payloadLength;
        _levels?.Push(priority, sequence);
        return entry;
    }

    private QueueEntry* Replace(QueueEntry* entry, long sequence, long position, int payloadLength, byte priority, EntryMarks marks)
    {
        Bytes += payloadLength - entry->PayloadLength;
        if (entry->IsTimed)
            MarkStaleDeadline(entry);
        EntryState state = entry->State;
        entry->Begin(position, payloadLength, priority, marks);
        if (state == EntryState.Ready)
            return entry;
        // Delayed; in a replay perhaps unsettled, where the record of its return was lost to a full disk.
        CountOff(state);
        ReadyCount++;
        PushReady(priority, sequence);
        return entry;
    }

    /// <summary>The sequence after the last one was given to a message that is not there any more.</summary>
    internal void SkipTo(long next)
    {
        if (next <= Entries.Next)
            return;
        bool isEmpty = Entries.Head == Entries.Next;
        Entries.Skip(next);
        if (isEmpty)
        {
            Cursor = next;
            JournaledCursor = next;
        }
    }

    /// <summary>Replay: a message whose first record is no longer there comes back to its place.</summary>
    /// <param name="isFresh">Never delivered, and nothing behind it was.</param>
    internal QueueEntry* Insert(long sequence, long position, int payloadLength, byte priority, EntryMarks marks, bool isFresh)
    {
        long next = Entries.Next;
        bool isEmpty = Entries.Head == next;
        QueueEntry* entry = Entries.Append(sequence);
        if (Entries.Next < next)
            Entries.Skip(next);
        entry->Begin(position, payloadLength, priority, marks);
        ReadyCount++;
        Bytes += payloadLength;
        if (isFresh)
            Cursor = isEmpty ? sequence : Math.Min(Cursor, sequence);
        else if (isEmpty)
            Cursor = Entries.Next;
        else
            MoveCursorBehind(sequence);
        JournaledCursor = Math.Min(JournaledCursor, Cursor);
        PushReady(priority, sequence);
        return entry;
    }

    private void MoveCursorBehind(long sequence)
    {
        for (long before = Entries.NextHeld(Cursor); before < sequence; before = Entries.NextHeld(before + 1))
        {
            if (Entries.Find(before)->State == EntryState.Ready && _levels == null)
                (_returned ??= new SequenceHeap()).Push(before);
        }
        Cursor = Math.Max(Cursor, sequence + 1);
    }

    /// <summary>The next message in order, without taking it; null when nothing is ready.</summary>
    internal QueueEntry* PeekReady(out long sequence)
    {
        if (_levels != null)
            return _levels.PeekHighest(out sequence);
        while (_returned is { Count: > 0 })
        {
            sequence = _returned.Peek();
            QueueEntry* entry = Entries.Find(sequence);
            if (entry != null && entry->State == EntryState.Ready)
                return entry;
            _returned.PopStale();
        }
        Cursor = Entries.NextHeld(Cursor);
        sequence = Cursor;
        return Entries.Find(Cursor);
    }

    /// <summary>Marks what <see cref="PeekReady"/> gave as delivered.</summary>
    internal void Take(QueueEntry* entry, long sequence)
    {
        if (_levels != null)
        {
            _levels.Pop(entry->Priority);
            Redelivered.Add(sequence);
        }
        else if (_returned is { Count: > 0 })
        {
            _returned.Pop();
            Redelivered.Add(sequence);
        }
        else
        {
            Cursor = sequence + 1;
        }
        entry->State = EntryState.Unsettled;
        ReadyCount--;
        UnsettledCount++;
    }

    /// <summary>The next message that a full queue drops, lowest priority first, oldest first; null when no more is ready. It is off the
    /// order of what is ready then: it is removed next, or put back with <see cref="PutBackHead"/>.</summary>
    /// <param name="cursor">Begins as <see cref="Cursor"/>.</param>
    internal QueueEntry* NextHead(ref long cursor, out long sequence)
    {
        if (_levels != null)
        {
            QueueEntry* lowest = _levels.PeekLowest(out sequence);
            if (lowest != null)
                _levels.PopAll(lowest->Priority, sequence);
            return lowest;
        }
        while (_returned is { Count: > 0 })
        {
            sequence = _returned.Peek();
            QueueEntry* entry = Entries.Find(sequence);
            bool isReady = entry != null && entry->State == EntryState.Ready;
            // A replay may have left it twice.
            while (_returned.Count > 0 && _returned.Peek() == sequence)
                _returned.PopStale();
            if (isReady)
                return entry;
        }
        sequence = Entries.NextHeld(cursor);
        cursor = Math.Min(sequence + 1, Entries.Next);
        return Entries.Find(sequence);
    }

    internal void PutBackHead(byte priority, long sequence) => PushReady(priority, sequence);

    /// <summary>Removes a message for good, whatever its state.</summary>
    /// <param name="hold">For the log to forget it.</param>
    internal bool TryRemove(long sequence, out MessageHold hold)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null)
        {
            hold = default;
            return false;
        }
        hold = entry->Hold;
        Bytes -= entry->PayloadLength;
        EntryState state = entry->State;
        CountOff(state);
        entry->State = EntryState.Gone;
        if (entry->IsTimed)
            MarkStaleDeadline(entry);
        if (state == EntryState.Ready)
            UnpushReady(entry->Priority, sequence);
        Entries.Remove(sequence);
        if (Cursor < Entries.Head)
            Cursor = Entries.Head;
        return true;
    }

    /// <summary>Puts a delivered message back to its place, with a higher count.</summary>
    internal bool TryReturn(long sequence)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null || entry->State != EntryState.Unsettled)
            return false;
        CountReturn(entry);
        UnsettledCount--;
        MakeReady(entry, sequence);
        return true;
    }

    private static void CountReturn(QueueEntry* entry)
    {
        if (entry->DeliveryCount < ushort.MaxValue)
            entry->DeliveryCount++;
    }

    private void MakeReady(QueueEntry* entry, long sequence)
    {
        entry->State = EntryState.Ready;
        ReadyCount++;
        PushReady(entry->Priority, sequence);
    }

    private void PushReady(byte priority, long sequence)
    {
        if (_levels != null)
            _levels.Push(priority, sequence);
        else if (sequence < Cursor)
            (_returned ??= new SequenceHeap()).Push(sequence);
    }

    private void UnpushReady(byte priority, long sequence)
    {
        if (_levels != null)
            _levels.MarkStale(priority);
        else if (sequence < Cursor)
            _returned?.MarkStale(Entries);
    }

    private void CountOff(EntryState state)
    {
        switch (state)
        {
            case EntryState.Ready:
                ReadyCount--;
                break;
            case EntryState.Unsettled:
                UnsettledCount--;
                break;
            case EntryState.Delayed:
                DelayedCount--;
                break;
        }
    }

    /// <summary>Replay of a Delivered record: everything before <paramref name="cursor"/> that is ready was delivered.</summary>
    internal void ReplayDelivered(long cursor)
    {
        if (_levels != null)
            return;
        long end = Math.Min(cursor, Entries.Next);
        for (long sequence = Entries.NextHeld(Cursor); sequence < end; sequence = Entries.NextHeld(sequence + 1))
            MarkUnsettled(Entries.Find(sequence));
        Cursor = Math.Max(Cursor, end);
        // Not the record's cursor: past messages that were in memory only it is ahead of sequences that will be given again.
        JournaledCursor = Math.Max(JournaledCursor, Cursor);
    }

    /// <summary>Replay of a delivery that is told of by its sequence.</summary>
    internal void ReplayRedelivered(long sequence)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null)
            return;
        if (entry->State == EntryState.Delayed)
            ReplayDelaysUpTo(sequence);
        if (entry->State != EntryState.Ready)
            return;
        MarkUnsettled(entry);
        UnpushReady(entry->Priority, sequence);
    }

    private void MarkUnsettled(QueueEntry* entry)
    {
        CountOff(entry->State);
        entry->State = EntryState.Unsettled;
        UnsettledCount++;
    }

    /// <summary>All consumers are gone: what was delivered and not settled returns.</summary>
    /// <param name="maybeDelivered">Also what looks undelivered may have been: the end of the journal was lost.</param>
    internal void Restart(bool maybeDelivered)
    {
        if (maybeDelivered)
            Scheduled?.MarkMaybeDelivered();
        for (long sequence = Entries.Head; sequence < Entries.Next; sequence = Entries.NextHeld(sequence + 1))
        {
            QueueEntry* entry = Entries.Find(sequence);
            if (maybeDelivered)
                entry->MaybeDelivered = 1;
            if (entry->State == EntryState.Unsettled)
                TryReturn(sequence);
        }
    }

    /// <summary>Replay of a snapshot: where the queue's sequences go on.</summary>
    internal void ResetTo(long next)
    {
        Entries.Reset(next);
        Cursor = next;
        JournaledCursor = next;
    }

    /// <summary>Takes everything out.</summary>
    /// <param name="released">Told of each message's record.</param>
    internal void Clear(Action<MessageHold>? released = null)
    {
        for (long sequence = Entries.Head; released != null && sequence < Entries.Next; sequence = Entries.NextHeld(sequence + 1))
            released(Entries.Find(sequence)->Hold);
        Entries.Clear();
        _levels?.Clear();
        _returned = null;
        _redelivered = null;
        ClearTimes(released);
        ReadyCount = 0;
        UnsettledCount = 0;
        DelayedCount = 0;
        Bytes = 0;
        Cursor = Entries.Next;
    }

    /// <summary>Whether a message's record is in memory only.</summary>
    internal static bool IsTransient(long position) => (position & RecordLog.TransientBit) != 0;
}
