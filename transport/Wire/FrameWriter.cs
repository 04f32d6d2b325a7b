using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace LowLatency.Transport.Wire;

/// <summary>Writes frames into memory that the caller has made room in. Used by both sides.</summary>
/// <remarks>
/// <para>Each method writes one frame with its padding at the start of <c>destination</c> and returns the bytes written, a
/// multiple of 8. A destination that is too short, or a string over 255 bytes, is the caller's bug: it throws and the content of
/// the destination is undefined. <see cref="MaxControlLength"/> is enough for every frame without payload and table.</para>
/// <para>Strings are given as UTF-8 without their length; a parameter named <c>encoded</c> is a variable part as it is on the wire,
/// lengths included. Any thread; no allocation.</para>
/// </remarks>
internal static unsafe partial class FrameWriter
{
    /// <summary>Bytes that no frame is longer than, padding included, but those with a payload or a table, when this code writes its text.</summary>
    /// <remarks>That is Rejected: 24 + a string + a text cut to <see cref="FrameLayout.SentTextLength"/>. Not for <c>encoded</c> texts.</remarks>
    internal const int MaxControlLength = (24 + 1 + FrameLayout.MaxStringLength + 2 + FrameLayout.SentTextLength + 7) & ~7;

    /// <summary>Bytes, padding included, of a frame with a fixed part of type <typeparamref name="TFrame"/> and that much after it.</summary>
    internal static int LengthOf<TFrame>(int variableLength)
        where TFrame : unmanaged => FrameLayout.PaddedLength(sizeof(TFrame) + variableLength);

    /// <summary>Bytes of a Publish or Deliver whose payload is gathered behind its fixed part: the zeros to send after it, 0 to 7.</summary>
    internal static int PaddingAfter(int frameLength) => FrameLayout.PaddedLength(frameLength) - frameLength;

    // Writes the fixed part with its header, and zeros in the last word so that the padding is zero whatever follows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Begin<TFrame>(
        scoped Span<byte> destination, FrameType type, scoped in TFrame fields, int variableLength, byte flags = 0, ushort extra = 0)
        where TFrame : unmanaged
    {
        int length = sizeof(TFrame) + variableLength;
        int padded = FrameLayout.PaddedLength(length);
        // The one bounds check of the frame: all writes below lie in [0, padded).
        if ((uint)destination.Length < (uint)padded)
            ThrowTooShort(destination.Length, padded);
        ref byte start = ref MemoryMarshal.GetReference(destination);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, padded - FrameLayout.Alignment), 0UL);
        Unsafe.WriteUnaligned(ref start, fields);
        Unsafe.WriteUnaligned(ref start, (uint)length | (ulong)type << 32 | (ulong)flags << 40 | (ulong)extra << 48);
        return padded;
    }

    /// <summary>Writes a frame whose fixed part is given as a struct that begins with 8 bytes for the header: a frame's, a command's or an event's.</summary>
    /// <param name="destination">The struct's bytes, those of <paramref name="encoded"/>, and padding.</param>
    /// <param name="type">Of the frame.</param>
    /// <param name="fields">What its first 8 bytes hold does not matter.</param>
    /// <param name="encoded">Strings, tables, texts, as they are on the wire.</param>
    internal static int Write<TFrame>(
        scoped Span<byte> destination, FrameType type, scoped in TFrame fields, scoped ReadOnlySpan<byte> encoded = default)
        where TFrame : unmanaged
    {
        int padded = Begin(destination, type, fields, encoded.Length);
        encoded.CopyTo(destination[sizeof(TFrame)..]);
        return padded;
    }

    /// <summary>Writes a frame of which everything behind the header is there already.</summary>
    /// <param name="destination">8 bytes, those of <paramref name="behindHeader"/>, and padding.</param>
    /// <param name="type">Of the frame.</param>
    /// <param name="behindHeader">A request or an answer, as it is in the engine's command or event behind its first 8 bytes.</param>
    internal static int WriteBehindHeader(scoped Span<byte> destination, FrameType type, scoped ReadOnlySpan<byte> behindHeader)
        => Write(destination, type, default(FrameHeader), behindHeader);

    private static int WriteName<TFrame>(
        scoped Span<byte> destination, FrameType type, scoped in TFrame fields, scoped ReadOnlySpan<byte> name)
        where TFrame : unmanaged
    {
        int padded = Begin(destination, type, fields, 1 + name.Length);
        PutString(destination[sizeof(TFrame)..], name);
        return padded;
    }

    private static int WriteText<TFrame>(scoped Span<byte> destination, FrameType type, scoped in TFrame fields, scoped ReadOnlySpan<char> text)
        where TFrame : unmanaged
    {
        // Too long a text: what fits into the limit, whole characters only.
        Span<byte> encoded = stackalloc byte[sizeof(ushort) + FrameLayout.SentTextLength];
        Utf8.FromUtf16(text, encoded[sizeof(ushort)..], out _, out int length, replaceInvalidSequences: true);
        MemoryMarshal.Write(encoded, (ushort)length);
        return Write(destination, type, fields, encoded[..(sizeof(ushort) + length)]);
    }

    private static int PutString(scoped Span<byte> destination, scoped ReadOnlySpan<byte> value)
    {
        if (value.Length > FrameLayout.MaxStringLength)
            ThrowStringTooLong(value.Length);
        destination[0] = (byte)value.Length;
        value.CopyTo(destination[1..]);
        return 1 + value.Length;
    }

    [DoesNotReturn]
    private static void ThrowTooShort(int length, int needed) =>
        throw new ArgumentException($"A frame of {needed} bytes does not fit into {length} bytes.");

    [DoesNotReturn]
    private static void ThrowStringTooLong(int length) =>
        throw new ArgumentException($"A string of {length} bytes: at most {FrameLayout.MaxStringLength} are possible in a frame.");
}
