namespace LowLatency.Core.Engine;

/// <summary>Messages that were handed to a port and that nothing else keeps: each stays in its log until its event was taken out of the ring. Engine thread only.</summary>
/// <remarks>First in, first out. Bounded by the events that fit into the ring.</remarks>
internal sealed class PassingMessages
{
    private (long RingPosition, long LogPosition)[] _items = [];
    private int _first;

    internal int Count { get; private set; }

    /// <param name="ringPosition">End of its event in the ring.</param>
    /// <param name="logPosition">Of its record, which has a reference for this.</param>
    internal void Add(long ringPosition, long logPosition)
    {
        if (Count == _items.Length)
            Grow();
        _items[(_first + Count) & (_items.Length - 1)] = (ringPosition, logPosition);
        Count++;
    }

    /// <summary>The oldest, when its event was taken.</summary>
    internal bool TryTake(long consumedPosition, out long logPosition)
    {
        if (Count == 0 || _items[_first].RingPosition > consumedPosition)
        {
            logPosition = 0;
            return false;
        }
        logPosition = _items[_first].LogPosition;
        _first = (_first + 1) & (_items.Length - 1);
        Count--;
        return true;
    }

    /// <summary>Positions of their records, to be changed where a record is moved.</summary>
    internal ref long PositionAt(int index) => ref _items[(_first + index) & (_items.Length - 1)].LogPosition;

    private void Grow()
    {
        var items = new (long, long)[Math.Max(256, _items.Length * 2)];
        for (int i = 0; i < Count; i++)
            items[i] = _items[(_first + i) & (_items.Length - 1)];
        _items = items;
        _first = 0;
    }
}
