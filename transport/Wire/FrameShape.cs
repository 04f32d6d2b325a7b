using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <summary>What follows the fixed fields of a frame.</summary>
internal enum FramePart : byte
{
    /// <summary>u8 length and UTF-8.</summary>
    String,

    /// <summary>u16 length and the entries of a field table. What is in them is for the engine to check.</summary>
    Table,

    /// <summary>u16 length and UTF-8.</summary>
    Text,
}

/// <summary>How the frames of one type are made: all that can be checked without knowing what they mean.</summary>
/// <remarks>
/// A request behind its 8-byte header is the engine's command behind its first 8 bytes (session, reserved), byte for byte, and most answers are the event
/// behind its own: for them <see cref="Command"/> or <see cref="Event"/> says which, and nothing is translated.
/// <code>
/// frame    header (8) ▸ fields ▸ parts ▸ padding
/// command  session, 0 ▸ fields ▸ parts
/// </code>
/// </remarks>
internal sealed unsafe class FrameShape
{
    private const FramePart S = FramePart.String;
    private const FramePart Table = FramePart.Table;
    private const FramePart Text = FramePart.Text;

    private static readonly FrameShape?[] All = BuildAll();
    private static readonly FrameType[] OfCommand = Index(static shape => (int)shape.Command);
    private static readonly FrameType[] OfEvent = Index(static shape => (int)shape.Event);

    private FrameShape(FrameType type, int fixedLength, bool toServer, bool toClient, params FramePart[] parts)
    {
        Type = type;
        FixedLength = fixedLength;
        ToServer = toServer;
        ToClient = toClient;
        Parts = parts;
    }

    internal FrameType Type { get; }

    /// <summary>Header and fixed fields, in bytes.</summary>
    internal int FixedLength { get; }

    /// <summary>Whether a server accepts it.</summary>
    internal bool ToServer { get; }

    /// <summary>Whether a client accepts it.</summary>
    internal bool ToClient { get; }

    /// <summary>What follows the fixed fields, in order.</summary>
    internal FramePart[] Parts { get; }

    /// <summary>The command that it is, or 0.</summary>
    internal CommandType Command { get; private init; }

    /// <summary>The event that it is, or 0.</summary>
    internal EventType Event { get; private init; }

    /// <summary>Offset and length of the bytes that must be zero.</summary>
    internal (int Offset, int Length) Reserved { get; private init; }

    /// <summary>Offset and length of the flags, and those that exist.</summary>
    internal (int Offset, int Length, uint Known) Flags { get; private init; }

    /// <summary>Its payload takes the rest of the frame, whatever its length.</summary>
    internal bool HasPayload { get; private init; }

    /// <summary>Longest frame of the type, in bytes, padding not included.</summary>
    internal uint MaxLength { get; private set; }

    /// <returns>Null for a type that does not exist.</returns>
    internal static FrameShape? Of(FrameType type) => All[(byte)type];

    /// <summary>The frame that a request is sent in.</summary>
    internal static FrameType Of(CommandType command) => OfCommand[(int)command];

    /// <summary>The frame that an event is sent in as it is; 0 for events that are translated.</summary>
    internal static FrameType Of(EventType type) => OfEvent[(int)type];

    private static FrameShape?[] BuildAll()
    {
        FrameShape?[] all = new FrameShape?[256];
        foreach (FrameShape shape in List())
        {
            uint length = (uint)shape.FixedLength;
            foreach (FramePart part in shape.Parts)
                length += part == S ? 1u + FrameLayout.MaxStringLength : sizeof(ushort) + (uint)FrameLayout.MaxTextLength;
            shape.MaxLength = shape.Type == FrameType.Batch ? FrameLayout.MaxBatchLength : shape.HasPayload ? uint.MaxValue : length;
            all[(byte)shape.Type] = shape;
        }

        return all;
    }

    private static FrameType[] Index(Func<FrameShape, int> key)
    {
        var types = new FrameType[32];
        foreach (FrameShape? shape in All)
        {
            if (shape != null && key(shape) != 0)
                types[key(shape)] = shape.Type;
        }

        return types;
    }

