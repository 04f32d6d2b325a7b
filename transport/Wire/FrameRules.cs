using System.Runtime.CompilerServices;

namespace LowLatency.Transport.Wire;

/// <summary>What the 8 bytes of a header can be wrong in: which types a side accepts, and how long each can be.</summary>
internal static unsafe class FrameRules
{
    private const int OneString = 1 + FrameLayout.MaxStringLength;
    private const int Text = 2 + FrameLayout.MaxTextLength;
    private const uint Unbounded = uint.MaxValue;

    private static readonly Range[] Server = Build(FrameReceiver.Server);
    private static readonly Range[] Client = Build(FrameReceiver.Client);

    /// <summary>True when a header is in order: one table look-up and two comparisons.</summary>
    /// <param name="header">The 8 bytes as a little-endian number.</param>
    /// <param name="receiver">The side that reads.</param>
    /// <param name="maxFrameLength">Longest frame accepted, in bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Accepts(ulong header, FrameReceiver receiver, uint maxFrameLength)
    {
        byte type = (byte)(header >> 32);
        uint length = (uint)header;
        ref readonly Range range = ref (receiver == FrameReceiver.Server ? Server : Client)[type];
        return length - range.Minimum <= range.Span & length <= maxFrameLength
            && (header >> 40 == 0 || type == (byte)FrameType.Deliver);
    }

    /// <summary>Says why <see cref="Accepts"/> did not.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static FrameError Explain(ulong header, FrameReceiver receiver, uint maxFrameLength)
    {
        uint length = (uint)header;
        FrameType type = (FrameType)(byte)(header >> 32);
        (uint minimum, uint maximum, bool toServer, bool toClient) = Of(type);
        if (length < FrameLayout.HeaderLength)
            return new FrameError(FrameFault.LengthBelowHeader, type, length, FrameLayout.HeaderLength);
        if (length > maxFrameLength)
            return new FrameError(FrameFault.LengthOverLimit, type, length, maxFrameLength);
        if (!toServer && !toClient)
            return new FrameError(FrameFault.UnknownType, type);
        if (receiver == FrameReceiver.Server ? !toServer : !toClient)
            return new FrameError(FrameFault.WrongDirection, type);
        if (length < minimum)
            return new FrameError(FrameFault.LengthBelowMinimum, type, length, minimum);
        if (length > maximum)
            return new FrameError(FrameFault.LengthOverMaximum, type, length, maximum);
        return new FrameError(FrameFault.HeaderReserved, type);
    }

    /// <summary>True for a type that exists, in whichever direction.</summary>
    internal static bool Exists(FrameType type) => Of(type) is { ToServer: true } or { ToClient: true };

    /// <summary>True for a header that one of the two sides would accept: bytes that are this protocol, if at the wrong time.</summary>
    internal static bool IsPlausible(ulong header) =>
        Accepts(header, FrameReceiver.Server, int.MaxValue) || Accepts(header, FrameReceiver.Client, int.MaxValue);

    /// <summary>Name of a type for people.</summary>
    internal static string NameOf(FrameType type) =>
        Exists(type) ? type.ToString() : $"A frame of type {(byte)type}";

    // Shortest and longest length of each type, and who accepts it.
    private static (uint Minimum, uint Maximum, bool ToServer, bool ToClient) Of(FrameType type) => type switch
    {
        FrameType.Hello => Strings(sizeof(HelloFrame), 2, true, false),
        FrameType.Welcome => Strings(sizeof(WelcomeFrame), 1, false, true),
        FrameType.Error => Ending(sizeof(CloseFrame), false, true),
        FrameType.Close => Ending(sizeof(CloseFrame), true, true),
        FrameType.Heartbeat => Fixed(sizeof(HeartbeatFrame), true, true),
        FrameType.Done => Fixed(sizeof(DoneFrame), false, true),
        FrameType.Failed => Ending(sizeof(FailedFrame), false, true),
        FrameType.OpenPublication => Strings(sizeof(OpenPublicationFrame), 3, true, false),
        FrameType.PublicationOpened => Fixed(sizeof(PublicationOpenedFrame), false, true),
        FrameType.ClosePublication => Fixed(sizeof(ClosePublicationFrame), true, false),
        FrameType.Publish => ((uint)sizeof(PublishFrame), Unbounded, true, false),
        FrameType.Confirm => Fixed(sizeof(ConfirmFrame), false, true),
        FrameType.Rejected => ((uint)sizeof(RejectedFrame), (uint)(sizeof(RejectedFrame) + OneString + Text), false, true),
        FrameType.PublicationReady => Fixed(sizeof(PublicationReadyFrame), false, true),
        FrameType.PublicationEnded => Ending(sizeof(PublicationEndedFrame), false, true),
        FrameType.Subscribe => Strings(sizeof(SubscribeFrame), 1, true, false),
        FrameType.Subscribed => Fixed(sizeof(SubscribedFrame), false, true),
        FrameType.Unsubscribe => Fixed(sizeof(UnsubscribeFrame), true, false),
        FrameType.SubscriptionEnded => Ending(sizeof(SubscriptionEndedFrame), false, true),
        FrameType.Credit => Fixed(sizeof(CreditFrame), true, false),
        FrameType.Deliver => ((uint)sizeof(DeliverFrame), Unbounded, false, true),
        FrameType.Settle => Fixed(sizeof(SettleFrame), true, false),
        FrameType.DeclareQueue => Strings(sizeof(DeclareQueueFrame), 1, true, false),
        FrameType.QueueDeclared => Fixed(sizeof(QueueDeclaredFrame), false, true),
        FrameType.DeleteQueue => Strings(sizeof(NamedRequestFrame), 1, true, false),
        FrameType.DeclareExchange => Strings(sizeof(DeclareExchangeFrame), 1, true, false),
        FrameType.DeleteExchange => Strings(sizeof(NamedRequestFrame), 1, true, false),
        FrameType.Bind or FrameType.Unbind => Strings(sizeof(NamedRequestFrame), 3, true, false),
        _ => default,
    };

    private static (uint, uint, bool, bool) Fixed(int length, bool toServer, bool toClient) =>
        ((uint)length, (uint)length, toServer, toClient);

    private static (uint, uint, bool, bool) Strings(int length, int count, bool toServer, bool toClient) =>
        ((uint)length, (uint)(length + count * OneString), toServer, toClient);

    private static (uint, uint, bool, bool) Ending(int length, bool toServer, bool toClient) =>
        ((uint)length, (uint)(length + Text), toServer, toClient);

    private static Range[] Build(FrameReceiver receiver)
    {
        Range[] ranges = new Range[256];
        for (int type = 0; type < ranges.Length; type++)
        {
            (uint minimum, uint maximum, bool toServer, bool toClient) = Of((FrameType)type);
            bool accepted = receiver == FrameReceiver.Server ? toServer : toClient;
            // What is not accepted gets a range that holds no length below uint.MaxValue, and none may be that long.
            ranges[type] = accepted ? new Range(minimum, maximum - minimum) : new Range(uint.MaxValue, 0);
        }

        return ranges;
    }

    private readonly record struct Range(uint Minimum, uint Span);
}
