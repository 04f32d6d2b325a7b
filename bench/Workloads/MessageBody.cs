using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace LowLatency.Bench.Workloads;

/// <summary>What a measured message carries, so that its receiver can time and verify it.</summary>
/// <remarks>
/// <code>
///  0 u64 sequence: 1, 2, 3, …      8 i64 intended send time, monotonic ns
/// 16 zeros                         last 8: u64 sequence mixed, so that a body cut or shifted is noticed
/// </code>
/// </remarks>
internal static class MessageBody
{
    internal const int MinLength = 24;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(Span<byte> body, long sequence, long intendedNs)
    {
        BinaryPrimitives.WriteInt64LittleEndian(body, sequence);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], intendedNs);
        BinaryPrimitives.WriteInt64LittleEndian(body[^8..], Mix(sequence));
    }

    /// <returns>False when the body is not as it was written.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryRead(ReadOnlySpan<byte> body, int length, out long sequence, out long intendedNs)
    {
        if (body.Length != length)
        {
            sequence = 0;
            intendedNs = 0;
            return false;
        }
        sequence = BinaryPrimitives.ReadInt64LittleEndian(body);
        intendedNs = BinaryPrimitives.ReadInt64LittleEndian(body[8..]);
        return BinaryPrimitives.ReadInt64LittleEndian(body[^8..]) == Mix(sequence);
    }

    private static long Mix(long sequence) => sequence * unchecked((long)0x9E3779B97F4A7C15) ^ (sequence >> 7);
}