    private static FrameShape[] List() =>
    [
        new(FrameType.Hello, sizeof(HelloFrame), true, false, S, S) { Flags = (20, 4, FrameLayout.CompressionFlag) },
        new(FrameType.Welcome, sizeof(WelcomeFrame), false, true, S) { Flags = (14, 2, FrameLayout.CompressionFlag) },
        ToTheClient(FrameType.Error, sizeof(CloseFrame), (10, 6), Text),
        new(FrameType.Close, sizeof(CloseFrame), true, true, Text) { Reserved = (10, 6) },
        new(FrameType.Heartbeat, sizeof(HeartbeatFrame), true, true),
        new(FrameType.Batch, sizeof(BatchFrame), true, true) { HasPayload = true },

        ToTheServer(FrameType.Publish, sizeof(PublishFrame), payload: true),
        ToTheClient(FrameType.Confirm, sizeof(ConfirmFrame), (21, 3)),
        ToTheClient(FrameType.Rejected, sizeof(RejectedFrame), (22, 2), S, Text),
        ToTheClient(FrameType.PublicationReady, sizeof(PublicationReadyFrame), (12, 4)),
        ToTheClient(FrameType.PublicationEnded, sizeof(PublicationEndedFrame), (14, 2), Text),
        ToTheClient(FrameType.SubscriptionEnded, sizeof(SubscriptionEndedFrame), (14, 2), Text),
        ToTheServer(FrameType.Credit, sizeof(CreditFrame)),
        ToTheClient(FrameType.Deliver, sizeof(DeliverFrame), payload: true),
        ToTheClient(FrameType.DeliverConflated, sizeof(DeliverConflatedFrame), payload: true),
        ToTheServer(FrameType.Settle, sizeof(SettleFrame)),

        Request(CommandType.OpenPublication, sizeof(OpenPublicationCommand), (18, 6), (17, 1, (uint)PublicationFlags.Mandatory), S, S, S),
        Request(CommandType.ClosePublication, sizeof(ClosePublicationCommand), default, default),
        Request(CommandType.CommitTransaction, sizeof(RequestCommand), (12, 4), default),
        Request(CommandType.RollbackTransaction, sizeof(RequestCommand), (12, 4), default),
        Request(
            CommandType.Subscribe, sizeof(SubscribeCommand), (36, 4),
            (32, 4, (uint)(SubscribeFlags.NoAck | SubscribeFlags.Exclusive | SubscribeFlags.Browse | SubscribeFlags.Conflate)), S, S),
        Request(CommandType.Unsubscribe, sizeof(UnsubscribeCommand), (20, 4), (16, 4, (uint)UnsubscribeFlags.KeepUnsettled)),
        Request(CommandType.Get, sizeof(GetCommand), default, default),
        Request(CommandType.Recover, sizeof(RequestCommand), (12, 4), default),
        Request(CommandType.SetMaxUnacked, sizeof(RequestCommand), default, default),
        Request(
            CommandType.DeclareQueue, sizeof(RequestCommand), default,
            (12, 4, (uint)(QueueFlags.Durable | QueueFlags.Passive | QueueFlags.Exclusive | QueueFlags.AutoDelete)), S, Table),
        Request(CommandType.DeleteQueue, sizeof(RequestCommand), default, (12, 4, (uint)(DeleteFlags.IfUnused | DeleteFlags.IfEmpty)), S),
        Request(CommandType.PurgeQueue, sizeof(RequestCommand), (12, 4), default, S),
        Request(
            CommandType.DeclareExchange, sizeof(DeclareExchangeCommand), (15, 1),
            (12, 2, (uint)(ExchangeFlags.Durable | ExchangeFlags.Passive | ExchangeFlags.Internal | ExchangeFlags.AutoDelete)), S, Table),
        Request(CommandType.DeleteExchange, sizeof(RequestCommand), default, (12, 4, (uint)DeleteFlags.IfUnused), S),
        Request(CommandType.Bind, sizeof(RequestCommand), default, (12, 4, (uint)BindFlags.ToExchange), S, S, S, Table),
        Request(CommandType.Unbind, sizeof(RequestCommand), default, (12, 4, (uint)BindFlags.ToExchange), S, S, S, Table),
        Request(CommandType.DeclareVirtualHost, sizeof(RequestCommand), default, (12, 4, (uint)QueueFlags.Passive), S, Table),
        Request(CommandType.DeleteVirtualHost, sizeof(RequestCommand), (12, 4), default, S),

        Answer(EventType.Done, sizeof(DoneEvent), (12, 4)),
        Answer(EventType.Failed, sizeof(FailedEvent), (14, 2), Text),
        Answer(EventType.PublicationOpened, sizeof(PublicationOpenedEvent), (20, 4)),
        Answer(EventType.PublicationBlocked, sizeof(PublicationBlockedEvent), (14, 2), S, Text),
        Answer(EventType.PublicationUnblocked, sizeof(PublicationUnblockedEvent), (12, 4)),
        Answer(EventType.Subscribed, sizeof(SubscribedEvent), default, S),
        Answer(EventType.QueueDeclared, sizeof(QueueDeclaredEvent), default, S),
        new(FrameType.SubscriptionActive, sizeof(SubscriptionActiveEvent), false, true) { Event = EventType.SubscriptionActive, Flags = (12, 4, 1) },
    ];

    // Commands and events begin with 8 bytes that the frame has its header for, so their sizes are those of the frames.
    private static FrameShape Request(CommandType command, int length, (int, int) reserved, (int, int, uint) flags, params FramePart[] parts) =>
        new(Enum.Parse<FrameType>(command.ToString()), length, true, false, parts) { Command = command, Reserved = reserved, Flags = flags };

    private static FrameShape Answer(EventType type, int length, (int, int) reserved, params FramePart[] parts) =>
        new(Enum.Parse<FrameType>(type.ToString()), length, false, true, parts) { Event = type, Reserved = reserved };

    private static FrameShape ToTheServer(FrameType type, int length, (int, int) reserved = default, params FramePart[] parts) =>
        new(type, length, true, false, parts) { Reserved = reserved };

    private static FrameShape ToTheClient(FrameType type, int length, (int, int) reserved = default, params FramePart[] parts) =>
        new(type, length, false, true, parts) { Reserved = reserved };

    private static FrameShape ToTheServer(FrameType type, int length, bool payload) => new(type, length, true, false) { HasPayload = payload };

    private static FrameShape ToTheClient(FrameType type, int length, bool payload) => new(type, length, false, true) { HasPayload = payload };
}
