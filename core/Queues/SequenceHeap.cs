namespace LowLatency.Core.Queues;

/// <summary>The sequences of a queue that are ready out of turn, smallest first: a binary heap. Engine thread only.</summary>
/// <remarks>A sequence whose message ceased to be ready otherwise stays, until it is met or such ones are more than half of all.</remarks>
internal sealed class SequenceHeap
{
    private const int MinStale = 64;

    private long[] _items = [];
    private int _stale;

    internal int Count { get; private set; }

    internal void Push(long sequence)
    {
        if (Count == _items.Length)
            Array.Resize(ref _items, Math.Max(16, Count * 2));
        int at = Count++;
        while (at > 0)
        {
            int parent = (at - 1) >> 1;
            if (_items[parent] <= sequence)
                break;
            _items[at] = _items[parent];
            at = parent;
        }
        _items[at] = sequence;
    }

    internal long Peek() => _items[0];

    internal long Pop()
    {
        long smallest = _items[0];
        long last = _items[--Count];
        if (Count > 0)
            Sink(0, last);
        return smallest;
    }

    /// <summary>Takes the smallest off, whose message ceased to be ready otherwise.</summary>
    internal void PopStale()
    {
        Pop();
        _stale = Math.Max(0, _stale - 1);
    }

    /// <summary>A message in it ceased to be ready otherwise than by being taken off.</summary>
    internal unsafe void MarkStale(DispatchRing entries)
    {
        if (++_stale <= MinStale || _stale <= Count >> 1)
            return;
        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            QueueEntry* entry = entries.Find(_items[i]);
            if (entry != null && entry->State == EntryState.Ready)
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

    private void Sink(int at, long item)
    {
        while (true)
        {
            int child = (at << 1) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && _items[child + 1] < _items[child])
                child++;
            if (_items[child] >= item)
                break;
            _items[at] = _items[child];
            at = child;
        }
        _items[at] = item;
    }
}
