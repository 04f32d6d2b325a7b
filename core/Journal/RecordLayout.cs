using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <summary>The frame of a record. Little endian. docs/journal.md is the normative text.</summary>
/// <remarks>
/// <code>
///  0 u32 length (32 + body)   4 u32 header CRC    8 u64 position
/// 16 u32 body CRC            20 u16 type         22 u16 flags (low 8) + version (high 8)
/// 24 u32 epoch               28 u32 stream id    32 body, zeroes up to the next multiple of 32
/// </code>
/// A record starts at a multiple of 32, so that its header never crosses a sector of 512 bytes. The body CRC covers the zeroes too.
/// </remarks>
internal static unsafe class RecordLayout
{
    internal const int Length = 0;
    internal const int HeaderCrc = 4;
    internal const int Position = 8;
    internal const int BodyCrc = 16;
    internal const int Type = 20;
    internal const int FlagsAndVersion = 22;
    internal const int Epoch = 24;
    internal const int StreamId = 28;
    internal const int HeaderLength = 32;

    internal const int Alignment = 32;

    /// <summary>Version of the frame, as it stands in the high half of flags and version.</summary>
    internal const ushort Version = 1 << 8;

    /// <summary>Bodies longer than this carry the CRC of the CRCs of their blocks of this length.</summary>
    internal const int CrcBlockLength = 64 * 1024;

    /// <summary>Bytes that a record with such a body takes in a segment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int AlignedLength(int bodyLength) => (HeaderLength + bodyLength + (Alignment - 1)) & ~(Alignment - 1);

    /// <summary>Body length from a header whose length is known to be good.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int BodyLength(byte* header) => *(int*)header - HeaderLength;

    /// <summary>Type of the record under <paramref name="header"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static RecordType TypeOf(byte* header) => (RecordType)(*(ushort*)(header + Type));

    /// <summary>Start value of header CRCs in a segment: a record of another journal or segment has another one.</summary>
    internal static uint Seed(ulong journalId, long segmentId) =>
        Crc32C.Append(Crc32C.Append(Crc32C.Start, journalId), (ulong)segmentId);

    /// <summary>CRC of the header under its length, everything else in it already stored. The length is given: it is stored later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ComputeHeaderCrc(byte* header, uint length, uint seed)
    {
        // The CRC's own place counts as zero.
        uint crc = Crc32C.Append(seed, (ulong)length);
        crc = Crc32C.Append(crc, *(ulong*)(header + Position));
        crc = Crc32C.Append(crc, *(ulong*)(header + BodyCrc));
        return Crc32C.Append(crc, *(ulong*)(header + Epoch));
    }

    /// <summary>CRC of a body of <paramref name="paddedLength"/> bytes, a multiple of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ComputeBodyCrc(byte* body, int paddedLength) =>
        paddedLength <= CrcBlockLength ? Crc32C.AppendAligned(Crc32C.Start, body, paddedLength) : ComputeBlockedCrc(body, paddedLength);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint ComputeBlockedCrc(byte* body, int paddedLength)
    {
        uint crc = Crc32C.Start;
        for (int offset = 0; offset < paddedLength; offset += CrcBlockLength)
        {
            int length = Math.Min(CrcBlockLength, paddedLength - offset);
            crc = Crc32C.Append(crc, (ulong)Crc32C.AppendAligned(Crc32C.Start, body + offset, length));
        }
        return crc;
    }
}
