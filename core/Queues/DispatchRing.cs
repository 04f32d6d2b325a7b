using System.Diagnostics;

namespace LowLatency.Core.Queues;

/// <summary>The entries of a queue by queue sequence: a ring of blocks that grows and shrinks with the queue. Engine thread only.</summary>
/// <remarks>
/// <c>Head &lt;= Next</c>; every entry below Head is gone; Next is the sequence of the next message. An empty ring holds no
/// block, or the one that its next message falls into. A range of sequences that never came (lost transient messages, seen only in a replay) costs no block.
/// </remarks>
internal sealed unsafe class DispatchRing(EntryPool pool)
{
    private const int BlockShift = EntryPool.BlockShift;
    private const long BlockMask = EntryPool.BlockEntries - 1;

    // Block b of the queue is in slot b & (length - 1); 0 means: all entries of that block are gone.
    private nint[] _blocks = new nint[MinBlocks];

    internal long Head { get; private set; } = 1;

    internal long Next { get; private set; } = 1;

    /// <summary>Moves an empty ring to where its next message comes.</summary>
    internal void Reset(long next)
    {
        Debug.Assert(Head == Next);
        ReleaseBlock(Next >> BlockShift);
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
        if (block - (Head >> BlockShift) >= _blocks.Length)
            Grow(block);
        ref nint slot = ref _blocks[block & (_blocks.Length - 1)];
        if (slot == 0)
            slot = (nint)pool.Rent();
        Next = Math.Max(Next, sequence + 1);
        return (QueueEntry*)slot + (sequence & BlockMask);
    }

    /// <summary>Moves <see cref="Next"/> on: the sequences between are gone.</summary>
    internal void Skip(long next)
    {
        if (Head == Next)
        {
            Reset(next);
            return;
        }
        long lastBlock = (next - 1) >> BlockShift;
        if (lastBlock - (Head >> BlockShift) >= _blocks.Length)
            Grow(lastBlock);
        Next = next;
    }

    private void Reach(long sequence)
    {
        if (Head == Next)
            Reset(sequence);
        if (sequence >= Head)
            return;
        // A message that took the place of one whose record is no longer there. The blocks between hold nothing.
        long lastBlock = (Next - 1) >> BlockShift;
        if (lastBlock - (sequence >> BlockShift) >= _blocks.Length)
            Grow(sequence >> BlockShift, lastBlock);
        Head = sequence;
    }

    /// <summary>The entry of a sequence, or null when it is gone.</summary>
    internal QueueEntry* Find(long sequence)
    {
        if (sequence < Head || sequence >= Next)
            return null;
        var block = (QueueEntry*)_blocks[(sequence >> BlockShift) & (_blocks.Length - 1)];
        if (block == null)
            return null;
        QueueEntry* entry = block + (sequence & BlockMask);
        return entry->State == EntryState.Gone ? null : entry;
    }

    /// <summary>The first sequence from <paramref name="sequence"/> on that may not be gone; <see cref="Next"/> when there is none.</summary>
    /// <param name="most">How many entries are looked at; a block without any counts as one.</param>
    internal long SkipGone(long sequence, ref int most)
    {
        sequence = Math.Max(sequence, Head);
        for (; sequence < Next && most > 0; most--)
        {
            var block = (QueueEntry*)_blocks[(sequence >> BlockShift) & (_blocks.Length - 1)];
            if (block == null)
                sequence = ((sequence >> BlockShift) + 1) << BlockShift;
            else if (block[sequence & BlockMask].State == EntryState.Gone)
                sequence++;
            else
                return sequence;
        }
        return Math.Min(sequence, Next);
    }

    /// <summary>Lets Head pass all entries that are gone; blocks behind it go back to the pool.</summary>
    internal void AdvanceHead()
    {
        long head = Head;
        while (head < Next)
        {
            var block = (QueueEntry*)_blocks[(head >> BlockShift) & (_blocks.Length - 1)];
            if (block == null)
            {
                head = Math.Min(Next, ((head >> BlockShift) + 1) << BlockShift);
                continue;
            }
            if (block[head & BlockMask].State != EntryState.Gone)
                break;
            head++;
            if ((head & BlockMask) == 0)
                ReleaseBlock((head >> BlockShift) - 1);
        }
        Head = head;
        if (head == Next && (head & BlockMask) != 0 && _blocks.Length > MaxIdleBlocks)
            Shrink();
    }

    /// <summary>Gives everything back. The ring is empty afterwards.</summary>
    internal void Clear()
    {
        for (int i = 0; i < _blocks.Length; i++)
        {
            if (_blocks[i] != 0)
                pool.Return((QueueEntry*)_blocks[i]);
            _blocks[i] = 0;
        }
        Head = Next;
    }

    private const int MinBlocks = 4;
    private const int MaxIdleBlocks = 512;

    private void ReleaseBlock(long block)
    {
        ref nint slot = ref _blocks[block & (_blocks.Length - 1)];
        if (slot != 0)
        {
            pool.Return((QueueEntry*)slot);
            slot = 0;
        }
    }

    private void Grow(long lastBlock) => Grow(Head >> BlockShift, lastBlock);

    private void Grow(long firstBlock, long lastBlock)
    {
        long first = Head >> BlockShift;
        int length = _blocks.Length;
        while (lastBlock - firstBlock >= length)
            length = checked(length * 2);
        var blocks = new nint[length];
        for (long block = first; block < first + _blocks.Length; block++)
            blocks[block & (length - 1)] = _blocks[block & (_blocks.Length - 1)];
        _blocks = blocks;
    }

    private void Shrink()
    {
        Clear();
        _blocks = new nint[MinBlocks];
    }
}
