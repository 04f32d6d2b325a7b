namespace LowLatency.Core.Queues;

/// <summary>Sequences of a queue with a time each, earliest first; of one time the smaller sequence first. Engine thread only.</summary>
/// <remarks>Messages that went stay in it until their time, or until they are more than half of it.</remarks>
internal sealed class TimedHeap
{
    private const int MinStale = 1024;

    private Item[] _items = [];
    private int _stale;

    internal int Count { get; private set; }

    /// <summary>Unix time in nanoseconds; <see cref="long.MaxValue"/> for none.</summary>
    internal long NextNs => Count > 0 ? _items[0].TimeNs : long.MaxValue;

    internal void Push(long timeNs, long sequence)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(16, Count * 2));
        int at = Count++;
        var item = new Item { TimeNs = timeNs, Sequence = sequence };
        while (at > 0)
        {
            int parent = (at - 1) >> 1;
            if (!item.IsBefore(in _items[parent]))
                break;
            _items[at] = _items[parent];
            at = parent;
        }
        _items[at] = item;
    }

    internal long Pop(out long timeNs)
    {
        Item first = _items[0];
        Item last = _items[--Count];
        if (Count > 0)
            Sink(0, last);
        timeNs = first.TimeNs;
        return first.Sequence;
    }

    /// <summary>One of them, in no order.</summary>
    internal (long TimeNs, long Sequence) At(int index) => (_items[index].TimeNs, _items[index].Sequence);

    /// <summary>A message in it went before its time.</summary>
    /// <returns>True when it is time for <see cref="Compact"/>.</returns>
    internal bool MarkStale() => ++_stale > MinStale && _stale > Count >> 1;

    /// <summary>One that was met on top had gone before.</summary>
    internal void UnmarkStale() => _stale = Math.Max(0, _stale - 1);

    /// <summary>Takes out what is no longer there.</summary>
    internal unsafe void Compact(DispatchRing entries)
    {
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            QueueEntry* entry = entries.Find(_items[i].Sequence);
            if (entry != null && entry->IsTimed)
                _items[kept++] = _items[i];
        }
        Count = kept;
        _stale = 0;
        for (int at = (kept >> 1) - 1; at >= 0; at--)
            Sink(at, _items[at]);
    }

    internal void Clear()
    {
        Count = 0;
        _stale = 0;
    }

    private void Sink(int at, Item item)
    {
        while (true)
        {
            int child = (at << 1) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && _items[child + 1].IsBefore(in _items[child]))
                child++;
            if (!_items[child].IsBefore(in item))
                break;
            _items[at] = _items[child];
            at = child;
        }
        _items[at] = item;
    }

    private struct Item
    {
        internal long TimeNs;
        internal long Sequence;

        internal readonly bool IsBefore(in Item other) =>
            TimeNs < other.TimeNs || (TimeNs == other.TimeNs && Sequence < other.Sequence);
    }
}
