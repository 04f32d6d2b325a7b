namespace LowLatency.Core.Queues;

/// <summary>The newest message per key that a conflating subscription was not shown yet, keys in the order in which they first had news. Engine thread only.</summary>
/// <remarks>
/// Keeps no key: it stands in the record of the message. Messages here have a reference in their log, so that one that others consumed can still be shown.
/// Arrays grow to the most keys that ever waited at once; a steady flow allocates nothing.
/// </remarks>
internal sealed class Conflation
{
    private ConflatedItem[] _items = [];
    private int[] _buckets = [];
    private int _free = None;
    private int _used;
    private int _newest = None;

    internal const int None = -1;

    /// <param name="key">Name of the header whose value is the key; empty for the routing key.</param>
    /// <param name="maxKeys">Most keys that wait.</param>
    /// <param name="next">First queue sequence to look at.</param>
    internal Conflation(byte[] key, int maxKeys, long next)
    {
        Key = key;
        MaxKeys = maxKeys;
        Next = next;
    }

    internal byte[] Key { get; }

    internal int MaxKeys { get; }

    /// <summary>The first queue sequence that was not looked at.</summary>
    internal long Next { get; set; }

    /// <summary>Keys that wait.</summary>
    internal int Count { get; private set; }

    /// <summary>The item that waits longest, or <see cref="None"/>.</summary>
    internal int Oldest { get; private set; } = None;

    internal ref ConflatedItem this[int item] => ref _items[item];

    /// <summary>First of the items whose key may have this hash, or <see cref="None"/>; the others follow by <see cref="ConflatedItem.NextInBucket"/>.</summary>
    internal int FirstOf(int hash) => _buckets.Length == 0 ? None : _buckets[hash & (_buckets.Length - 1)] - 1;

    /// <summary>Adds an item at the end.</summary>
    /// <param name="hash">Of its key.</param>
    /// <param name="hasKey">False: no other message can take its place.</param>
    internal int Add(int hash, bool hasKey)
    {
        if (_free == None && _used == _items.Length)
            Grow();
        int item = _free;
        if (item == None)
            item = _used++;
        else
            _free = _items[item].NextWaiting;
        _items[item] = new ConflatedItem { Hash = hash, HasKey = hasKey, NextInBucket = None, NextWaiting = None };
        if (hasKey)
            Link(item);
        if (_newest == None)
            Oldest = item;
        else
            _items[_newest].NextWaiting = item;
        _newest = item;
        Count++;
        return item;
    }

    internal void RemoveOldest()
    {
        int item = Oldest;
        if (_items[item].HasKey)
            Unlink(item);
        Oldest = _items[item].NextWaiting;
        if (Oldest == None)
            _newest = None;
        _items[item].NextWaiting = _free;
        _free = item;
        Count--;
    }

    private void Link(int item)
    {
        ref int bucket = ref _buckets[_items[item].Hash & (_buckets.Length - 1)];
        _items[item].NextInBucket = bucket - 1;
        bucket = item + 1;
    }

    private void Unlink(int item)
    {
        ref int bucket = ref _buckets[_items[item].Hash & (_buckets.Length - 1)];
        if (bucket - 1 == item)
        {
            bucket = _items[item].NextInBucket + 1;
            return;
        }
        int before = bucket - 1;
        while (_items[before].NextInBucket != item)
            before = _items[before].NextInBucket;
        _items[before].NextInBucket = _items[item].NextInBucket;
    }

    private void Grow()
    {
        Array.Resize(ref _items, Math.Max(64, _items.Length * 2));
        _buckets = new int[_items.Length];
        for (int item = Oldest; item != None; item = _items[item].NextWaiting)
        {
            if (_items[item].HasKey)
                Link(item);
        }
    }
}

/// <summary>A key that waits to be shown, with its newest message.</summary>
internal struct ConflatedItem
{
    /// <summary>Of the newest message's record, which has a reference for this.</summary>
    internal long Position;

    internal long FirstSequence;
    internal long LastSequence;

    /// <summary>Messages that are not shown because this one is newer.</summary>
    internal ulong Elided;

    internal int PayloadLength;
    internal int Hash;
    internal int NextInBucket;
    internal int NextWaiting;
    internal ushort DeliveryCount;
    internal bool MaybeDelivered;
    internal bool HasKey;
}
