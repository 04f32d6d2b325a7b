namespace LowLatency.Core.Queues;

/// <summary>The sequences that came back to a queue, smallest first: a binary heap. Engine thread only.</summary>
/// <remarks>Bounded by the unsettled messages of the queue, so by the credit of its consumers.</remarks>
internal sealed class SequenceHeap
{
    private long[] _items = [];

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
        int at = 0;
        while (true)
        {
            int child = (at << 1) + 1;
            if (child >= Count)
                break;
            if (child + 1 < Count && _items[child + 1] < _items[child])
                child++;
            if (_items[child] >= last)
                break;
            _items[at] = _items[child];
            at = child;
        }
        if (Count > 0)
            _items[at] = last;
        return smallest;
    }

    internal void Clear() => Count = 0;
}
