using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Queues;

/// <summary>The entries of a queue by queue sequence: blocks of 64 that come and go with their messages. Engine thread only.</summary>
/// <remarks>
/// <c>Head &lt;= Next</c>; every entry below Head is gone; Next is the sequence of the next message. A block without a message is given
/// back, save the one that the next message falls into, so that one old message does not keep what came after it:
/// <code>
/// short:  slots ▸ blocks                  up to 512 blocks from Head to Next
/// long:   slots ▸ pages of 128 ▸ blocks   8 bytes for each 8,192 sequences, whatever is left of them
/// </code>
/// Blocks and pages are 1 KiB from the pool, at such addresses: how many messages, or blocks, one holds stands in the low bits of its slot.
/// A ring that once was long stays so.
/// </remarks>
internal sealed unsafe class DispatchRing(EntryPool pool)
{
    private const int BlockShift = EntryPool.BlockShift;
    private const long BlockMask = EntryPool.BlockEntries - 1;
    private const int PageShift = 7;
    private const long PageMask = (1 << PageShift) - 1;
    private const nint CountMask = EntryPool.BlockBytes - 1;

    private const int MinSlots = 4;
    private const int MaxShortSlots = 512;

    // Slot n & (length - 1) is that of block, or page, n; 0 means: all entries of it are gone.
    private nint[] _slots = new nint[MinSlots];
    private bool _isLong;

    internal long Head { get; private set; } = 1;

    internal long Next { get; private set; } = 1;

    /// <summary>Moves an empty ring to where its next message comes.</summary>
    internal void Reset(long next)
    {
        Debug.Assert(Head == Next);
        ReleaseEmpty(Next >> BlockShift);
        Head = next;
        Next = next;
    }

    /// <summary>The place of a message at <paramref name="sequence"/>, which nobody has: anywhere in an empty ring; else at or after
    /// <see cref="Next"/> (sequences between are gone), or, in a replay only, where a message is gone or before the first one.</summary>
    internal QueueEntry* Append(long sequence)
    {
        if (sequence != Next)
            Reach(sequence);
        long block = sequence >> BlockShift;
        EnsureSpan(Head >> BlockShift, block);
        ref nint slot = ref Slot(block);
        if (slot == 0)
            slot = Rent(block);
        slot++;
        if (sequence >= Next)
            MoveNext(sequence + 1);
        return (QueueEntry*)(slot & ~CountMask) + (sequence & BlockMask);
    }

    /// <summary>Moves <see cref="Next"/> on: the sequences between are gone.</summary>
    internal void Skip(long next)
    {
        if (Head == Next)
        {
            Reset(next);
            return;
        }
        EnsureSpan(Head >> BlockShift, (next - 1) >> BlockShift);
        MoveNext(next);
    }

    /// <summary>The entry of a sequence, or null when it is gone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal QueueEntry* Find(long sequence)
    {
        if (sequence < Head || sequence >= Next)
            return null;
        QueueEntry* block = Block(sequence >> BlockShift);
        if (block == null)
            return null;
        QueueEntry* entry = block + (sequence & BlockMask);
        return entry->State == EntryState.Gone ? null : entry;
    }

    /// <summary>The first message at or after a sequence; <see cref="Next"/> when there is none.</summary>
    internal long NextHeld(long sequence)
    {
        int most = int.MaxValue;
        return SkipGone(sequence, ref most);
    }

    /// <summary>The first sequence from <paramref name="sequence"/> on that may not be gone; <see cref="Next"/> when there is none.</summary>
    /// <param name="most">How many entries are looked at; a block or a page without any counts as one.</param>
    internal long SkipGone(long sequence, ref int most)
    {
        sequence = Math.Max(sequence, Head);
        for (; sequence < Next && most > 0; most--)
        {
            long block = sequence >> BlockShift;
            if (_isLong && _slots[(int)(block >> PageShift) & (_slots.Length - 1)] == 0)
            {
                sequence = ((block >> PageShift) + 1) << (PageShift + BlockShift);
                continue;
            }
            QueueEntry* entries = Block(block);
            if (entries == null)
                sequence = (block + 1) << BlockShift;
            else if (entries[sequence & BlockMask].State == EntryState.Gone)
                sequence++;
            else
                return sequence;
        }
        return Math.Min(sequence, Next);
    }

    /// <summary>A message is gone, and its entry says so.</summary>
    internal void Remove(long sequence)
    {
        long block = sequence >> BlockShift;
        ref nint slot = ref Slot(block);
        slot--;
        if ((slot & CountMask) == 0 && block != Next >> BlockShift)
            ReleaseEmpty(block);
        if (sequence == Head)
            Head = NextHeld(sequence);
        if (Head == Next && _slots.Length > MaxShortSlots)
            Shrink();
    }

