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
    PurgeQueue,
    Get,
    Recover,
    SetMaxUnacked,
    DeclareVirtualHost,
    DeleteVirtualHost,
    CommitTransaction,
    RollbackTransaction,
}

// Layout of a command in the ingress ring: the struct, then the variable part named in its comment. Every struct starts with the
// session. The session that wrote the command has checked that the lengths add up; the engine checks what they mean.
//
// Requests have one more rule: behind session and reserved (8 bytes) they are the native protocol's frame behind its header (8 bytes),
// byte for byte, so that a session copies and translates nothing. A string is a length byte and UTF-8; a table is a u16 length and
// that many bytes of field-table entries (AMQP 0-9-1, 4.2.5.5, without its own length). They follow in the order given.

/// <summary>A session begins: a connection, an AMQP channel, or an in-process client. Variable part: client name, virtual host (strings).</summary>
/// <remarks>The id is the caller's choice among those not in use (see <c>SessionIds</c>). Answered by <see cref="SessionOpenedEvent"/> or
/// <see cref="SessionFaultEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct OpenSessionCommand
{
    internal int Session;

    /// <summary>Index of the egress port that takes this session's events.</summary>
    internal int Port;

    /// <summary>Session of the connection that this one belongs to, which owns exclusive queues; its own id when it is a connection itself.</summary>
    internal int Connection;

    internal uint Reserved;

    /// <summary>Random: the engine makes names that cannot be guessed from it.</summary>
    internal ulong Nonce;
}

/// <summary>A session ends: its unsettled messages return to their queues. Answered by <see cref="EventType.SessionClosed"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal struct CloseSessionCommand
{
    internal int Session;
}

/// <summary>A request that is a name and flags. Variable part: see the command.</summary>
/// <remarks>
/// <code>
/// DeclareQueue        QueueFlags      name (may be empty), table        QueueDeclaredEvent
/// DeleteQueue         DeleteFlags     name                              DoneEvent: messages that were ready
/// PurgeQueue          0               name                              DoneEvent: messages removed
/// DeleteExchange      DeleteFlags     name                              DoneEvent
/// Bind, Unbind        BindFlags       source, destination, key, table   DoneEvent
/// DeclareVirtualHost  QueueFlags      name, table (only Passive)        DoneEvent
/// DeleteVirtualHost   0               name                              DoneEvent
/// Recover             0                                                 DoneEvent: messages returned
/// SetMaxUnacked       the limit, 0 for none                             DoneEvent
/// CommitTransaction   0                                                 DoneEvent: operations in it
/// RollbackTransaction 0                                                 DoneEvent: operations forgotten
/// </code>
/// Each may be answered by <see cref="FailedEvent"/> instead.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct RequestCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Flags;
}

/// <summary>Variable part: publisher name (string, may be empty: no recognition of resends), exchange (string), routing key (string).</summary>
/// <remarks>Answered by <see cref="PublicationOpenedEvent"/> or <see cref="FailedEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct OpenPublicationCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;

    /// <summary>Most unconfirmed messages that the client wants to have under way; the broker grants this or less.</summary>
    internal uint Window;

    /// <summary>A <see cref="DurabilityLevel"/>, not yet checked.</summary>
    internal byte Level;

    /// <summary><see cref="PublicationFlags"/>.</summary>
    internal byte Flags;

    internal ushort Reserved1;
    internal uint Reserved2;
}

[Flags]
internal enum PublicationFlags : byte
{
    None = 0,

    /// <summary>Reject a message that reaches no queue; without it such a message is confirmed at level none.</summary>
    Mandatory = 1,
}

[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct ClosePublicationCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Publication;
}

/// <summary>One message. Variable part: routing key (when <see cref="RoutingKeyLength"/> is not 0, else the publication's), headers, body.</summary>
/// <remarks>Headers are a content header (AMQP 0-9-1, 4.2.6.1: property flags and properties), or nothing at all.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct PublishCommand
{
    internal int Session;
    internal uint Publication;

    /// <summary>Rises by at least 1 with each new message of the publisher; starts at 1. 0 in a transaction.</summary>
    internal ulong Sequence;

    /// <summary>Unix time in nanoseconds, by the publisher's clock.</summary>
    internal long PublishedNs;

    /// <summary>Unix time in nanoseconds at which the broker received it.</summary>
    internal long ReceivedNs;

    internal int BodyLength;
    internal byte RoutingKeyLength;

    /// <summary><see cref="PublishFlags"/>.</summary>
    internal byte Flags;

    internal ushort HeadersLength;
}

[Flags]
internal enum PublishFlags : byte
{
    None = 0,

    /// <summary>As <see cref="PublicationFlags.Mandatory"/>, for this message.</summary>
    Mandatory = 1,

    /// <summary>Part of the session's transaction: done when that is committed. Its sequence is 0.</summary>
    InTransaction = 2,

    /// <summary>Two bits: a <see cref="DurabilityLevel"/> for this message, at most the publication's; 0 takes that.</summary>
    LevelMask = 0x30,
}

