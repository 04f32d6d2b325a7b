using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

// Fixed parts of frames that are not one of the engine's commands or events behind a header; what follows them is named in their comment.
// A string is u8 length + UTF-8, a text is u16 length + UTF-8. Reserved fields are zero. All other frames: see FrameShape.

/// <summary>First frame of a client. Then: client name (string), virtual host (string).</summary>
/// <remarks>Keeps this form in every version of the protocol.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct HelloFrame
{
    internal FrameHeader Header;
    internal uint Magic;

    /// <summary>Highest version that the client speaks.</summary>
    internal ushort Version;

    /// <summary>Lowest version that the client speaks.</summary>
    internal ushort MinVersion;

    /// <summary>Interval of heartbeats that the client asks for in milliseconds; 0 leaves it to the server.</summary>
    internal uint HeartbeatMs;

    /// <summary><see cref="FrameLayout.CompressionFlag"/> or 0.</summary>
    internal uint Flags;
}

/// <summary>Answer to <see cref="HelloFrame"/>: the connection is open. Then: product (string).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct WelcomeFrame
{
    internal FrameHeader Header;
    internal uint Magic;

    /// <summary>The version that both speak from now on.</summary>
    internal ushort Version;

    /// <summary><see cref="FrameLayout.CompressionFlag"/> or 0; only what Hello asked for.</summary>
    internal ushort Flags;

    /// <summary>Interval of heartbeats in both directions, in milliseconds.</summary>
    internal uint HeartbeatMs;

    /// <summary>Longest frame that the server accepts, in bytes.</summary>
    internal uint MaxFrameLength;

    /// <summary>Longest body that the server accepts, in bytes.</summary>
    internal uint MaxBodyLength;

    /// <summary>Largest window that the server grants to a publication, in messages.</summary>
    internal uint MaxWindow;

    /// <summary>Most credit that a subscription can have at once, in messages.</summary>
    internal uint MaxCreditMessages;

    /// <summary>Rises with each start of the broker.</summary>
    internal uint Epoch;

    /// <summary>Identity of the broker's data: the same after a restart.</summary>
    internal ulong BrokerId;
}

/// <summary><see cref="FrameType.Error"/> (the connection ends because of it) and <see cref="FrameType.Close"/> (it ends politely). Then: text.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct CloseFrame
{
    internal FrameHeader Header;

    /// <summary>An <see cref="Core.Engine.ErrorCode"/>.</summary>
    internal ushort Code;

    internal ushort Reserved0;
    internal uint Reserved1;
}

/// <summary>Frames as one. Then: an LZ4 block of them, with their padding.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct BatchFrame
{
    internal FrameHeader Header;

    /// <summary>Bytes of the frames in the block: a multiple of 8, at most <see cref="FrameLayout.MaxBatchLength"/>.</summary>
    internal uint OriginalLength;

    internal uint Reserved;
}

/// <summary>Sent when nothing else was for half an interval.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct HeartbeatFrame
{
    internal FrameHeader Header;
}
