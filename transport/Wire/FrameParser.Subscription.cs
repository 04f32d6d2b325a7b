using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>The hot frames about consuming.</content>
internal static unsafe partial class FrameParser
{
    /// <summary>Parses a <see cref="FrameType.Credit"/>: any of the right length is in order.</summary>
    internal static CreditFrame ParseCredit(scoped ReadOnlySpan<byte> frame) => Fixed<CreditFrame>(frame);

    /// <summary>Parses a <see cref="FrameType.Deliver"/> in place.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>.</param>
    /// <param name="view">Valid as long as the frame.</param>
    /// <param name="error">Why not; costs the connection.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryParseDeliver(ReadOnlySpan<byte> frame, out DeliverView view, out FrameError error) =>
        TryParseDeliver(frame, sizeof(DeliverFrame), out view, out error);

    /// <summary>Parses a <see cref="FrameType.DeliverConflated"/> in place; its own two fields are to be read as a <see cref="DeliverConflatedFrame"/>.</summary>
    /// <inheritdoc cref="TryParseDeliver(ReadOnlySpan{byte}, out DeliverView, out FrameError)"/>
    internal static bool TryParseDeliverConflated(ReadOnlySpan<byte> frame, out DeliverView view, out FrameError error) =>
        TryParseDeliver(frame, sizeof(DeliverConflatedFrame), out view, out error);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryParseDeliver(ReadOnlySpan<byte> frame, int payload, out DeliverView view, out FrameError error)
    {
        ref readonly DeliverFrame fields = ref MemoryMarshal.AsRef<DeliverFrame>(frame);
        view = new DeliverView(in fields, frame[payload..]);
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
                FrameFault.PayloadOverrun, view.Fields.Header.Type,
                (uint)view.Fields.RoutingKeyLength + view.Fields.HeadersLength, (uint)view.Payload.Length)
            : new FrameError(FrameFault.UnknownFlags, view.Fields.Header.Type, view.Fields.Header.Flags, DeliverFrame.RedeliveredFlag);

    /// <summary>Parses a <see cref="FrameType.Settle"/>.</summary>
    internal static bool TryParseSettle(scoped ReadOnlySpan<byte> frame, out SettleFrame fields, out FrameError error)
    {
        fields = Fixed<SettleFrame>(frame);
        return CheckReserved(fields.Reserved1 == 0 && fields.Reserved2 == 0, FrameType.Settle, out error)
            && CheckFlags(fields.Flags, (uint)SettleFlags.InTransaction, FrameType.Settle, out error);
    }
}
