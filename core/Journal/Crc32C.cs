using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <summary>CRC32C (Castagnoli) by the processor's instruction, eight bytes at a time.</summary>
/// <remarks>Values are the raw register: no final inversion, since a stored value is only ever compared with one computed the same way.</remarks>
internal static unsafe class Crc32C
{
    /// <summary>Start value where there is no other seed.</summary>
    internal const uint Start = 0xFFFF_FFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Append(uint crc, ulong value) => BitOperations.Crc32C(crc, value);

    /// <summary>CRC over a length that is a multiple of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint AppendAligned(uint crc, byte* data, int length)
    {
        byte* end = data + length;
        while (data < end)
        {
            crc = BitOperations.Crc32C(crc, *(ulong*)data);
            crc = BitOperations.Crc32C(crc, *(ulong*)(data + 8));
            crc = BitOperations.Crc32C(crc, *(ulong*)(data + 16));
            crc = BitOperations.Crc32C(crc, *(ulong*)(data + 24));
            data += 32;
        }
        return crc;
    }
}
