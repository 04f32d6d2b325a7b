using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

// Fixed parts of the frames about queues, exchanges and bindings.

/// <summary>Then: queue (string). Answered by <see cref="QueueDeclaredFrame"/> or <see cref="FailedFrame"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeclareQueueFrame
{
    internal FrameHeader Header;
    internal uint Request;

    /// <summary><see cref="Core.Engine.QueueFlags"/>.</summary>
    internal byte Flags;

    internal byte Reserved0;
    internal ushort Reserved1;

    /// <summary>Most messages waiting and unsettled; 0 asks for the broker's default.</summary>
    internal ulong MaxLength;
}

/// <summary>Answer to <see cref="DeclareQueueFrame"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct QueueDeclaredFrame
{
    internal FrameHeader Header;
    internal uint Request;

    /// <summary>Subscriptions on it.</summary>
    internal uint Consumers;

    /// <summary>Waiting messages.</summary>
    internal ulong Ready;
}

/// <summary>Then: exchange (string). Answered by <see cref="DoneFrame"/> or <see cref="FailedFrame"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeclareExchangeFrame
{
    internal FrameHeader Header;
    internal uint Request;

    /// <summary>Bit 0: durable.</summary>
    internal byte Flags;

    /// <summary>An <see cref="Core.Engine.ExchangeKind"/>.</summary>
    internal byte Kind;

    internal ushort Reserved;
}

/// <summary>
/// <see cref="FrameType.DeleteQueue"/>, <see cref="FrameType.DeleteExchange"/>: then the name (string).
/// <see cref="FrameType.Bind"/>, <see cref="FrameType.Unbind"/>: then exchange (string), queue (string), key (string); exchange and key may be empty.
/// </summary>
/// <remarks>Answered by <see cref="DoneFrame"/> or <see cref="FailedFrame"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct NamedRequestFrame
{
    internal FrameHeader Header;
    internal uint Request;
    internal uint Reserved;
}
