using System.Runtime.InteropServices;

namespace LowLatency.Server.Simulation;

/// <summary>A file of a <see cref="SimulatedDisk"/>.</summary>
internal sealed unsafe class SimulatedFile : IDisposable
{
    internal const int BlockLength = 512;

    private readonly SimulatedDisk _disk;
    private readonly byte* _cache;
    private readonly byte* _clean;
    private readonly byte* _durable;

    internal SimulatedFile(SimulatedDisk disk, int length)
    {
        _disk = disk;
        Length = length;
        _cache = Allocate(length);
        _clean = Allocate(length);
        _durable = Allocate(length);
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
        for (int offset = start & -4096; offset < start + length; offset += BlockLength)
        {
            if (!IsDirty(offset))
                continue;
            Copy(_cache, _clean, offset);
            _disk.BytesSynced += BlockLength;
            if (!fails)
                Copy(_clean, _durable, offset);
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
            if (IsDirty(offset))
                continue;
            Copy(_durable, _clean, offset);
            Copy(_durable, _cache, offset);
        }
    }

    internal void PowerCut(Random random, double share)
    {
        for (int offset = 0; offset < Length; offset += BlockLength)
        {
            if (IsDirty(offset) && random.NextDouble() < share)
                Copy(_cache, _durable, offset);
        }
        new Span<byte>(_durable, Length).CopyTo(new Span<byte>(_cache, Length));
        new Span<byte>(_durable, Length).CopyTo(new Span<byte>(_clean, Length));
    }

    /// <summary>Changes bytes behind the back of the journal, on disk and in the cache.</summary>
    internal void Damage(int offset, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(_cache + offset, Length - offset));
        bytes.CopyTo(new Span<byte>(_clean + offset, Length - offset));
        bytes.CopyTo(new Span<byte>(_durable + offset, Length - offset));
    }

    internal SimulatedFile Clone(SimulatedDisk disk)
    {
        var clone = new SimulatedFile(disk, Length);
        new Span<byte>(_cache, Length).CopyTo(new Span<byte>(clone._cache, Length));
        new Span<byte>(_clean, Length).CopyTo(new Span<byte>(clone._clean, Length));
        new Span<byte>(_durable, Length).CopyTo(new Span<byte>(clone._durable, Length));
        return clone;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_cache);
        NativeMemory.AlignedFree(_clean);
        NativeMemory.AlignedFree(_durable);
    }

    private bool IsDirty(int offset) =>
        !new ReadOnlySpan<byte>(_cache + offset, BlockLength).SequenceEqual(new ReadOnlySpan<byte>(_clean + offset, BlockLength));

    private static void Copy(byte* from, byte* to, int offset) => NativeMemory.Copy(from + offset, to + offset, BlockLength);

    private static byte* Allocate(int length)
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)length, 4096);
        NativeMemory.Clear(memory, (nuint)length);
        return memory;
    }
}
