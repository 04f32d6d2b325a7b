using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Rings;

/// <summary>The record of both byte rings, and the header word's states. Little endian.</summary>
/// <remarks>
/// <code>
///  0        4        8                      8 + length   next multiple of 8
///  ┌────────┬────────┬──────────────────────┬────────────┐
///  │ length │ type   │ body                 │ undefined  │
///  └────────┴────────┴──────────────────────┴────────────┘
///  length >= 0, type > 0    committed record
///  length >= 0, type = -1   padding: skip it
///  length &lt; 0               claimed: ~length is the body's length, the type field holds the ring's lap (many producers only)
///  all zero                 nothing here yet (many producers only)
/// </code>
/// A record never wraps: when it does not fit before the end of the buffer, padding fills the rest and the record starts at
/// offset 0. The layout holds no pointer, so that two processes may share it.
/// </remarks>
internal static class RecordLayout
{
    internal const int HeaderLength = 8;
    internal const int Alignment = 8;
    internal const int PaddingType = -1;

    /// <summary>Smallest ring in which the longest record fits whatever the offset, its padding included.</summary>
    internal const int CapacityMin = 64;

    /// <summary>Largest power of two of an <c>int</c>.</summary>
    internal const int CapacityMax = 1 << 30;

    /// <summary>Bytes that a record with a body of <paramref name="length"/> bytes takes in the ring.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int RecordLength(int length) => (length + (HeaderLength + Alignment - 1)) & -Alignment;

    /// <summary>Longest body of a ring: a quarter of it, so that one record never needs an empty ring.</summary>
    internal static int MaxLength(int capacity) => capacity / 4;

    /// <summary>Header word of a committed record, or of padding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Header(int length, int type) => ((long)type << 32) | (uint)length;

    /// <summary>Header word of an open claim. The lap makes it differ from every other claim at this offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long ClaimedHeader(int length, int lap) => Header(~length, lap);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Length(long header) => (int)header;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Type(long header) => (int)(header >> 32);

    internal static bool IsClaimed(long header) => (int)header < 0;

    internal static bool IsCommitted(long header) => header != 0 && (int)header >= 0;

    internal static void CheckCapacity(int capacity)
    {
        if (capacity < CapacityMin || capacity > CapacityMax || !System.Numerics.BitOperations.IsPow2(capacity))
        {
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity,
                $"A ring's capacity is a power of two from {CapacityMin} to {CapacityMax} bytes.");
        }
    }

    [DoesNotReturn]
    internal static void ThrowClaim(int type, int length, int maxLength)
    {
        if (type <= 0)
            throw new ArgumentOutOfRangeException(nameof(type), type, "A record type is greater than 0.");
        throw new ArgumentOutOfRangeException(nameof(length), length, $"A record of this ring has 0 to {maxLength} bytes.");
    }
}
