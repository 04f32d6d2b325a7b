using System.Runtime.InteropServices;

namespace LowLatency.Core.Engine;

/// <summary>Types of the records in an egress ring: everything that leaves the engine.</summary>
internal enum EventType
{
    Deliver = 1,
    Confirm,
    Rejected,
    PublicationReady,
    PublicationOpened,
    Subscribed,
    SubscriptionEnded,
    QueueDeclared,
    Done,
    Failed,
    SessionClosed,
    SessionFault,
    SessionOpened,
    DeliverConflated,
    SubscriptionActive,
    PublicationBlocked,
    PublicationUnblocked,
}

// Layout of an event in an egress ring: the struct, then the variable part named in its comment.
// Every struct starts with the session that it is for. As with requests, answers are behind session and reserved the frame behind its header.

/// <summary>A message is handed to a subscription. The bytes are in the log at <see cref="Position"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeliverEvent
{
    internal int Session;
    internal uint Subscription;

    /// <summary>1, 2, 3, … for each subscription.</summary>
    internal ulong Tag;

    /// <summary>Number of the message in its queue: rises by 1, kept over a restart.</summary>
    internal ulong QueueSequence;

    /// <summary>Position of its <c>Message</c> record.</summary>
    internal long Position;

    /// <summary>How often it was delivered before, as far as is known.</summary>
    internal ushort DeliveryCount;

    /// <summary><see cref="RedeliveredFlag"/>: may have been delivered before; <see cref="PassingFlag"/>.</summary>
    internal ushort Flags;

    /// <summary>Routing key, headers and body together, in bytes.</summary>
    internal int PayloadLength;

    internal const ushort RedeliveredFlag = 1;

    /// <summary>Nobody settles it: its bytes stay until the event is taken out of the ring. Who keeps it longer copies them.</summary>
    internal const ushort PassingFlag = 2;
}

/// <summary>The newest message of a key, for a conflating subscription. Begins like a <see cref="DeliverEvent"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeliverConflatedEvent
{
    /// <summary><see cref="DeliverEvent.QueueSequence"/> is the last of the range.</summary>
    internal DeliverEvent Deliver;

    /// <summary>First queue sequence with this key since the key was last delivered here.</summary>
    internal ulong FirstSequence;

    /// <summary>Messages with this key that are not delivered because this one is newer.</summary>
    internal ulong Elided;
}

/// <summary>All messages of the publication up to <see cref="Sequence"/> that were not rejected have reached <see cref="Level"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct ConfirmEvent
{
    internal int Session;
    internal uint Publication;
    internal ulong Sequence;

    /// <summary>The <see cref="DurabilityLevel"/> reached by those since the last confirm.</summary>
    internal byte Level;

    internal byte Reserved0;
    internal ushort Reserved1;
    internal uint Reserved2;
}

/// <summary>One message was not kept. Variable part: queue (string, empty when it is about none), sentence (u16 length + UTF-8).</summary>
/// <remarks>Comes before any confirm that covers its sequence.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct RejectedEvent
{
    internal int Session;
    internal uint Publication;
    internal ulong Sequence;
    internal ushort Code;
    internal ushort Reserved0;
    internal uint Reserved1;
}

/// <summary>A publication that was rejected with <see cref="ErrorCode.QueueFull"/> or <see cref="ErrorCode.DiskFull"/> may try again.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct PublicationReadyEvent
{
    internal int Session;
    internal uint Publication;
}

/// <summary>The publication's confirms are held back, because of a queue or the disk. Variable part: queue (string, empty for the disk), sentence (u16 length + UTF-8).</summary>
/// <remarks>Another one before it is over: the reason is another now.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublicationBlockedEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Publication;

    /// <summary><see cref="ErrorCode.QueueFull"/> or <see cref="ErrorCode.DiskFull"/>.</summary>
    internal ushort Code;

    internal ushort Reserved1;

    /// <summary>Since when the queue or the disk is so, Unix time in nanoseconds.</summary>
    internal long SinceNs;
}

/// <summary>Nothing holds the publication's confirms back any more.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublicationUnblockedEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Publication;
    internal uint Reserved1;

    /// <summary>How long it was so, in nanoseconds.</summary>
    internal long LastedNs;
}

/// <summary>The session is open.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SessionOpenedEvent
{
    internal int Session;
    internal uint Reserved;
}

[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublicationOpenedEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Publication;

    /// <summary>Granted window in messages.</summary>
    internal uint Window;

    internal uint Reserved1;

    /// <summary>Highest sequence that the broker has from this publisher; 0 for none or an unnamed one.</summary>
    internal ulong LastSequence;
}

/// <summary>Variable part: queue (string), as asked for, or the address that the broker gave (direct reply-to).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SubscribedEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Subscription;
}

/// <summary>A subscription on a queue with a single active consumer became that one, or ceased to be.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SubscriptionActiveEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Subscription;

    /// <summary>1 or 0.</summary>
    internal uint IsActive;
}

/// <summary>The broker ended a subscription or a publication (queue deleted, taken over). Variable part: sentence (u16 length + UTF-8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct SubscriptionEndedEvent
{
    internal int Session;
    internal uint Handle;
    internal ushort Code;

    /// <summary>0: a subscription; 1: a publication.</summary>
    internal byte IsPublication;

    internal byte Reserved;
}

/// <summary>Variable part: queue (string), the broker's choice when it was asked to choose.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct QueueDeclaredEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;

    /// <summary>Subscriptions on it.</summary>
    internal uint Consumers;

    /// <summary>Ready messages.</summary>
    internal ulong Ready;
}

/// <summary>A request is carried out.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DoneEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Reserved1;

    /// <summary>What the request counts, else 0.</summary>
    internal ulong Count;
}

/// <summary>A request was refused; the session goes on. Variable part: sentence (u16 length + UTF-8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct FailedEvent
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal ushort Code;
    internal ushort Reserved1;
}

/// <summary>Last event of a session: its id is free again.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct SessionClosedEvent
{
    internal int Session;
}

/// <summary>The session broke a rule that costs it the connection: tell it, then close it with <see cref="CommandType.CloseSession"/>. Variable part: sentence (u16 length + UTF-8).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct SessionFaultEvent
{
    internal int Session;
    internal ushort Code;
    internal ushort Reserved;
}
