using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Compression;

namespace LowLatency.Core.Journal;

/// <summary>A file that holds a segment compressed, and shows it as it was. Nobody writes it.</summary>
/// <remarks>
/// <code>
///    0 header page of version 2, see <see cref="SegmentLayout"/>
/// 4096 index: for each 64 KiB of the segment   u32 length of its block    u32 CRC of the block
///      blocks, each from a multiple of 32 on, with zeroes up to the next one; a block of 64 KiB is stored as it is
/// </code>
/// All CRCs begin with the segment's seed. What a bad block holds reads as zeroes: no record stands there. docs/journal.md is the normative text.
/// Here: reading from the file. What a running broker keeps of it in memory is in CompressedSegmentFile.Memory.cs.
/// </remarks>
internal sealed unsafe partial class CompressedSegmentFile : SegmentFile
{
    internal const int BlockLength = 64 * 1024;
    internal const int EntryLength = 8;

    private readonly SegmentFile _file;
    private readonly Lz4 _lz4;
    private readonly int _size;
    private readonly uint _seed;
    private readonly Block[] _blocks;

    private CompressedSegmentFile(SegmentFile file, in SegmentHeader header, Lz4 lz4, Block[] blocks)
        : base(file.Name)
    {
        _file = file;
        _lz4 = lz4;
        _size = header.Size;
        _seed = RecordLayout.Seed(header.JournalId, header.SegmentId);
        _blocks = blocks;
        _present = new bool[blocks.Length];
        SegmentId = header.SegmentId;
    }

    internal long SegmentId { get; }

    internal override long FileLength => _file.FileLength;

    /// <summary>Where the blocks begin.</summary>
    internal static int BlocksStart(int segmentSize) => SegmentLayout.HeaderLength + segmentSize / BlockLength * EntryLength;

    internal static int Align(int length) => (length + (RecordLayout.Alignment - 1)) & ~(RecordLayout.Alignment - 1);

    /// <summary>Opens what a header of version 2 was read from.</summary>
    /// <param name="file">Becomes the result's.</param>
    /// <param name="header">As it stands in the file.</param>
    /// <returns><c>null</c>: the index is not as it was written, and the file stays the caller's.</returns>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal static CompressedSegmentFile? TryOpen(SegmentFile file, in SegmentHeader header, Lz4 lz4)
    {
        int count = header.Size / BlockLength;
        int length = count * EntryLength;
        byte* index = (byte*)NativeMemory.Alloc((nuint)length);
        try
        {
            int read = file.Read(SegmentLayout.HeaderLength, index, length);
            if (read < 0)
                throw NativeFile.Failure(-read, "Reading", file.Name);
            uint seed = RecordLayout.Seed(header.JournalId, header.SegmentId);
            if (read < length || Crc32C.AppendAligned(seed, index, length) != header.IndexCrc)
                return null;
            var blocks = new Block[count];
            long offset = SegmentLayout.HeaderLength + length;
            for (int i = 0; i < count; i++)
            {
                uint blockLength = *(uint*)(index + i * EntryLength);
                if (blockLength is 0 or > BlockLength || offset > header.Size)
                    return null;
                blocks[i] = new Block((int)offset, (int)blockLength, *(uint*)(index + i * EntryLength + 4));
                offset += Align((int)blockLength);
            }
            return new CompressedSegmentFile(file, header, lz4, blocks);
        }
        finally
        {
            NativeMemory.Free(index);
        }
    }

    internal override void Map(int length)
    {
        // Its memory is taken when somebody needs it.
    }

    internal override int Sync() => _file.Sync();

    internal override int Sync(int offset, int length) => _file.Sync();

    internal override int WriteThrough(int offset, byte* data, int length) => throw Written();

    internal override int Populate(int offset, int length, bool writeOut) => throw Written();

    internal override int Read(long offset, byte* buffer, int length)
    {
        int count = (int)Math.Clamp(_size - offset, 0, length);
        for (int done = 0; done < count;)
        {
            int block = (int)((offset + done) / BlockLength);
            int start = (int)((offset + done) % BlockLength);
            int part = Math.Min(BlockLength - start, count - done);
            int error = part == BlockLength ? ReadBlock(block, buffer + done) : ReadPart(block, start, buffer + done, part);
            if (error == Errno.BadMessage)
                NativeMemory.Clear(buffer + done, (nuint)part);
            else if (error != 0)
                return -error;
            done += part;
        }
        return count;
    }

    internal override void ReadAhead(long offset, long length)
    {
        (long from, long to) = Extent(offset, length);
        _file.ReadAhead(from, to - from);
    }

    internal override void DropCache(long offset, long length)
    {
        (long from, long to) = Extent(offset, length);
        if (to < _file.FileLength)
            to -= SegmentLayout.HeaderLength; // The range after it may have a part of that page.
        if (to > from)
            _file.DropCache(from, to - from);
    }

    protected override void Dispose(bool disposing)
    {
        FreeMemory();
        _file.Dispose();
    }

    [SkipLocalsInit]
    private int ReadPart(int block, int start, byte* target, int length)
    {
        byte* whole = stackalloc byte[BlockLength];
        int error = ReadBlock(block, whole);
        if (error == 0)
            Unsafe.CopyBlockUnaligned(target, whole + start, (uint)length);
        return error;
    }

    /// <summary>Decompresses a block.</summary>
    /// <param name="target">Room for 64 KiB.</param>
    /// <returns>0, or the error number; <see cref="Errno.BadMessage"/>: it is not as it was written.</returns>
    [SkipLocalsInit]
    private int ReadBlock(int block, byte* target)
    {
        byte* bytes = stackalloc byte[BlockLength];
        Block place = _blocks[block];
        int aligned = Align(place.Length);
        int read = _file.Read(place.Offset, bytes, aligned);
        if (read < 0)
            return -read;
        if (read < aligned || Crc32C.AppendAligned(_seed, bytes, aligned) != place.Crc)
            return Errno.BadMessage;
        if (place.Length == BlockLength)
            Unsafe.CopyBlockUnaligned(target, bytes, BlockLength);
        else if (_lz4.Decompress(bytes, place.Length, target, BlockLength) != BlockLength)
            return Errno.BadMessage;
        return 0;
    }

    /// <summary>Where the blocks of a range of the segment are in the file, whole pages.</summary>
    private (long From, long To) Extent(long offset, long length)
    {
        const int page = SegmentLayout.HeaderLength;
        long end = length == 0 ? _size : Math.Min(offset + length, _size);
        Block last = _blocks[(end - 1) / BlockLength];
        long from = offset == 0 ? 0 : _blocks[offset / BlockLength].Offset & -page;
        return (from, (last.Offset + Align(last.Length) + page - 1) & -page);
    }

    private InvalidOperationException Written() => new($"{Name} is compressed: nobody writes it.");

    private readonly record struct Block(int Offset, int Length, uint Crc);
}
