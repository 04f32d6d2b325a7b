using System.Runtime.InteropServices;

namespace LowLatency.Core.Queues;

/// <summary>Blocks of queue entries for all queues of an engine, and spare heaps for their priorities. Engine thread only.</summary>
/// <remarks>
/// Blocks are small, so that a short queue takes little, and are cut from slabs, so that a long one does not cost an allocation each:
/// <code>
/// slab, 64 KiB aligned to 64 KiB:  header ▸ 63 blocks of 1 KiB      free blocks are linked through their first bytes
/// </code>
/// A block that a queue gives back serves the next queue, so that a steady flow allocates nothing. At most <see cref="MaxSpareSlabs"/>
/// slabs without a block in use stay; more go back to the operating system.
/// </remarks>
internal sealed unsafe class EntryPool : IDisposable
{
    /// <summary>Entries of a block, a power of two.</summary>
    internal const int BlockEntries = 1 << BlockShift;

    internal const int BlockShift = 6;

    internal const int BlockBytes = BlockEntries * QueueEntry.Length;

    private const int SlabBytes = 64 * 1024;
    private const int BlocksPerSlab = SlabBytes / BlockBytes - 1;
    private const int MaxSpareSlabs = 16;

    private Slab* _withFree; // Slabs that have free blocks.
    private int _spareSlabs;

    /// <summary>Heaps that no priority uses.</summary>
    internal Stack<SequenceHeap> Heaps { get; } = new();

    /// <summary>Blocks that queues have.</summary>
    internal long RentedBlocks { get; private set; }

    /// <summary>A block of entries that are all gone; its address is a multiple of <see cref="BlockBytes"/>.</summary>
    internal QueueEntry* Rent()
    {
        RentedBlocks++;
        if (_withFree == null)
            AddSlab();
        Slab* slab = _withFree;
        byte* block = slab->Free;
        slab->Free = *(byte**)block;
        if (slab->Used++ == 0)
            _spareSlabs--;
        if (slab->Free == null)
            Unlink(slab);
        NativeMemory.Clear(block, BlockBytes);
        return (QueueEntry*)block;
    }

    internal void Return(QueueEntry* block)
    {
        RentedBlocks--;
        var slab = (Slab*)((nint)block & ~(nint)(SlabBytes - 1));
        if (slab->Free == null)
            Link(slab);
        *(byte**)block = slab->Free;
        slab->Free = (byte*)block;
        if (--slab->Used > 0)
            return;
        if (_spareSlabs < MaxSpareSlabs)
        {
            _spareSlabs++;
            return;
        }
        Unlink(slab);
        NativeMemory.AlignedFree(slab);
    }

    private void AddSlab()
    {
        var slab = (Slab*)NativeMemory.AlignedAlloc(SlabBytes, SlabBytes);
        *slab = default;
        // Last first: blocks are rented in the order of their addresses.
        for (int i = BlocksPerSlab; i > 0; i--)
        {
            byte* block = (byte*)slab + i * BlockBytes;
            *(byte**)block = slab->Free;
            slab->Free = block;
        }
        _spareSlabs++;
        Link(slab);
    }

    private void Link(Slab* slab)
    {
        slab->Previous = null;
        slab->Next = _withFree;
        if (_withFree != null)
            _withFree->Previous = slab;
        _withFree = slab;
    }

    private void Unlink(Slab* slab)
    {
        if (slab->Previous != null)
            slab->Previous->Next = slab->Next;
        else
            _withFree = slab->Next;
        if (slab->Next != null)
            slab->Next->Previous = slab->Previous;
    }

    /// <summary>After every queue has given its blocks back.</summary>
    public void Dispose()
    {
        while (_withFree != null)
        {
            Slab* slab = _withFree;
            _withFree = slab->Next;
            NativeMemory.AlignedFree(slab);
        }
        _spareSlabs = 0;
    }

    private struct Slab
    {
        internal Slab* Next;
        internal Slab* Previous;
        internal byte* Free;
        internal int Used;
    }
}
