using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LowLatency.Transport.Wire;

/// <content>Frames about consuming.</content>
internal static unsafe partial class FrameParser
{
    /// <summary>Parses a <see cref="FrameType.Subscribe"/>.</summary>
    internal static bool TryParseSubscribe(ReadOnlySpan<byte> frame, out NameView<SubscribeFrame> view, out FrameError error) =>
        TryParseName(frame, Fixed<SubscribeFrame>(frame).Request, reservedIsZero: true, 0, 0, out view, out error);

    /// <summary>Parses a <see cref="FrameType.Subscribed"/>: any of the right length is in order.</summary>
    internal static SubscribedFrame ParseSubscribed(scoped ReadOnlySpan<byte> frame) => Fixed<SubscribedFrame>(frame);

    /// <summary>Parses an <see cref="FrameType.Unsubscribe"/>: any of the right length is in order.</summary>
    internal static UnsubscribeFrame ParseUnsubscribe(scoped ReadOnlySpan<byte> frame) => Fixed<UnsubscribeFrame>(frame);

    /// <summary>Parses a <see cref="FrameType.SubscriptionEnded"/>.</summary>
    internal static bool TryParseSubscriptionEnded(ReadOnlySpan<byte> frame, out TextView<SubscriptionEndedFrame> view, out FrameError error) =>
        TryParseText(frame, Fixed<SubscriptionEndedFrame>(frame).Reserved == 0, out view, out error);

    /// <summary>Parses a <see cref="FrameType.Credit"/>: any of the right length is in order.</summary>
    internal static CreditFrame ParseCredit(scoped ReadOnlySpan<byte> frame) => Fixed<CreditFrame>(frame);

    /// <summary>Parses a <see cref="FrameType.Deliver"/> in place.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>.</param>
    /// <param name="view">Valid as long as the frame.</param>
    /// <param name="error">Why not; costs the connection.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryParseDeliver(ReadOnlySpan<byte> frame, out DeliverView view, out FrameError error)
    {
        ref readonly DeliverFrame fields = ref MemoryMarshal.AsRef<DeliverFrame>(frame);
        view = new DeliverView(in fields, frame[sizeof(DeliverFrame)..]);
        if (view.BodyLength >= 0 && (fields.Header.Flags & ~DeliverFrame.RedeliveredFlag) == 0)
        {
            error = default;
            return true;
        }

        error = ExplainDeliver(view);
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FrameError ExplainDeliver(scoped in DeliverView view) =>
        view.BodyLength < 0
            ? new FrameError(
                FrameFault.PayloadOverrun, FrameType.Deliver,
                (uint)view.Fields.RoutingKeyLength + view.Fields.HeadersLength, (uint)view.Payload.Length)
            : new FrameError(FrameFault.UnknownFlags, FrameType.Deliver, view.Fields.Header.Flags, DeliverFrame.RedeliveredFlag);

    /// <summary>Parses a <see cref="FrameType.Settle"/>.</summary>
    internal static bool TryParseSettle(scoped ReadOnlySpan<byte> frame, out SettleFrame fields, out FrameError error)
    {
        fields = Fixed<SettleFrame>(frame);
        return CheckReserved((fields.Reserved0 | fields.Reserved1) == 0 && fields.Reserved2 == 0, FrameType.Settle, out error);
    }
}
