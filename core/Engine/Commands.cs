using System.Runtime.InteropServices;

namespace LowLatency.Core.Engine;

/// <summary>Types of the records in the ingress ring: everything that enters the engine.</summary>
internal enum CommandType
{
    OpenSession = 1,
    CloseSession,
    OpenPublication,
    ClosePublication,
    Publish,
    Subscribe,
    Unsubscribe,
    Credit,
    Settle,
    DeclareQueue,
    DeleteQueue,
    DeclareExchange,
    DeleteExchange,
    Bind,
    Unbind,
}

// Layout of a command in the ingress ring: the struct, then the variable part named in its comment. Every struct
// starts with the session. Strings of control commands are a length byte and UTF-8 bytes, in the order given.
// The session that wrote the command has checked that the lengths add up; the engine checks what they mean.

/// <summary>A session begins: a connection, or an in-process client. Variable part: client name (string).</summary>
/// <remarks>The id is the caller's choice among those not in use (see <c>SessionIds</c>).</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct OpenSessionCommand
{
    internal int Session;

    /// <summary>Index of the egress port that takes this session's events.</summary>
    internal int Port;
}

/// <summary>A session ends: its unsettled messages return to their queues. Answered by <see cref="EventType.SessionClosed"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct CloseSessionCommand
{
    internal int Session;
}

/// <summary>Variable part: publisher name (string, may be empty: no recognition of resends), exchange (string), routing key (string).</summary>
/// <remarks>Answered by <see cref="PublicationOpenedEvent"/> or <see cref="FailedEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct OpenPublicationCommand
{
    internal int Session;
    internal uint Request;

    /// <summary>Most unconfirmed messages that the client wants to have under way; the broker grants this or less.</summary>
    internal uint Window;

    /// <summary>A <see cref="DurabilityLevel"/>, not yet checked.</summary>
    internal byte Level;

    /// <summary><see cref="PublicationFlags"/>.</summary>
    internal byte Flags;

    internal ushort Reserved;
}

[Flags]
internal enum PublicationFlags : byte
{
    None = 0,

    /// <summary>Reject a message that reaches no queue; without it such a message is confirmed at level none.</summary>
    Mandatory = 1,
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct ClosePublicationCommand
{
    internal int Session;
    internal uint Request;
    internal uint Publication;
}

/// <summary>One message. Variable part: routing key (when <see cref="RoutingKeyLength"/> is not 0, else the publication's), headers, body.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublishCommand
{
    internal int Session;
    internal uint Publication;

    /// <summary>Rises by at least 1 with each new message of the publisher; starts at 1.</summary>
    internal ulong Sequence;

    /// <summary>Unix time in nanoseconds, by the publisher's clock.</summary>
    internal long PublishedNs;

    /// <summary>Unix time in nanoseconds at which the broker received it.</summary>
    internal long ReceivedNs;

    internal int BodyLength;
    internal ushort RoutingKeyLength;
    internal ushort HeadersLength;
}

/// <summary>Variable part: queue (string).</summary>
/// <remarks>Answered by <see cref="SubscribedEvent"/> or <see cref="FailedEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SubscribeCommand
{
    internal int Session;
    internal uint Request;

    /// <summary>First credit; 0 is allowed.</summary>
    internal uint CreditMessages;

    internal uint Reserved;
    internal ulong CreditBytes;
}

/// <summary>Ends a subscription; what it has not settled returns to the queue.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct UnsubscribeCommand
{
    internal int Session;
    internal uint Request;
    internal uint Subscription;
}

/// <summary>Adds to a subscription's credit.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct CreditCommand
{
    internal int Session;
    internal uint Subscription;
    internal uint Messages;
    internal uint Reserved;
    internal ulong Bytes;
}

/// <summary>Settles deliveries of a subscription, tags <see cref="FirstTag"/> to <see cref="LastTag"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SettleCommand
{
    internal int Session;
    internal uint Subscription;

    /// <summary>0 means cumulative: all unsettled tags up to <see cref="LastTag"/>.</summary>
    internal ulong FirstTag;

    internal ulong LastTag;

    /// <summary>A <see cref="SettleKind"/>, not yet checked.</summary>
    internal byte Kind;

    internal byte Reserved0;
    internal ushort Reserved1;

    /// <summary>Credit in messages added at the same time, so that an ack and its refill are one frame.</summary>
    internal uint CreditMessages;

    internal ulong CreditBytes;
}

/// <summary>How a delivery is settled. Sent by clients: values are frozen.</summary>
internal enum SettleKind : byte
{
    /// <summary>Done with: forget it.</summary>
    Ack = 1,

    /// <summary>Back to its original place in the queue, redelivered with a higher count.</summary>
    Requeue = 2,

    /// <summary>Not wanted: forget it (dead-lettered where the queue says so).</summary>
    Reject = 3,
}

/// <summary>Variable part: queue (string).</summary>
/// <remarks>Same properties as the existing queue: no-op. Answered by <see cref="QueueDeclaredEvent"/> or <see cref="FailedEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeclareQueueCommand
{
    internal int Session;
    internal uint Request;

    /// <summary>Most messages waiting and unsettled; 0 asks for the broker's default.</summary>
    internal ulong MaxLength;

    /// <summary><see cref="QueueFlags"/>.</summary>
    internal byte Flags;

    internal byte Reserved0;
    internal ushort Reserved1;
    internal uint Reserved2;
}

[Flags]
internal enum QueueFlags : byte
{
    None = 0,

    /// <summary>Definition and durable messages outlive the broker.</summary>
    Durable = 1,

    /// <summary>Only say whether it exists: NotFound otherwise; never creates.</summary>
    Passive = 2,
}

/// <summary>Variable part: queue (string).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct DeleteQueueCommand
{
    internal int Session;
    internal uint Request;
}

/// <summary>Declares a direct exchange. Variable part: exchange (string).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct DeclareExchangeCommand
{
    internal int Session;
    internal uint Request;

    /// <summary>Bit 0: durable.</summary>
    internal byte Flags;

    /// <summary>An <see cref="ExchangeKind"/>, not yet checked.</summary>
    internal byte Kind;

    internal ushort Reserved;
}

/// <summary>Kinds of exchange. Persisted and sent: values are frozen.</summary>
internal enum ExchangeKind : byte
{
    /// <summary>Every queue is bound to it by its own name; it has no name itself and cannot be declared.</summary>
    Default = 0,

    /// <summary>Routes to the queues bound with exactly the message's routing key.</summary>
    Direct = 1,
}

/// <summary>Variable part: exchange (string).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct DeleteExchangeCommand
{
    internal int Session;
    internal uint Request;
}

/// <summary>Bind or unbind. Variable part: exchange (string), queue (string), binding key (string, may be empty).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct BindCommand
{
    internal int Session;
    internal uint Request;
}
