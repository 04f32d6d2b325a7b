namespace LowLatency.Server.Simulation;

/// <summary>A file of a <see cref="SimulatedDisk"/>.</summary>
internal sealed unsafe class SimulatedFile : IDisposable
{
    internal const int BlockLength = 512;
    private const int PageLength = SimulatedPages.PageLength;

    private readonly SimulatedDisk _disk;
    private readonly byte* _cache;
    private readonly SimulatedPages _clean;
    private readonly SimulatedPages _durable;
    private bool _isDisposed;

    internal SimulatedFile(SimulatedDisk disk, int length)
    {
        _disk = disk;
        Length = length;
        _cache = SimulatedMemory.Take(length);
        _clean = new SimulatedPages(length);
        _durable = new SimulatedPages(length);
    }

    internal int Length { get; }

    /// <summary>What reads and maps show.</summary>
    internal byte* Cache => _cache;

    internal Span<byte> Bytes => new(_cache, Length);

    /// <summary>Reads of this range fail with EIO.</summary>
    internal (int Offset, int Length)? Unreadable { get; set; }

    internal int Sync() => Sync(0, Length);

    internal int Sync(int start, int length)
    {
        _disk.Call();
        bool fails = _disk.Syncs++ == _disk.FailSync;
        // Blocks of a page reach the disk together.
        for (int page = start & -PageLength; page < start + length; page += PageLength)
        {
            if (!IsDirty(page, PageLength))
                continue;
            for (int offset = page; offset < page + PageLength; offset += BlockLength)
            {
                if (!IsDirty(offset, BlockLength))
                    continue;
                _clean.Store(offset, _cache + offset, BlockLength);
                _disk.BytesSynced += BlockLength;
                if (!fails)
                    _durable.Store(offset, _cache + offset, BlockLength);
            }
        }
        return fails ? 5 : 0;
    }

    internal int WriteThrough(int offset, ReadOnlySpan<byte> bytes)
    {
        _disk.Call();
        bytes.CopyTo(new Span<byte>(_cache + offset, Length - offset));
        if (_disk.Syncs++ == _disk.FailSync)
            return 5;
        Damage(offset, bytes);
        return 0;
    }

    /// <summary>Blocks that are taken for written show what the disk has.</summary>
    internal void DropCache()
    {
        for (int offset = 0; offset < Length; offset += BlockLength)
        {
            if (IsDirty(offset, BlockLength))
                continue;
            _durable.Load(offset, _cache + offset, BlockLength);
            _clean.Store(offset, _cache + offset, BlockLength);
        }
    }

    internal void PowerCut(Random random, double share)
    {
        for (int page = 0; page < Length; page += PageLength)
        {
            for (int offset = page; offset < page + PageLength && IsDirty(page, PageLength); offset += BlockLength)
            {
                if (IsDirty(offset, BlockLength) && random.NextDouble() < share)
                    _durable.Store(offset, _cache + offset, BlockLength);
            }
            if (_durable.Equal(page, _cache + page, PageLength) && _clean.Equal(page, _cache + page, PageLength))
                continue;
            _durable.Load(page, _cache + page, PageLength);
            _clean.Store(page, _cache + page, PageLength);
        }
    }

    /// <summary>Offsets of the blocks that are still to be written.</summary>
    internal List<int> DirtyBlocks()
    {
        var dirty = new List<int>();
        for (int page = 0; page < Length; page += PageLength)
        {
            for (int offset = page; offset < page + PageLength && IsDirty(page, PageLength); offset += BlockLength)
            {
                if (IsDirty(offset, BlockLength))
                    dirty.Add(offset);
            }
        }
        return dirty;
    }

    /// <summary>Copies out what the disk has.</summary>
    internal void LoadDurable(byte* to)
    {
        for (int page = 0; page < Length; page += PageLength)
            _durable.Load(page, to + page, PageLength);
    }

    /// <summary>Changes bytes behind the back of the journal, on disk and in the cache.</summary>
    internal void Damage(int offset, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(_cache + offset, Length - offset));
        _clean.Store(offset, bytes);
        _durable.Store(offset, bytes);
    }

    internal SimulatedFile Clone(SimulatedDisk disk)
    {
        var clone = new SimulatedFile(disk, Length);
        for (int page = 0; page < Length; page += PageLength)
        {
            if (!SimulatedPages.IsZero(_cache + page, PageLength))
                Buffer.MemoryCopy(_cache + page, clone._cache + page, PageLength, PageLength);
        }
        _clean.CopyTo(clone._clean);
        _durable.CopyTo(clone._durable);
        return clone;
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        SimulatedMemory.Return(_cache, Length);
        _clean.Dispose();
        _durable.Dispose();
    }

    private bool IsDirty(int offset, int length) => !_clean.Equal(offset, _cache + offset, length);
}