    /// <summary>Gives everything back. The ring is empty afterwards.</summary>
    internal void Clear()
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            nint slot = _slots[i] & ~CountMask;
            for (int block = 0; slot != 0 && _isLong && block <= PageMask; block++)
                Return(((nint*)slot)[block]);
            Return(slot);
            _slots[i] = 0;
        }
        Head = Next;
    }

    private void Return(nint slot)
    {
        if (slot != 0)
            pool.Return((QueueEntry*)(slot & ~CountMask));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private QueueEntry* Block(long block)
    {
        nint slot = _isLong ? _slots[(int)(block >> PageShift) & (_slots.Length - 1)] & ~CountMask : _slots[(int)block & (_slots.Length - 1)];
        if (_isLong && slot != 0)
            slot = ((nint*)slot)[block & PageMask];
        return (QueueEntry*)(slot & ~CountMask);
    }

    /// <summary>Where a block stands; its page, where it needs one, is made.</summary>
    private ref nint Slot(long block)
    {
        if (!_isLong)
            return ref _slots[(int)block & (_slots.Length - 1)];
        ref nint page = ref _slots[(int)(block >> PageShift) & (_slots.Length - 1)];
        if (page == 0)
            page = (nint)pool.Rent();
        return ref ((nint*)(page & ~CountMask))[block & PageMask];
    }

    private nint Rent(long block)
    {
        if (_isLong)
            _slots[(int)(block >> PageShift) & (_slots.Length - 1)]++;
        return (nint)pool.Rent();
    }

    /// <summary>Gives a block back that holds no message, and its page with the last one.</summary>
    private void ReleaseEmpty(long block)
    {
        if (Block(block) == null)
            return;
        ref nint slot = ref Slot(block);
        Debug.Assert((slot & CountMask) == 0);
        Return(slot);
        slot = 0;
        if (!_isLong)
            return;
        ref nint page = ref _slots[(int)(block >> PageShift) & (_slots.Length - 1)];
        if ((--page & CountMask) != 0)
            return;
        Return(page);
        page = 0;
    }

    private void MoveNext(long next)
    {
        long before = Next >> BlockShift;
        Next = next;
        // The block that was kept for the next message is passed by without one.
        if (before != next >> BlockShift && before >= Head >> BlockShift && Block(before) != null && (Slot(before) & CountMask) == 0)
            ReleaseEmpty(before);
    }

    private void Reach(long sequence)
    {
        if (Head == Next)
            Reset(sequence);
        if (sequence >= Head)
            return;
        // A message that took the place of one whose record is no longer there. The blocks between hold nothing.
        EnsureSpan(sequence >> BlockShift, (Next - 1) >> BlockShift);
        Head = sequence;
    }

    private void EnsureSpan(long firstBlock, long lastBlock)
    {
        if (!_isLong && lastBlock - firstBlock >= _slots.Length)
            Lengthen(firstBlock, lastBlock);
        if (_isLong && (lastBlock >> PageShift) - (firstBlock >> PageShift) >= _slots.Length)
            _slots = Grown((Head >> BlockShift) >> PageShift, (lastBlock >> PageShift) - (firstBlock >> PageShift) + 1);
    }

    private void Lengthen(long firstBlock, long lastBlock)
    {
        long head = Head >> BlockShift;
        if (lastBlock - firstBlock < MaxShortSlots)
        {
            _slots = Grown(head, lastBlock - firstBlock + 1);
            return;
        }
        nint[] blocks = _slots;
        _slots = new nint[MinSlots];
        _isLong = true;
        long next = Math.Max(Next >> BlockShift, head);
        EnsureSpan(Math.Min(firstBlock, head), Math.Max(lastBlock, next));
        for (long block = head; block < head + blocks.Length; block++)
        {
            nint slot = blocks[(int)block & (blocks.Length - 1)];
            if (slot == 0)
                continue;
            Slot(block) = slot;
            _slots[(int)(block >> PageShift) & (_slots.Length - 1)]++;
        }
    }

    /// <summary>The slots, of which that of <paramref name="first"/> is the first in use, in a longer array.</summary>
    private nint[] Grown(long first, long count)
    {
        int length = _slots.Length;
        while (length < count)
            length = checked(length * 2);
        var slots = new nint[length];
        for (long n = first; n < first + _slots.Length; n++)
            slots[(int)n & (length - 1)] = _slots[(int)n & (_slots.Length - 1)];
        return slots;
    }

    private void Shrink()
    {
        Clear();
        _slots = new nint[MinSlots];
    }
}
