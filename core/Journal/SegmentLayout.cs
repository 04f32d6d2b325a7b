using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Core.Journal;

/// <summary>The first page of a segment file. Little endian. docs/journal.md is the normative text.</summary>
/// <remarks>
/// <code>
///  0 u64 magic "LLJOURNL"    8 u32 format version    12 u32 CRC of the page with this field zero
/// 16 u64 journal id         24 u64 segment id        32 u64 base (id * size)
/// 40 u32 segment size       44 u32 epoch of the run that prepared it
/// 48 u64 broker id          56 zeroes up to 4096
/// version 2, compressed: 56 u32 method, 1 = LZ4 in blocks of 64 KiB    60 u32 CRC of the index    64 zeroes up to 4096
/// </code>
/// The first record stands at 4096. Records below the epoch of this page are what an earlier use of the file left behind.
/// What follows the page of a compressed segment is in <see cref="CompressedSegmentFile"/>.
/// </remarks>
internal static unsafe class SegmentLayout
{
    internal const ulong MagicValue = 0x4C4E_5255_4F4A_4C4C; // "LLJOURNL"
    internal const uint PlainVersion = 1;
    internal const uint CompressedVersion = 2;
    internal const uint Lz4Method = 1;

    internal const int Magic = 0;
    internal const int Version = 8;
    internal const int Crc = 12;
    internal const int JournalId = 16;
    internal const int SegmentId = 24;
    internal const int Base = 32;
    internal const int Size = 40;
    internal const int Epoch = 44;
    internal const int BrokerId = 48;
    internal const int Method = 56;
    internal const int IndexCrc = 60;
    internal const int FieldsLength = 64;

    /// <summary>Length of the page, and offset of the first record.</summary>
    internal const int HeaderLength = 4096;

    internal const int MinSize = 1024 * 1024;
    internal const int MaxSize = 1024 * 1024 * 1024;

    internal static bool IsSize(long size) => size is >= MinSize and <= MaxSize && (size & (size - 1)) == 0;

    internal static void Write(byte* page, in SegmentHeader header)
    {
        NativeMemory.Clear(page, HeaderLength);
        *(ulong*)(page + Magic) = MagicValue;
        *(uint*)(page + Version) = header.IsCompressed ? CompressedVersion : PlainVersion;
        *(ulong*)(page + JournalId) = header.JournalId;
        *(long*)(page + SegmentId) = header.SegmentId;
        *(long*)(page + Base) = header.SegmentId * header.Size;
        *(int*)(page + Size) = header.Size;
        *(uint*)(page + Epoch) = header.Epoch;
        *(ulong*)(page + BrokerId) = header.BrokerId;
        *(uint*)(page + Method) = header.IsCompressed ? Lz4Method : 0;
        *(uint*)(page + IndexCrc) = header.IndexCrc;
        *(uint*)(page + Crc) = ComputeCrc(page);
    }

    /// <summary>Reads a page that may hold anything.</summary>
    internal static HeaderStatus TryRead(byte* page, out SegmentHeader header)
    {
        header = default;
        var bytes = new ReadOnlySpan<byte>(page, HeaderLength);
        if (!bytes.ContainsAnyExcept((byte)0))
            return HeaderStatus.Empty;
        if (*(ulong*)(page + Magic) != MagicValue)
            return HeaderStatus.Damaged;
        uint version = *(uint*)(page + Version);
        if (version is not (PlainVersion or CompressedVersion))
            return IsDamagedVersion(page) ? HeaderStatus.Damaged : HeaderStatus.OtherVersion;
        if (*(uint*)(page + Crc) != ComputeCrc(page))
            return HeaderStatus.Damaged;
        bool isCompressed = version == CompressedVersion;
        if (*(uint*)(page + Method) != (isCompressed ? Lz4Method : 0))
            return HeaderStatus.OtherVersion;
        header = new SegmentHeader
        {
            JournalId = *(ulong*)(page + JournalId),
            SegmentId = *(long*)(page + SegmentId),
            Size = *(int*)(page + Size),
            Epoch = *(uint*)(page + Epoch),
            BrokerId = *(ulong*)(page + BrokerId),
            IsCompressed = isCompressed,
            IndexCrc = *(uint*)(page + IndexCrc),
        };
        return IsSize(header.Size) && *(long*)(page + Base) == header.SegmentId * header.Size ? HeaderStatus.Valid : HeaderStatus.Damaged;
    }

    /// <summary>Whether the page is one of ours in which only the version changed: damage, not a newer format.</summary>
    private static bool IsDamagedVersion(byte* page)
    {
        byte* copy = stackalloc byte[HeaderLength];
        Unsafe.CopyBlockUnaligned(copy, page, HeaderLength);
        foreach (uint version in (ReadOnlySpan<uint>)[PlainVersion, CompressedVersion])
        {
            *(uint*)(copy + Version) = version;
            if (*(uint*)(copy + Crc) == ComputeCrc(copy))
                return true;
        }
        return false;
    }

    private static uint ComputeCrc(byte* page)
    {
        uint crc = Crc32C.Append(Crc32C.Start, *(ulong*)page);
        crc = Crc32C.Append(crc, (ulong)*(uint*)(page + Version)); // The CRC's own place counts as zero.
        crc = Crc32C.Append(crc, *(ulong*)(page + 16));
        crc = Crc32C.Append(crc, *(ulong*)(page + 24));
        return Crc32C.AppendAligned(crc, page + 32, HeaderLength - 32);
    }
}

/// <summary>Outcome of reading a segment's first page.</summary>
internal enum HeaderStatus
{
    Valid,

    /// <summary>All zero: never written.</summary>
    Empty,

    /// <summary>Not what a broker of this version wrote.</summary>
    Damaged,

    /// <summary>The page of a journal, in a format version that this code does not know.</summary>
    OtherVersion,
}

/// <summary>What a segment's first page says.</summary>
internal readonly struct SegmentHeader
{
    internal ulong JournalId { get; init; }

    internal long SegmentId { get; init; }

    /// <summary>Length of every segment of the journal in bytes.</summary>
    internal int Size { get; init; }

    internal uint Epoch { get; init; }

    /// <summary>The journal's name to the outside. The journal id is not told: who knows it could write bytes that look like records.</summary>
    internal ulong BrokerId { get; init; }

    /// <summary>The file holds the segment compressed.</summary>
    internal bool IsCompressed { get; init; }

    /// <summary>CRC of a compressed segment's index.</summary>
    internal uint IndexCrc { get; init; }
}
