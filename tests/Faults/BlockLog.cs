namespace LowLatency.Tests.Faults;

/// <summary>Everything that a block device was told to write, in order, with the flushes in between.</summary>
/// <remarks>Written by one thread. Others may read <see cref="Count"/> at any time, entries when the device is gone.</remarks>
internal sealed class BlockLog
{
    private readonly List<BlockWrite> _entries = [];
    private int _count;

    /// <summary>Entries so far: what was acknowledged before this is read is below it.</summary>
    internal int Count => Volatile.Read(ref _count);

    internal BlockWrite this[int index] => _entries[index];

    internal long BytesWritten { get; private set; }

    internal int Flushes { get; private set; }

    internal void Add(long offset, ReadOnlySpan<byte> bytes)
    {
        BytesWritten += bytes.Length;
        Add(new BlockWrite(offset, bytes.ToArray()));
    }

    internal void AddFlush()
    {
        Flushes++;
        Add(new BlockWrite(-1, null));
    }

    /// <summary>Index after the last flush below <paramref name="end"/>: everything before it is on the disk.</summary>
    internal int DurableBelow(int end)
    {
        int index = end;
        while (index > 0 && !_entries[index - 1].IsFlush)
            index--;
        return index;
    }

    /// <summary>Index of the first flush from <paramref name="start"/> on, or the end.</summary>
    internal int NextFlush(int start)
    {
        int index = start;
        while (index < Count && !_entries[index].IsFlush)
            index++;
        return index;
    }

    private void Add(in BlockWrite entry)
    {
        _entries.Add(entry);
        Volatile.Write(ref _count, _entries.Count);
    }
}

/// <summary>A write; or a flush, which has no bytes.</summary>
internal readonly record struct BlockWrite(long Offset, byte[]? Bytes)
{
    internal bool IsFlush => Bytes == null;
}
