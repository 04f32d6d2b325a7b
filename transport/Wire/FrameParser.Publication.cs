using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about publishing.</content>
internal static unsafe partial class FrameParser
{
    /// <summary>Parses an <see cref="FrameType.OpenPublication"/>.</summary>
    internal static bool TryParseOpenPublication(ReadOnlySpan<byte> frame, out OpenPublicationView view, out FrameError error)
    {
        const FrameType Type = FrameType.OpenPublication;
        view = default;
        OpenPublicationFrame fields = Fixed<OpenPublicationFrame>(frame);
        ReadOnlySpan<byte> strings = frame[sizeof(OpenPublicationFrame)..];
        ReadOnlySpan<byte> rest = strings;
        if (!CheckReserved((fields.Reserved0 | fields.Reserved1) == 0, Type, out error)
            || !CheckFlags(fields.Flags, (byte)PublicationFlags.Mandatory, Type, out error)
            || !TryTakeString(ref rest, 1, Type, out ReadOnlySpan<byte> publisher, out error)
            || !TryTakeString(ref rest, 2, Type, out ReadOnlySpan<byte> exchange, out error)
            || !TryTakeString(ref rest, 3, Type, out ReadOnlySpan<byte> routingKey, out error)
            || !CheckEnd(rest, Type, out error)
            || !CheckName(publisher, mayBeEmpty: true, 1, Type, fields.Request, out error)
            || !CheckName(exchange, mayBeEmpty: true, 2, Type, fields.Request, out error)
            || !CheckName(routingKey, mayBeEmpty: true, 3, Type, fields.Request, out error))
            return false;

        view = new OpenPublicationView
        {
            Fields = fields, Publisher = publisher, Exchange = exchange, RoutingKey = routingKey, Strings = strings,
        };
        return true;
    }

    /// <summary>Parses a <see cref="FrameType.PublicationOpened"/>.</summary>
    internal static bool TryParsePublicationOpened(scoped ReadOnlySpan<byte> frame, out PublicationOpenedFrame fields, out FrameError error)
    {
        fields = Fixed<PublicationOpenedFrame>(frame);
        return CheckReserved(fields.Reserved == 0, FrameType.PublicationOpened, out error);
    }

    /// <summary>Parses a <see cref="FrameType.ClosePublication"/>: any of the right length is in order.</summary>
    internal static ClosePublicationFrame ParseClosePublication(scoped ReadOnlySpan<byte> frame) => Fixed<ClosePublicationFrame>(frame);

    /// <summary>Parses a <see cref="FrameType.Publish"/> in place.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>.</param>
    /// <param name="maxBodyLength">Longest body accepted, in bytes.</param>
    /// <param name="view">Valid as long as the frame.</param>
    /// <param name="error">Why not; costs the connection.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryParsePublish(ReadOnlySpan<byte> frame, int maxBodyLength, out PublishView view, out FrameError error)
    {
        ref readonly PublishFrame fields = ref MemoryMarshal.AsRef<PublishFrame>(frame);
        view = new PublishView(in fields, frame[sizeof(PublishFrame)..]);
        if ((uint)view.BodyLength <= (uint)maxBodyLength && fields.RoutingKeyLength == 0)
        {
            error = default;
            return true;
        }

        return CheckPublish(view, maxBodyLength, out error);
    }

    // Publishes with a routing key of their own, and wrong ones.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool CheckPublish(scoped in PublishView view, int maxBodyLength, out FrameError error)
    {
        uint keyLength = view.Fields.RoutingKeyLength;
        if (view.BodyLength < 0)
            error = new FrameError(FrameFault.PayloadOverrun, FrameType.Publish, keyLength + view.Fields.HeadersLength, (uint)view.Payload.Length);
        else if (view.BodyLength > maxBodyLength)
            error = new FrameError(FrameFault.BodyOverLimit, FrameType.Publish, (uint)view.BodyLength, (uint)maxBodyLength);
        else if (keyLength > FrameLayout.MaxStringLength)
            error = new FrameError(FrameFault.RoutingKeyTooLong, FrameType.Publish, keyLength, FrameLayout.MaxStringLength);
        else if (!Utf8.IsValid(view.RoutingKey))
            error = new FrameError(FrameFault.RoutingKeyNotUtf8, FrameType.Publish);
        else
            error = default;
        return error.IsNone;
    }

    /// <summary>Parses a <see cref="FrameType.Confirm"/>.</summary>
    internal static bool TryParseConfirm(scoped ReadOnlySpan<byte> frame, out ConfirmFrame fields, out FrameError error)
    {
        fields = Fixed<ConfirmFrame>(frame);
        return CheckReserved((fields.Reserved0 | fields.Reserved1) == 0, FrameType.Confirm, out error);
    }

    /// <summary>Parses a <see cref="FrameType.Rejected"/>.</summary>
    internal static bool TryParseRejected(ReadOnlySpan<byte> frame, out RejectedView view, out FrameError error)
    {
        view = default;
        RejectedFrame fields = Fixed<RejectedFrame>(frame);
        ReadOnlySpan<byte> rest = frame[sizeof(RejectedFrame)..];
        if (!CheckReserved(fields.Reserved == 0, FrameType.Rejected, out error)
            || !TryTakeString(ref rest, 1, FrameType.Rejected, out ReadOnlySpan<byte> queue, out error)
            || !TryTakeText(rest, FrameType.Rejected, out ReadOnlySpan<byte> text, out error)
            || !CheckString(queue, 1, FrameType.Rejected, out error))
            return false;

        view = new RejectedView { Fields = fields, Queue = queue, Text = text };
        return true;
    }

    /// <summary>Parses a <see cref="FrameType.PublicationReady"/>.</summary>
    internal static bool TryParsePublicationReady(scoped ReadOnlySpan<byte> frame, out PublicationReadyFrame fields, out FrameError error)
    {
        fields = Fixed<PublicationReadyFrame>(frame);
        return CheckReserved(fields.Reserved == 0, FrameType.PublicationReady, out error);
    }

    /// <summary>Parses a <see cref="FrameType.PublicationEnded"/>.</summary>
    internal static bool TryParsePublicationEnded(ReadOnlySpan<byte> frame, out TextView<PublicationEndedFrame> view, out FrameError error) =>
        TryParseText(frame, Fixed<PublicationEndedFrame>(frame).Reserved == 0, out view, out error);
}
