using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;

namespace LowLatency.Transport.Wire;

/// <summary>Checks frames whole: everything that can be wrong with a frame by itself is found here and nowhere else.</summary>
/// <remarks>
/// <para>Frames come from <see cref="FrameReader"/>, which has checked their header: type, and length within the type's range.</para>
/// <para>What a value means (a handle that is open, a level that exists, an argument of a queue) is for the engine to check, but every reserved bit is
/// checked here. Faults that cost the connection are looked for before those that cost a request only.</para>
/// <para>Any thread; no allocation.</para>
/// </remarks>
internal static unsafe partial class FrameParser
{
    /// <summary>Checks a frame by the shape of its type: reserved fields, flags, strings, tables and texts. Then its fields and <see cref="FrameParts"/> can be read.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>. Not one of the hot ones, which have a method of their own.</param>
    /// <param name="error">What is wrong with it.</param>
    internal static bool TryCheck(scoped ReadOnlySpan<byte> frame, out FrameError error)
    {
        FrameShape shape = FrameShape.Of((FrameType)frame[4])!;
        return CheckReserved(frame, shape, out error)
            && CheckFlags(frame, shape, out error)
            && CheckSpecial(frame, shape, out error)
            && CheckParts(frame, shape, out error)
            && CheckEncoding(frame, shape, out error);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFrame Fixed<TFrame>(scoped ReadOnlySpan<byte> frame)
        where TFrame : unmanaged => MemoryMarshal.Read<TFrame>(frame);

    private static bool CheckReserved(scoped ReadOnlySpan<byte> frame, FrameShape shape, out FrameError error)
    {
        (int offset, int length) = shape.Reserved;
        return CheckReserved(frame.Slice(offset, length).IndexOfAnyExcept((byte)0) < 0, shape.Type, out error);
    }

    private static bool CheckReserved(bool isZero, FrameType type, out FrameError error)
    {
        error = isZero ? default : new FrameError(FrameFault.Reserved, type);
        return isZero;
    }

    private static bool CheckFlags(scoped ReadOnlySpan<byte> frame, FrameShape shape, out FrameError error)
    {
        (int offset, int length, uint known) = shape.Flags;
        uint flags = length switch
        {
            1 => frame[offset],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(frame[offset..]),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(frame[offset..]),
            _ => 0,
        };
        return CheckFlags(flags, known, shape.Type, out error);
    }

    private static bool CheckFlags(uint flags, uint known, FrameType type, out FrameError error)
    {
        bool isKnown = (flags & ~known) == 0;
        error = isKnown ? default : new FrameError(FrameFault.UnknownFlags, type, flags, known);
        return isKnown;
    }

    // The greetings have something to say beside.
    private static bool CheckSpecial(scoped ReadOnlySpan<byte> frame, FrameShape shape, out FrameError error)
    {
        error = default;
        if (shape.Type is not (FrameType.Hello or FrameType.Welcome))
            return true;
        if (Fixed<uint>(frame[FrameLayout.MagicOffset..]) != FrameLayout.Magic)
        {
            error = new FrameError(FrameFault.NotThisProtocol, shape.Type);
            return false;
        }

        return shape.Type != FrameType.Hello || CheckVersions(Fixed<HelloFrame>(frame), out error);
    }

    private static bool CheckVersions(in HelloFrame fields, out FrameError error)
    {
        bool isOrdered = fields.MinVersion >= 1 && fields.MinVersion <= fields.Version;
        error = isOrdered ? default : new FrameError(FrameFault.VersionOrder, FrameType.Hello, fields.Version, fields.MinVersion);
        return isOrdered;
    }

    // Lengths only: all of them are in order before any byte of a part is looked at.
    private static bool CheckParts(scoped ReadOnlySpan<byte> frame, FrameShape shape, out FrameError error)
    {
        ReadOnlySpan<byte> rest = frame[shape.FixedLength..];
        for (int i = 0; i < shape.Parts.Length; i++)
        {
            int length = LengthOf(shape.Parts[i], rest);
            if (length < 0)
            {
                FrameFault fault = shape.Parts[i] switch
                {
                    FramePart.String => FrameFault.StringOverrun,
                    FramePart.Table => FrameFault.TableOverrun,
                    _ => FrameFault.TextOverrun,
                };
                error = new FrameError(fault, shape.Type, (uint)i + 1);
                return false;
            }

            rest = rest[length..];
        }

        error = rest.IsEmpty ? default : new FrameError(FrameFault.TrailingBytes, shape.Type, (uint)rest.Length);
        return rest.IsEmpty;
    }

    /// <returns>Bytes of a part with its own length; -1 where it runs past the end.</returns>
    private static int LengthOf(FramePart part, scoped ReadOnlySpan<byte> rest)
    {
        int prefix = part == FramePart.String ? 1 : sizeof(ushort);
        if (rest.Length < prefix)
            return -1;
        int length = prefix + (part == FramePart.String ? rest[0] : Fixed<ushort>(rest));
        return length <= rest.Length ? length : -1;
    }

    // A name in a request costs the request only.
    private static bool CheckEncoding(scoped ReadOnlySpan<byte> frame, FrameShape shape, out FrameError error)
    {
        error = default;
        FrameParts parts = new(frame[shape.FixedLength..]);
        for (int i = 0; i < shape.Parts.Length; i++)
        {
            ReadOnlySpan<byte> part = shape.Parts[i] == FramePart.String ? parts.String() : parts.Long();
            if (shape.Parts[i] == FramePart.Table || Utf8.IsValid(part))
                continue;
            error = shape.Parts[i] == FramePart.Text ? new FrameError(FrameFault.TextNotUtf8, shape.Type)
                : shape.Command == 0 ? new FrameError(FrameFault.StringNotUtf8, shape.Type, (uint)i + 1)
                : new FrameError(FrameFault.NameNotUtf8, shape.Type, (uint)i + 1, request: Fixed<uint>(frame[FrameLayout.HeaderLength..]));
            return false;
        }

        return true;
    }
}
