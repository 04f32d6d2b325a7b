namespace LowLatency.Core.Queues;

/// <summary>The messages that a queue holds, by their keys: hashes and sequences, open addressing. Engine thread only.</summary>
/// <remarks>The keys themselves are in the messages, in the log: who looks one up compares there.</remarks>
internal sealed class LastValues
{
    private const int MinCapacity = 16;

    private Slot[] _slots = new Slot[MinCapacity];

    internal int Count { get; private set; }

    /// <summary>Where a search for a hash begins.</summary>
    internal int First(ulong hash) => (int)(hash & (ulong)(_slots.Length - 1));

    /// <summary>The next candidate for a hash.</summary>
    /// <param name="at">From <see cref="First"/>; moved behind the candidate.</param>
    /// <returns>Its sequence; 0 when there is none.</returns>
    internal long Next(ulong hash, ref int at)
    {
        while (true)
        {
            ref Slot slot = ref _slots[at];
            if (slot.Sequence == 0)
                return 0;
            at = (at + 1) & (_slots.Length - 1);
            if (slot.Hash == hash)
                return slot.Sequence;
        }
    }

    internal void Add(ulong hash, long sequence)
    {
        if (Count * 4 >= _slots.Length * 3)
            Resize(_slots.Length * 2);
        Put(hash, sequence);
        Count++;
    }

    internal bool Remove(ulong hash, long sequence)
    {
        int mask = _slots.Length - 1;
        int at = First(hash);
        while (_slots[at].Sequence != sequence)
        {
            if (_slots[at].Sequence == 0)
                return false;
            at = (at + 1) & mask;
        }
        Count--;
        // What stands behind and could stand here moves up, so that no search ends too early.
        int hole = at;
        while (true)
        {
            at = (at + 1) & mask;
            if (_slots[at].Sequence == 0)
                break;
            if (((at - First(_slots[at].Hash)) & mask) < ((at - hole) & mask))
                continue;
            _slots[hole] = _slots[at];
            hole = at;
        }
        _slots[hole] = default;
        return true;
    }

    internal void Clear()
    {
        if (Count > 0)
            _slots = new Slot[MinCapacity];
        Count = 0;
    }

    private void Put(ulong hash, long sequence)
    {
        int at = First(hash);
        while (_slots[at].Sequence != 0)
            at = (at + 1) & (_slots.Length - 1);
        _slots[at] = new Slot { Hash = hash, Sequence = sequence };
    }

    private void Resize(int capacity)
    {
        Slot[] old = _slots;
        _slots = new Slot[capacity];
        foreach (ref readonly Slot slot in old.AsSpan())
        {
            if (slot.Sequence != 0)
                Put(slot.Hash, slot.Sequence);
        }
    }

    private struct Slot
    {
        internal ulong Hash;
        internal long Sequence;
    }
}
