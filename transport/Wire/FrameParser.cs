using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace LowLatency.Transport.Wire;

/// <summary>Checks frames whole: everything that can be wrong with a frame by itself is found here and nowhere else.</summary>
/// <remarks>
/// <para>Frames come from <see cref="FrameReader"/>, which has checked their header: type, and length within the type's range.</para>
/// <para>What a value means (a handle that is open, a level that exists) is for the engine to check, but every reserved bit is
/// checked here. Faults that cost the connection are looked for before those that cost a request only.</para>
/// <para>Any thread; no allocation.</para>
/// </remarks>
internal static unsafe partial class FrameParser
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFrame Fixed<TFrame>(scoped ReadOnlySpan<byte> frame)
        where TFrame : unmanaged => MemoryMarshal.Read<TFrame>(frame);

    private static FrameType TypeOf(scoped ReadOnlySpan<byte> frame) => (FrameType)frame[4];

    private static bool CheckReserved(bool isZero, FrameType type, out FrameError error)
    {
        error = isZero ? default : new FrameError(FrameFault.Reserved, type);
        return isZero;
    }

    private static bool CheckFlags(byte flags, byte known, FrameType type, out FrameError error)
    {
        bool isKnown = (flags & ~known) == 0;
        error = isKnown ? default : new FrameError(FrameFault.UnknownFlags, type, flags, known);
        return isKnown;
    }

    // Takes string number `index` (from 1, for the sentence) from the front of what is left of a frame.
    private static bool TryTakeString(
        scoped ref ReadOnlySpan<byte> rest, uint index, FrameType type, out ReadOnlySpan<byte> value, out FrameError error)
    {
        if (rest.IsEmpty || rest.Length < 1 + rest[0])
        {
            value = default;
            error = new FrameError(FrameFault.StringOverrun, type, index);
            return false;
        }

        value = rest.Slice(1, rest[0]);
        rest = rest[(1 + value.Length)..];
        error = default;
        return true;
    }

    private static bool CheckEnd(scoped ReadOnlySpan<byte> rest, FrameType type, out FrameError error)
    {
        error = rest.IsEmpty ? default : new FrameError(FrameFault.TrailingBytes, type, (uint)rest.Length);
        return rest.IsEmpty;
    }

    private static bool TryTakeText(
        ReadOnlySpan<byte> rest, FrameType type, out ReadOnlySpan<byte> value, out FrameError error)
    {
        value = default;
        if (rest.Length < sizeof(ushort) || rest.Length - sizeof(ushort) < MemoryMarshal.Read<ushort>(rest))
        {
            error = new FrameError(FrameFault.TextOverrun, type);
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(rest);
        if (!CheckEnd(rest[(sizeof(ushort) + length)..], type, out error))
            return false;

        value = rest.Slice(sizeof(ushort), length);
        if (Utf8.IsValid(value))
            return true;

        error = new FrameError(FrameFault.TextNotUtf8, type);
        return false;
    }

    // A name in a request: its content costs the request only.
    private static bool CheckName(
        scoped ReadOnlySpan<byte> name, bool mayBeEmpty, uint index, FrameType type, uint request, out FrameError error)
    {
        if (name.IsEmpty && !mayBeEmpty)
        {
            error = new FrameError(FrameFault.NameEmpty, type, index, request: request);
            return false;
        }

        if (!Utf8.IsValid(name))
        {
            error = new FrameError(FrameFault.NameNotUtf8, type, index, request: request);
            return false;
        }

        error = default;
        return true;
    }

    // A string in a frame that no request answers: its content costs the connection.
    private static bool CheckString(scoped ReadOnlySpan<byte> value, uint index, FrameType type, out FrameError error)
    {
        bool isValid = Utf8.IsValid(value);
        error = isValid ? default : new FrameError(FrameFault.StringNotUtf8, type, index);
        return isValid;
    }

    private static bool TryParseText<TFrame>(
        ReadOnlySpan<byte> frame, bool reservedIsZero, out TextView<TFrame> view, out FrameError error)
        where TFrame : unmanaged
    {
        view = default;
        FrameType type = TypeOf(frame);
        if (!CheckReserved(reservedIsZero, type, out error)
            || !TryTakeText(frame[sizeof(TFrame)..], type, out ReadOnlySpan<byte> text, out error))
            return false;

        view = new TextView<TFrame> { Fields = Fixed<TFrame>(frame), Text = text };
        return true;
    }

    private static bool TryParseName<TFrame>(
        ReadOnlySpan<byte> frame, uint request, bool reservedIsZero, byte flags, byte knownFlags,
        out NameView<TFrame> view, out FrameError error)
        where TFrame : unmanaged
    {
        view = default;
        FrameType type = TypeOf(frame);
        ReadOnlySpan<byte> strings = frame[sizeof(TFrame)..];
        ReadOnlySpan<byte> rest = strings;
        if (!CheckReserved(reservedIsZero, type, out error)
            || !CheckFlags(flags, knownFlags, type, out error)
            || !TryTakeString(ref rest, 1, type, out ReadOnlySpan<byte> name, out error)
            || !CheckEnd(rest, type, out error)
            || !CheckName(name, mayBeEmpty: false, 1, type, request, out error))
            return false;

        view = new NameView<TFrame> { Fields = Fixed<TFrame>(frame), Strings = strings };
        return true;
    }
}
