using System.Runtime.CompilerServices;

namespace LowLatency.Transport.Wire;

/// <summary>Numbers of the native protocol, version 1. See docs/protocol.md.</summary>
internal static class FrameLayout
{
    /// <summary>The bytes "LLP1", read as a little-endian number.</summary>
    internal const uint Magic = 0x31504C4C;

    /// <summary>The version that this code speaks.</summary>
    internal const ushort Version = 1;

    /// <summary>Frames start at multiples of this many bytes.</summary>
    internal const int Alignment = 8;

    internal const int HeaderLength = 8;

    /// <summary>Offset of the magic in <see cref="FrameType.Hello"/> and <see cref="FrameType.Welcome"/>.</summary>
    internal const int MagicOffset = 8;

    internal const int MagicLength = 4;

    /// <summary>Offset of routing key, headers and body in <see cref="FrameType.Publish"/>.</summary>
    internal const int PublishPayload = 32;

    /// <summary>Offset in <see cref="FrameType.Deliver"/> of the block that is copied from the message's record as it is.</summary>
    internal const int DeliverBlock = 32;

    /// <summary>Offset of routing key, headers and body in <see cref="FrameType.Deliver"/>.</summary>
    internal const int DeliverPayload = 56;

    /// <summary>Offset of routing key, headers and body in <see cref="FrameType.DeliverConflated"/>.</summary>
    internal const int DeliverConflatedPayload = 72;

    /// <summary>Offset of the LZ4 block in <see cref="FrameType.Batch"/>.</summary>
    internal const int BatchBlock = 16;

    /// <summary>Most bytes of frames in a <see cref="FrameType.Batch"/>, and longest such frame. Below every limit that a Welcome can state.</summary>
    internal const int MaxBatchLength = 64 * 1024;

    /// <summary>In Hello: batches are asked for. In Welcome: both sides may send them.</summary>
    internal const int CompressionFlag = 1;

    /// <summary>Longest string (name, key) in bytes of UTF-8: its length is one byte.</summary>
    internal const int MaxStringLength = byte.MaxValue;

    /// <summary>Longest table, and longest text (sentence), in bytes: their length is two bytes.</summary>
    internal const int MaxTextLength = ushort.MaxValue;

    /// <summary>Sentences that this code writes are cut to this many bytes.</summary>
    internal const int SentTextLength = 1024;

    /// <summary>Credit in bytes that means: no limit in bytes.</summary>
    internal const ulong NoByteLimit = ulong.MaxValue;

    /// <summary>Bytes that a frame of that length takes on the wire: <paramref name="length"/> rounded up to a multiple of 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int PaddedLength(int length) => (length + (Alignment - 1)) & ~(Alignment - 1);
}
