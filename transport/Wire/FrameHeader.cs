using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

/// <summary>The 8 bytes that every frame starts with.</summary>
/// <remarks>
/// <code>
///  0        4      5       6       8
/// ┌────────┬──────┬───────┬───────┐
/// │ length │ type │ flags │ extra │  little endian; length counts these 8 bytes and no padding
/// └────────┴──────┴───────┴───────┘
/// </code>
/// The next frame starts at the next multiple of 8. The up to 7 bytes between are zero.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct FrameHeader
{
    /// <summary>Exact length of the frame in bytes, header included, padding not.</summary>
    internal uint Length;

    internal FrameType Type;

    /// <summary>Zero, except in <see cref="FrameType.Deliver"/>: <see cref="DeliverFrame.RedeliveredFlag"/>.</summary>
    internal byte Flags;

    /// <summary>Zero, except in <see cref="FrameType.Deliver"/>: how often the message was delivered before.</summary>
    internal ushort Extra;
}
