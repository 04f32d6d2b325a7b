using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Routing;

/// <summary>A quick hash of bytes, 64 bits: multiply and fold.</summary>
internal static class RouteHash
{
    private const ulong P0 = 0xA0761D6478BD642F;
    private const ulong P1 = 0xE7037ED1A0B428DB;
    private const ulong P2 = 0x8EBC6AF09C88C6E3;

    /// <summary>Differs from process to process, so that a client cannot choose words that collide. Only for tables whose order nothing depends on.</summary>
    internal static readonly ulong ProcessSeed = ((ulong)(uint)HashCode.Combine(1) << 32) | (uint)HashCode.Combine(2);

    /// <summary>The same for the same bytes and seed, in every process.</summary>
    internal static ulong Of(ReadOnlySpan<byte> bytes, ulong seed)
    {
        ulong hash = seed ^ ((ulong)bytes.Length * P0);
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Fold(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes), P1);
            bytes = bytes[sizeof(ulong)..];
        }
        if (bytes.Length >= sizeof(uint))
            hash = Fold(hash ^ (((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(bytes[^sizeof(uint)..])), P2);
        else if (bytes.Length > 0)
            hash = Fold(hash ^ (((ulong)bytes[0] << 16) | ((ulong)bytes[bytes.Length / 2] << 8) | bytes[^1]), P2);
        return Mix(hash);
    }

    /// <summary>Spreads a number over all bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Mix(ulong value) => Fold(value ^ P2, P0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong x, ulong y)
    {
        ulong high = Math.BigMul(x, y, out ulong low);
        return high ^ low;
    }
}
