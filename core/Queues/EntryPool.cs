using System.Runtime.InteropServices;

namespace LowLatency.Core.Queues;

/// <summary>Blocks of queue entries for all queues of an engine. Engine thread only.</summary>
/// <remarks>A block that a queue gives back serves the next queue, so that a steady flow allocates nothing. At most
/// <see cref="MaxSpare"/> stay spare; more goes back to the operating system.</remarks>
internal sealed unsafe class EntryPool : IDisposable
{
    /// <summary>Entries of a block, a power of two.</summary>
    internal const int BlockEntries = 512;

    internal const int BlockBytes = BlockEntries * QueueEntry.Length;

    private const int MaxSpare = 1024;

    private readonly nint[] _spare = new nint[MaxSpare];
    private int _spareCount;

    /// <summary>A block of entries that are all gone.</summary>
    internal QueueEntry* Rent()
    {
        if (_spareCount == 0)
            return (QueueEntry*)NativeMemory.AllocZeroed(BlockBytes);
        var block = (QueueEntry*)_spare[--_spareCount];
        NativeMemory.Clear(block, BlockBytes);
        return block;
    }

    internal void Return(QueueEntry* block)
    {
        if (_spareCount == MaxSpare)
            NativeMemory.Free(block);
        else
            _spare[_spareCount++] = (nint)block;
    }

    public void Dispose()
    {
        while (_spareCount > 0)
            NativeMemory.Free((void*)_spare[--_spareCount]);
    }
}
