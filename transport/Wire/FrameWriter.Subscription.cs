using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>Frames about consuming.</content>
internal static unsafe partial class FrameWriter
{
    /// <summary>Writes a <see cref="FrameType.SubscriptionEnded"/> whose text is encoded already.</summary>
    internal static int WriteSubscriptionEndedEncoded(
        scoped Span<byte> destination, uint subscription, ErrorCode code, scoped ReadOnlySpan<byte> encoded) =>
        Write(
            destination, FrameType.SubscriptionEnded,
            new SubscriptionEndedFrame { Subscription = subscription, Code = (ushort)code }, encoded);

    /// <summary>Writes a <see cref="FrameType.Credit"/>, 24 bytes.</summary>
    internal static int WriteCredit(scoped Span<byte> destination, uint subscription, uint messages, ulong bytes) =>
        Begin(destination, FrameType.Credit, new CreditFrame { Subscription = subscription, Messages = messages, Bytes = bytes }, 0);

    /// <summary>Bytes, padding included, of a <see cref="FrameType.Deliver"/>.</summary>
    internal static int DeliverLength(int payloadLength) => LengthOf<DeliverFrame>(payloadLength);

    /// <summary>Writes a <see cref="FrameType.Deliver"/>, payload copied behind it.</summary>
    /// <param name="destination">At least <see cref="DeliverLength"/> bytes.</param>
    /// <param name="subscription">Handle of the subscription.</param>
    /// <param name="tag">Of the delivery.</param>
    /// <param name="queueSequence">Of the message in its queue.</param>
    /// <param name="redelivered">It may have been delivered before.</param>
    /// <param name="deliveryCount">How often, as far as is known.</param>
    /// <param name="dispatchedDeltaNs">Nanoseconds from its receipt to its dispatch.</param>
    /// <param name="deliveredBlock">The <see cref="MessageLayout.DeliveredBlockLength"/> bytes of its record, copied as they are.</param>
    /// <param name="payload">Routing key, headers and body, of which the block has the lengths.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int WriteDeliver(
        scoped Span<byte> destination, uint subscription, ulong tag, ulong queueSequence, bool redelivered, ushort deliveryCount,
        uint dispatchedDeltaNs, byte* deliveredBlock, scoped ReadOnlySpan<byte> payload)
    {
        int padded = FrameLayout.PaddedLength(FrameLayout.DeliverPayload + payload.Length);
        if ((uint)destination.Length < (uint)padded)
            ThrowTooShort(destination.Length, padded);
        ref byte start = ref MemoryMarshal.GetReference(destination);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, padded - FrameLayout.Alignment), 0UL);
        PutDeliver(
            ref start, FrameType.Deliver, FrameLayout.DeliverPayload + payload.Length, subscription, tag, queueSequence, redelivered, deliveryCount,
            dispatchedDeltaNs, deliveredBlock);
        payload.CopyTo(destination[FrameLayout.DeliverPayload..]);
        return padded;
    }

    /// <summary>Writes the fixed part of a <see cref="FrameType.Deliver"/> only: the payload, then
    /// <see cref="PaddingAfter"/> zeros, are for the caller to send behind it.</summary>
    /// <returns><see cref="FrameLayout.DeliverPayload"/>.</returns>
    /// <inheritdoc cref="WriteDeliver"/>
    internal static int WriteDeliverHead(
        scoped Span<byte> destination, uint subscription, ulong tag, ulong queueSequence, bool redelivered, ushort deliveryCount,
        uint dispatchedDeltaNs, byte* deliveredBlock, int payloadLength)
    {
        if (destination.Length < FrameLayout.DeliverPayload)
            ThrowTooShort(destination.Length, FrameLayout.DeliverPayload);
        PutDeliver(
            ref MemoryMarshal.GetReference(destination), FrameType.Deliver, FrameLayout.DeliverPayload + payloadLength, subscription, tag, queueSequence,
            redelivered, deliveryCount, dispatchedDeltaNs, deliveredBlock);
        return FrameLayout.DeliverPayload;
    }

    /// <summary>Writes the fixed part of a <see cref="FrameType.DeliverConflated"/> only, as <see cref="WriteDeliverHead"/>.</summary>
    /// <param name="destination">At least <see cref="FrameLayout.DeliverConflatedPayload"/> bytes.</param>
    /// <param name="conflated">As the engine gave it.</param>
    /// <param name="dispatchedDeltaNs">Nanoseconds from its receipt to its dispatch.</param>
    /// <param name="deliveredBlock">The <see cref="MessageLayout.DeliveredBlockLength"/> bytes of its record, copied as they are.</param>
    /// <param name="payloadLength">Bytes of routing key, headers and body.</param>
    /// <returns><see cref="FrameLayout.DeliverConflatedPayload"/>.</returns>
    internal static int WriteDeliverConflatedHead(
        scoped Span<byte> destination, scoped in DeliverConflatedEvent conflated, uint dispatchedDeltaNs, byte* deliveredBlock, int payloadLength)
    {
        if (destination.Length < FrameLayout.DeliverConflatedPayload)
            ThrowTooShort(destination.Length, FrameLayout.DeliverConflatedPayload);
        ref byte start = ref MemoryMarshal.GetReference(destination);
        ref readonly DeliverEvent deliver = ref conflated.Deliver;
        PutDeliver(
            ref start, FrameType.DeliverConflated, FrameLayout.DeliverConflatedPayload + payloadLength, deliver.Subscription, deliver.Tag,
            deliver.QueueSequence, (deliver.Flags & DeliverEvent.RedeliveredFlag) != 0, deliver.DeliveryCount, dispatchedDeltaNs, deliveredBlock);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, FrameLayout.DeliverPayload), conflated.FirstSequence);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, FrameLayout.DeliverPayload + sizeof(ulong)), conflated.Elided);
        return FrameLayout.DeliverConflatedPayload;
    }

    /// <summary>Writes a <see cref="FrameType.DeliverConflated"/>, payload copied behind it.</summary>
    /// <inheritdoc cref="WriteDeliverConflatedHead"/>
    internal static int WriteDeliverConflated(
        scoped Span<byte> destination, scoped in DeliverConflatedEvent conflated, uint dispatchedDeltaNs, byte* deliveredBlock,
        scoped ReadOnlySpan<byte> payload)
    {
        int padded = LengthOf<DeliverConflatedFrame>(payload.Length);
        if ((uint)destination.Length < (uint)padded)
            ThrowTooShort(destination.Length, padded);
        destination[(padded - FrameLayout.Alignment)..padded].Clear();
        WriteDeliverConflatedHead(destination, conflated, dispatchedDeltaNs, deliveredBlock, payload.Length);
        payload.CopyTo(destination[FrameLayout.DeliverConflatedPayload..]);
        return padded;
    }

    // The caller has checked that there is room for the fixed part.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutDeliver(
        ref byte start, FrameType type, int length, uint subscription, ulong tag, ulong queueSequence, bool redelivered, ushort deliveryCount,
        uint dispatchedDeltaNs, byte* deliveredBlock)
    {
        ulong flags = redelivered ? (ulong)DeliverFrame.RedeliveredFlag << 40 : 0;
        ulong header = (uint)length | (ulong)type << 32 | flags | (ulong)deliveryCount << 48;
        Unsafe.WriteUnaligned(ref start, header);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, 8), tag);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, 16), queueSequence);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, 24), subscription | (ulong)dispatchedDeltaNs << 32);
        Unsafe.CopyBlockUnaligned(
            ref Unsafe.Add(ref start, FrameLayout.DeliverBlock), ref *deliveredBlock, MessageLayout.DeliveredBlockLength);
    }

    /// <summary>Writes a <see cref="FrameType.Settle"/>, 48 bytes.</summary>
    /// <param name="destination">At least 48 bytes.</param>
    /// <param name="subscription">Handle of the subscription.</param>
    /// <param name="kind">What happens to the deliveries.</param>
    /// <param name="firstTag">First tag of the range; 0 for all up to <paramref name="lastTag"/>.</param>
    /// <param name="lastTag">Last tag of the range.</param>
    /// <param name="creditMessages">Credit in messages added at the same time.</param>
    /// <param name="creditBytes">Credit in bytes added at the same time.</param>
    /// <param name="flags">Whether it is part of the session's transaction.</param>
    internal static int WriteSettle(
        scoped Span<byte> destination, uint subscription, SettleKind kind, ulong firstTag, ulong lastTag, uint creditMessages, ulong creditBytes,
        SettleFlags flags = SettleFlags.None)
    {
        SettleFrame fields = new()
        {
            Subscription = subscription,
            Kind = (byte)kind,
            Flags = (byte)flags,
            FirstTag = firstTag,
            LastTag = lastTag,
            CreditMessages = creditMessages,
            CreditBytes = creditBytes,
        };
        return Begin(destination, FrameType.Settle, fields, 0);
    }
}
