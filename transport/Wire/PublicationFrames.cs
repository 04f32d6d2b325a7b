using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

// Fixed parts of the frames about publishing.

/// <summary>One message. Then: routing key (the publication's when its length is 0), headers, body.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublishFrame
{
    internal FrameHeader Header;

    /// <summary>Starts at 1 and rises; 0 in a transaction.</summary>
    internal ulong Sequence;

    internal uint Publication;
    internal byte RoutingKeyLength;

    /// <summary><see cref="Core.Engine.PublishFlags"/>.</summary>
    internal byte Flags;

    internal ushort HeadersLength;

    /// <summary>Unix time in nanoseconds, by the publisher's clock.</summary>
    internal long PublishedNs;
}

/// <summary>All messages of the publication up to a sequence, but those rejected, have reached a level.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct ConfirmFrame
{
    internal FrameHeader Header;
    internal ulong Sequence;
    internal uint Publication;

    /// <summary>A <see cref="Core.Engine.DurabilityLevel"/>.</summary>
    internal byte Level;

    internal byte Reserved0;
    internal ushort Reserved1;
}

/// <summary>One message was not kept. Then: queue (string, empty when it is about none), text.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct RejectedFrame
{
    internal FrameHeader Header;
    internal ulong Sequence;
    internal uint Publication;

    /// <summary>An <see cref="Core.Engine.ErrorCode"/>.</summary>
    internal ushort Code;

    internal ushort Reserved;
}

/// <summary>A publication whose messages were rejected for want of room may try again.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublicationReadyFrame
{
    internal FrameHeader Header;
    internal uint Publication;
    internal uint Reserved;
}

/// <summary>The broker ended a publication. Then: text.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublicationEndedFrame
{
    internal FrameHeader Header;
    internal uint Publication;

    /// <summary>An <see cref="Core.Engine.ErrorCode"/>.</summary>
    internal ushort Code;

    internal ushort Reserved;
}
