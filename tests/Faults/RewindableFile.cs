using System.Runtime.InteropServices;
using LowLatency.Core.Journal;

namespace LowLatency.Tests.Faults;

/// <summary>A file of a <see cref="RewindableStorage"/>: the bytes that a recovery works on, and how they were.</summary>
internal sealed unsafe class RewindableFile : IDisposable
{
    private const int PageLength = 4096;

    private bool _isDisposed;

    internal RewindableFile(int length)
    {
        Length = length;
        Bytes = Allocate(length);
        Image = Allocate(length);
    }

    internal int Length { get; }

    internal byte* Bytes { get; }

    /// <summary>What <see cref="Rewind"/> goes back to. Change it, then rewind.</summary>
    internal byte* Image { get; }

    /// <summary>Its bytes may differ from the image.</summary>
    internal bool IsTouched { get; set; }

    internal void Store(int offset, ReadOnlySpan<byte> bytes)
    {
        IsTouched = true;
        bytes.CopyTo(new Span<byte>(Bytes + offset, bytes.Length));
    }

    internal void Rewind(int length)
    {
        if (!IsTouched)
            return;
        IsTouched = false;
        for (int page = 0; page < length; page += PageLength)
        {
            if (!new ReadOnlySpan<byte>(Bytes + page, PageLength).SequenceEqual(new ReadOnlySpan<byte>(Image + page, PageLength)))
                Buffer.MemoryCopy(Image + page, Bytes + page, PageLength, PageLength);
        }
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        NativeMemory.AlignedFree(Bytes);
        NativeMemory.AlignedFree(Image);
    }

    private static byte* Allocate(int length)
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)length, PageLength);
        NativeMemory.Clear(memory, (nuint)length);
        return memory;
    }
}

/// <summary>A <see cref="RewindableFile"/> as a journal has it open.</summary>
internal sealed unsafe class RewindableSegmentFile(string name, RewindableFile file, bool isMapped) : SegmentFile(name)
{
    private bool _isMapped = isMapped;

    internal override byte* Memory => _isMapped ? file.Bytes : null;

    internal override long FileLength => file.Length;

    internal override void Map(int length) => _isMapped = file.IsTouched = true;

    internal override int Sync() => 0;

    internal override int Sync(int offset, int length) => 0;

    internal override int WriteThrough(int offset, byte* data, int length)
    {
        file.Store(offset, new ReadOnlySpan<byte>(data, length));
        return 0;
    }

    internal override int Populate(int offset, int length, bool writeOut) => 0;

    internal override int Read(long offset, byte* buffer, int length)
    {
        int count = (int)Math.Max(0, Math.Min(length, file.Length - offset));
        Buffer.MemoryCopy(file.Bytes + offset, buffer, length, count);
        return count;
    }

    internal override void DropCache(long offset, long length)
    {
    }

    protected override void Dispose(bool disposing) => _isMapped = false;
}
