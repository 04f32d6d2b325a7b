using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

// Fixed parts of the frames about consuming.

/// <summary>The broker ended a subscription. Then: text.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SubscriptionEndedFrame
{
    internal FrameHeader Header;
    internal uint Subscription;

    /// <summary>An <see cref="Core.Engine.ErrorCode"/>.</summary>
    internal ushort Code;

    internal ushort Reserved;
}

/// <summary>Adds to a subscription's credit.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct CreditFrame
{
    internal FrameHeader Header;
    internal uint Subscription;
    internal uint Messages;
    internal ulong Bytes;
}

/// <summary>A message for a subscription. Then: routing key, headers, body.</summary>
/// <remarks>From <see cref="PublishedNs"/> on it is the delivered block of <see cref="Core.Engine.MessageLayout"/>, byte for byte.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeliverFrame
{
    /// <summary>Flags: <see cref="RedeliveredFlag"/>. Extra: how often it was delivered before.</summary>
    internal FrameHeader Header;

    /// <summary>1, 2, 3, … for each subscription.</summary>
    internal ulong Tag;

    /// <summary>Number of the message in its queue: rises by 1, kept over a restart.</summary>
    internal ulong QueueSequence;

    internal uint Subscription;

    /// <summary>Nanoseconds from <see cref="ReceivedNs"/> to the dispatch of this delivery, at most 2^32 - 1.</summary>
    internal uint DispatchedDeltaNs;

    /// <summary>Unix time in nanoseconds, by the publisher's clock.</summary>
    internal long PublishedNs;

    /// <summary>Unix time in nanoseconds at which the broker received it, by the broker's clock.</summary>
    internal long ReceivedNs;

    /// <summary>Nanoseconds from <see cref="ReceivedNs"/> until it was in the journal, at most 2^32 - 1.</summary>
    internal uint JournaledDeltaNs;

    internal ushort RoutingKeyLength;
    internal ushort HeadersLength;

    /// <summary>Bit of the header's flags: the message may have been delivered before.</summary>
    internal const byte RedeliveredFlag = 1;
}

/// <summary>The newest message of a key, for a conflating subscription. Then: routing key, headers, body.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeliverConflatedFrame
{
    /// <summary><see cref="DeliverFrame.QueueSequence"/> is the last of the range.</summary>
    internal DeliverFrame Deliver;

    /// <summary>First queue sequence with this key since the key was last delivered here.</summary>
    internal ulong FirstSequence;

    /// <summary>Messages with this key that are not delivered because this one is newer.</summary>
    internal ulong Elided;
}

/// <summary>Settles deliveries of a subscription and adds credit at the same time.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SettleFrame
{
    internal FrameHeader Header;
    internal uint Subscription;

    /// <summary>A <see cref="Core.Engine.SettleKind"/>.</summary>
    internal byte Kind;

    /// <summary><see cref="Core.Engine.SettleFlags"/>.</summary>
    internal byte Flags;

    internal ushort Reserved1;

    /// <summary>0 means cumulative: all unsettled tags up to <see cref="LastTag"/>.</summary>
    internal ulong FirstTag;

    internal ulong LastTag;
    internal uint CreditMessages;
    internal uint Reserved2;
    internal ulong CreditBytes;
}
