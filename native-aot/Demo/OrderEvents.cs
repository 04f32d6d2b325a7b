using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace LowLatency.Server.Demo;

/// <summary>A stream of order events in which each event is a function of the seed and its number, so that a receiver can check every byte.</summary>
/// <remarks>
/// <code>
///  0 u64 number          16 i64 price, 1/10,000    28 u8 side ('B', 'S'), u8 kind ('N', 'R', 'X'), u16 length
///  8 u64 order id        24 u32 quantity           32 symbol, 8 bytes of ASCII      40 free text of the client, to the end
/// </code>
/// Any thread; no state beside the seed.
/// </remarks>
internal readonly struct OrderEvents
{
    internal const int MinLength = 48;
    internal const int MaxLength = 512;

    private const int TextOffset = 40;

    private readonly ulong _seed;

    internal OrderEvents(ulong seed) => _seed = seed;

    private static ReadOnlySpan<byte> Symbols => "EURUSD  GBPUSD  USDJPY  BTCUSD  ESZ5    NQZ5    CLF6    BUND    "u8;

    private static ReadOnlySpan<byte> Kinds => "NNNRRXXX"u8;

    /// <summary>Writes event <paramref name="number"/>.</summary>
    /// <param name="number">0 and up.</param>
    /// <param name="destination">At least <see cref="MaxLength"/> bytes.</param>
    /// <returns>Its length, <see cref="MinLength"/> to <see cref="MaxLength"/>.</returns>
    internal int Write(long number, Span<byte> destination)
    {
        ulong state = Mix(_seed ^ Mix((ulong)number));
        int length = MinLength + (int)(state % (MaxLength - MinLength + 1));
        state = Mix(state);
        BinaryPrimitives.WriteUInt64LittleEndian(destination, (ulong)number);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], state);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], 1_000_000 + (long)(state >> 44));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[24..], 1 + (uint)(state >> 20) % 1000);
        destination[28] = (state & 1) == 0 ? (byte)'B' : (byte)'S';
        destination[29] = Kinds[(int)(state >> 1) & 7];
        BinaryPrimitives.WriteUInt16LittleEndian(destination[30..], (ushort)length);
        Symbols.Slice((int)(state >> 4 & 7) * 8, 8).CopyTo(destination[32..]);
        FillText(destination[TextOffset..length], state);
        return length;
    }

    /// <summary>Number of an event, or -1 when the bytes are too short for one.</summary>
    internal static long NumberOf(ReadOnlySpan<byte> bytes)
        => bytes.Length >= MinLength ? (long)BinaryPrimitives.ReadUInt64LittleEndian(bytes) : -1;

    /// <summary>Folds one event into a digest that depends on every byte and on the order.</summary>
    internal static ulong Fold(ulong digest, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
            digest = BitOperations.RotateLeft(digest, 5) * 0x9E3779B97F4A7C15 ^ word;
        foreach (byte rest in bytes[(words.Length * sizeof(ulong))..])
            digest = BitOperations.RotateLeft(digest, 5) * 0x9E3779B97F4A7C15 ^ rest;
        return digest ^ (ulong)bytes.Length;
    }

    private static void FillText(Span<byte> text, ulong state)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(text);
        for (int i = 0; i < words.Length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            words[i] = (state ^ state >> 29) * 0xBF58476D1CE4E5B9;
        }
        for (int i = words.Length * sizeof(ulong); i < text.Length; i++)
            text[i] = (byte)(state >> i);
    }

    /// <summary>The finaliser of SplitMix64: every bit of the input reaches every bit of the output.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
        value = (value ^ value >> 27) * 0x94D049BB133111EB;
        return value ^ value >> 31;
    }
}