/// <summary>Variable part: queue (string), conflation key (string: name of a header; empty for the routing key).</summary>
/// <remarks>Answered by <see cref="SubscribedEvent"/> or <see cref="FailedEvent"/>.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SubscribeCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;

    /// <summary>First credit; 0 is allowed.</summary>
    internal uint CreditMessages;

    internal ulong CreditBytes;

    /// <summary>Most unsettled messages; 0 is no limit beside credit.</summary>
    internal uint MaxUnacked;

    /// <summary>Higher goes first.</summary>
    internal int Priority;

    /// <summary><see cref="SubscribeFlags"/>.</summary>
    internal uint Flags;

    internal uint Reserved1;
}

[Flags]
internal enum SubscribeFlags : uint
{
    None = 0,

    /// <summary>Settled with the delivery.</summary>
    NoAck = 1,

    /// <summary>No other subscription on the queue.</summary>
    Exclusive = 2,

    /// <summary>Shown everything in order, takes nothing.</summary>
    Browse = 4,

    /// <summary>Shown the newest message per key, takes nothing.</summary>
    Conflate = 8,
}

/// <summary>Ends a subscription; what it has not settled returns to the queue.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct UnsubscribeCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Subscription;

    /// <summary><see cref="UnsubscribeFlags"/>.</summary>
    internal uint Flags;

    internal uint Reserved1;
}

[Flags]
internal enum UnsubscribeFlags : uint
{
    None = 0,

    /// <summary>What is unsettled stays to be settled under the same handle; the handle is free again when it all is.</summary>
    KeepUnsettled = 1,
}

/// <summary>Asks for messages on a subscription, beside its credit. Answered by <see cref="DoneEvent"/> with their number, after them, or <see cref="FailedEvent"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct GetCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;
    internal uint Subscription;

    /// <summary>At least 1.</summary>
    internal uint MaxMessages;

    /// <summary>How long to wait for the first message, in milliseconds; 0 not at all.</summary>
    internal uint WaitMs;

    /// <summary>Payload bytes; the first message comes whatever its size.</summary>
    internal ulong MaxBytes;
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

    /// <summary><see cref="SettleFlags"/>.</summary>
    internal byte Flags;

    internal ushort Reserved1;

    /// <summary>Credit in messages added at the same time, so that an ack and its refill are one frame.</summary>
    internal uint CreditMessages;

    internal ulong CreditBytes;
}

[Flags]
internal enum SettleFlags : byte
{
    None = 0,

    /// <summary>Part of the session's transaction. Its credit is added at once.</summary>
    InTransaction = 1,
}

/// <summary>How a delivery is settled. Sent by clients: values are frozen.</summary>
internal enum SettleKind : byte
{
    /// <summary>Done with: forget it.</summary>
    Ack = 1,

    /// <summary>Back to its original place in the queue, redelivered with a higher count.</summary>
    Requeue = 2,

    /// <summary>Not wanted: dead-lettered where the queue says so, else forgotten.</summary>
    Reject = 3,
}

[Flags]
internal enum QueueFlags : uint
{
    None = 0,

    /// <summary>Definition and durable messages outlive the broker.</summary>
    Durable = 1,

    /// <summary>Only say whether it exists: NotFound otherwise; never creates.</summary>
    Passive = 2,

    /// <summary>For this connection only, and gone with it.</summary>
    Exclusive = 4,

    /// <summary>Gone with its last consumer.</summary>
    AutoDelete = 8,
}

[Flags]
internal enum DeleteFlags : uint
{
    None = 0,

    /// <summary>A queue without consumers, an exchange without bindings.</summary>
    IfUnused = 1,

    /// <summary>A queue without messages.</summary>
    IfEmpty = 2,
}

[Flags]
internal enum BindFlags : uint
{
    None = 0,

    /// <summary>The destination is an exchange.</summary>
    ToExchange = 1,
}

/// <summary>Variable part: exchange (string), arguments (table). Answered by <see cref="DoneEvent"/> or <see cref="FailedEvent"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct DeclareExchangeCommand
{
    internal int Session;
    internal uint Reserved;
    internal uint Request;

    /// <summary><see cref="ExchangeFlags"/>.</summary>
    internal ushort Flags;

    /// <summary>An <see cref="ExchangeKind"/>, not yet checked.</summary>
    internal byte Kind;

    internal byte Reserved1;
}

[Flags]
internal enum ExchangeFlags : ushort
{
    None = 0,
    Durable = 1,

    /// <summary>Only say whether it exists.</summary>
    Passive = 2,

    /// <summary>Only for bindings from other exchanges: clients cannot publish to it.</summary>
    Internal = 4,

    /// <summary>Gone with the last binding from it.</summary>
    AutoDelete = 8,
}

/// <summary>Kinds of exchange. Persisted and sent: values are frozen.</summary>
internal enum ExchangeKind : byte
{
    /// <summary>Every queue is bound to it by its own name; it has no name itself and cannot be declared.</summary>
    Default = 0,

    /// <summary>Routes to what is bound with exactly the message's routing key.</summary>
    Direct = 1,

    /// <summary>Routes to all that is bound.</summary>
    Fanout = 2,

    /// <summary>Routes by patterns of words.</summary>
    Topic = 3,

    /// <summary>Routes by the header table.</summary>
    Headers = 4,

    /// <summary>Routes each key to one destination, by weight.</summary>
    ConsistentHash = 5,
}
