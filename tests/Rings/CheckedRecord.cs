using System.Buffers.Binary;
using System.Numerics;

namespace LowLatency.Tests.Rings;

/// <summary>A payload that tells whether it is whole: source, sequence, filling derived from both, checksum.</summary>
internal static class CheckedRecord
{
    internal const int LengthMin = 16;

    /// <summary>A length from <see cref="LengthMin"/> up, different from record to record and the same in each run.</summary>
    internal static int LengthOf(int sequence, int maxLength) =>
        LengthMin + (int)((uint)sequence * 2654435761u >> 16) % (maxLength - LengthMin + 1);

    internal static void Write(Span<byte> body, int source, int sequence)
    {
        BinaryPrimitives.WriteInt32LittleEndian(body, source);
        BinaryPrimitives.WriteInt32LittleEndian(body[4..], sequence);
        body[12..].Fill((byte)(sequence ^ source));
        BinaryPrimitives.WriteUInt32LittleEndian(body[8..], Checksum(body));
    }

    /// <exception cref="InvalidOperationException">The bytes are not what was written.</exception>
    internal static (int Source, int Sequence) Read(ReadOnlySpan<byte> body)
    {
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(body[8..]);
        if (checksum != Checksum(body))
            throw new InvalidOperationException("Torn record.");
        return (BinaryPrimitives.ReadInt32LittleEndian(body), BinaryPrimitives.ReadInt32LittleEndian(body[4..]));
    }

    private static uint Checksum(ReadOnlySpan<byte> body)
    {
        uint crc = BitOperations.Crc32C(~0u, (uint)body.Length);
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(body));
        foreach (byte value in body[12..])
            crc = BitOperations.Crc32C(crc, value);
        return crc;
    }
}
