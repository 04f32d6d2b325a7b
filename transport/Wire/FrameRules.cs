using System.Runtime.CompilerServices;

namespace LowLatency.Transport.Wire;

/// <summary>What the 8 bytes of a header can be wrong in: which types a side accepts, and how long each can be.</summary>
internal static class FrameRules
{
    private static readonly Range[] Server = Build(FrameReceiver.Server);
    private static readonly Range[] Client = Build(FrameReceiver.Client);

    /// <summary>True when a header is in order: one table look-up and two comparisons.</summary>
    /// <param name="header">The 8 bytes as a little-endian number.</param>
    /// <param name="receiver">The side that reads.</param>
    /// <param name="maxFrameLength">Longest frame accepted, in bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Accepts(ulong header, FrameReceiver receiver, uint maxFrameLength)
    {
        byte type = (byte)(header >> 32);
        uint length = (uint)header;
        ref readonly Range range = ref (receiver == FrameReceiver.Server ? Server : Client)[type];
        return length - range.Minimum <= range.Span & length <= maxFrameLength
            && (header >> 40 == 0 || type is (byte)FrameType.Deliver or (byte)FrameType.DeliverConflated);
    }

    /// <summary>Says why <see cref="Accepts"/> did not.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static FrameError Explain(ulong header, FrameReceiver receiver, uint maxFrameLength)
    {
        uint length = (uint)header;
        FrameType type = (FrameType)(byte)(header >> 32);
        FrameShape? shape = FrameShape.Of(type);
        if (length < FrameLayout.HeaderLength)
            return new FrameError(FrameFault.LengthBelowHeader, type, length, FrameLayout.HeaderLength);
        if (length > maxFrameLength)
            return new FrameError(FrameFault.LengthOverLimit, type, length, maxFrameLength);
        if (shape == null)
            return new FrameError(FrameFault.UnknownType, type);
        if (!IsFor(shape, receiver))
            return new FrameError(FrameFault.WrongDirection, type);
        if (length < shape.FixedLength)
            return new FrameError(FrameFault.LengthBelowMinimum, type, length, (uint)shape.FixedLength);
        if (length > shape.MaxLength)
            return new FrameError(FrameFault.LengthOverMaximum, type, length, shape.MaxLength);
        return new FrameError(FrameFault.HeaderReserved, type);
    }

    /// <summary>True for a type that exists, in whichever direction.</summary>
    internal static bool Exists(FrameType type) => FrameShape.Of(type) != null;

    /// <summary>True for a header that one of the two sides would accept: bytes that are this protocol, if at the wrong time.</summary>
    internal static bool IsPlausible(ulong header) =>
        Accepts(header, FrameReceiver.Server, int.MaxValue) || Accepts(header, FrameReceiver.Client, int.MaxValue);

    /// <summary>Name of a type for people.</summary>
    internal static string NameOf(FrameType type) =>
        Exists(type) ? type.ToString() : $"A frame of type {(byte)type}";

    private static bool IsFor(FrameShape shape, FrameReceiver receiver) => receiver == FrameReceiver.Server ? shape.ToServer : shape.ToClient;

    private static Range[] Build(FrameReceiver receiver)
    {
        Range[] ranges = new Range[256];
        for (int type = 0; type < ranges.Length; type++)
        {
            // What is not accepted gets a range that holds no length below uint.MaxValue, and none may be that long.
            ranges[type] = FrameShape.Of((FrameType)type) is { } shape && IsFor(shape, receiver)
                ? new Range((uint)shape.FixedLength, shape.MaxLength - (uint)shape.FixedLength)
                : new Range(uint.MaxValue, 0);
        }

        return ranges;
    }

    private readonly record struct Range(uint Minimum, uint Span);
}
