namespace LowLatency.Core.Queues;

/// <summary>A message that a queue holds until its time comes.</summary>
internal struct ScheduledMessage
{
    /// <summary>Unix time in nanoseconds.</summary>
    internal long DueNs;

    /// <summary>The queue's schedule number: rises by 1 with each scheduled message.</summary>
    internal long Number;

    /// <summary>Position of the message's record.</summary>
    internal long Position;

    /// <summary>Routing key, headers and body together, in bytes.</summary>
    internal int PayloadLength;

    /// <summary>As the queue counts it.</summary>
    internal byte Priority;

    /// <summary>It expires some day after it is due.</summary>
    internal bool HasDeadline;

    internal EntryMarks Marks;

    /// <summary>It may have become due and been delivered in a time of which the journal's end was lost.</summary>
    internal readonly bool MaybeDelivered => (Marks & EntryMarks.MaybeDelivered) != 0;

    internal readonly MessageHold Hold => new(Position, PayloadLength, (Marks & EntryMarks.Shared) != 0);
}

/// <summary>The scheduled messages of a queue in the order of due time, then arrival: a binary heap. Engine thread only.</summary>
internal sealed class ScheduledHeap
{
    private ScheduledMessage[] _items = [];

    internal int Count { get; private set; }

    /// <summary>Unix time in nanoseconds; <see cref="long.MaxValue"/> for none.</summary>
    internal long NextNs => Count > 0 ? _items[0].DueNs : long.MaxValue;

    /// <summary>In no order.</summary>
    internal ReadOnlySpan<ScheduledMessage> Items => _items.AsSpan(0, Count);

    internal ref readonly ScheduledMessage First => ref _items[0];

    internal void Push(in ScheduledMessage message)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(16, Count * 2));
        int at = Count++;
        while (at > 0)
        {
            int parent = (at - 1) >> 1;
            if (!IsBefore(in message, in _items[parent]))
                break;
            _items[at] = _items[parent];
            at = parent;
        }
        _items[at] = message;
    }

    internal ScheduledMessage Pop()
    {
        ScheduledMessage first = _items[0];
        ScheduledMessage last = _items[--Count];
        if (Count > 0)
            Sink(0, in last);
        return first;
    }

    internal void Clear() => Count = 0;

    /// <summary>One of them, in no order. What they are ordered by must stay.</summary>
    internal ref ScheduledMessage At(int index) => ref _items[index];

    internal void MarkMaybeDelivered()
    {
        foreach (ref ScheduledMessage message in _items.AsSpan(0, Count))
            message.Marks |= EntryMarks.MaybeDelivered;
    }

    private void Sink(int at, in ScheduledMessage item)
    {
        while (true)
        {
            int child = (at << 1) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && IsBefore(in _items[child + 1], in _items[child]))
                child++;
            if (!IsBefore(in _items[child], in item))
                break;
            _items[at] = _items[child];
            at = child;
        }
        _items[at] = item;
    }

    private static bool IsBefore(in ScheduledMessage message, in ScheduledMessage other) =>
        message.DueNs < other.DueNs || (message.DueNs == other.DueNs && message.Number < other.Number);
}
