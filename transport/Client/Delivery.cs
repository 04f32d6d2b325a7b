using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Takes deliveries.</summary>
/// <param name="subscription">The subscription, to settle with.</param>
/// <param name="delivery">The message in place. Its spans are the connection's: copy what is needed after the call.</param>
/// <remarks>
/// On the connection's thread (<see cref="ConnectionMode.Background"/>) or inside <see cref="Connection.Poll"/>. Must not block. What it throws comes out of
/// <see cref="Connection.Poll"/> with the delivery unsettled, or ends a background connection.
/// </remarks>
public delegate void DeliveryHandler(Subscription subscription, in Delivery delivery);

/// <summary>A message in a handler's hands, read in place.</summary>
public readonly ref struct Delivery
{
    private readonly ref readonly DeliveredBlock _block;
    private readonly ReadOnlySpan<byte> _payload;

    /// <param name="block">The block of <see cref="MessageLayout.DeliveredBlockLength"/> bytes; its lengths were checked against the payload.</param>
    /// <param name="payload">Routing key, headers, body.</param>
    /// <param name="tag">The user's tag.</param>
    /// <param name="queueSequence">As the broker sent it.</param>
    /// <param name="deliveryCount">As the broker sent it.</param>
    /// <param name="redelivered">As the broker sent it.</param>
    /// <param name="dispatchedNs">Unix time in nanoseconds.</param>
    /// <param name="firstSequence">As the broker sent it; 0 where it is not conflated.</param>
    /// <param name="elided">As the broker sent it.</param>
    internal Delivery(
        ref readonly byte block, ReadOnlySpan<byte> payload, ulong tag, ulong queueSequence, int deliveryCount, bool redelivered, long dispatchedNs,
        ulong firstSequence, ulong elided)
    {
        _block = ref Unsafe.As<byte, DeliveredBlock>(ref Unsafe.AsRef(in block));
        _payload = payload;
        Tag = tag;
        QueueSequence = queueSequence;
        DeliveryCount = deliveryCount;
        IsRedelivered = redelivered;
        DispatchedNs = dispatchedNs;
        FirstSequence = firstSequence == 0 ? queueSequence : firstSequence;
        Elided = elided;
    }

    /// <summary>The message's body. Valid during the handler.</summary>
    public ReadOnlySpan<byte> Body => _payload[(_block.RoutingKeyLength + _block.HeadersLength)..];

    /// <summary>Its properties and header table, read in place. Valid during the handler.</summary>
    public Properties Properties => new(Headers);

    /// <summary>The message's headers as they stand: a content header, or empty. Valid during the handler.</summary>
    public ReadOnlySpan<byte> Headers => _payload.Slice(_block.RoutingKeyLength, _block.HeadersLength);

    /// <summary>The routing key in UTF-8. Valid during the handler.</summary>
    public ReadOnlySpan<byte> RoutingKey => _payload[.._block.RoutingKeyLength];

    /// <summary>To settle with: 1, 2, 3, … for each subscription, going on over a reconnect.</summary>
    public ulong Tag { get; }

    /// <summary>Number of the message in its queue: rises by 1, kept over a restart of the broker.</summary>
    public ulong QueueSequence { get; }

    /// <summary>Of a conflating subscription: the first queue sequence with this key since the key was last delivered here. Else <see cref="QueueSequence"/>.</summary>
    public ulong FirstSequence { get; }

    /// <summary>Of a conflating subscription: messages with this key that are not delivered because this one is newer. Else 0.</summary>
    public ulong Elided { get; }

    /// <summary>How often it was delivered before, as far as is known.</summary>
    public int DeliveryCount { get; }

    /// <summary>Whether it may have been delivered before.</summary>
    public bool IsRedelivered { get; }

    /// <summary>When it was published: Unix time in nanoseconds, by the publisher's clock.</summary>
    public long PublishedNs => _block.PublishedNs;

    /// <summary>When the broker received it: Unix time in nanoseconds, by the broker's clock, as are the next two.</summary>
    public long ReceivedNs => _block.ReceivedNs;

    /// <summary>When it was in the journal: Unix time in nanoseconds.</summary>
    public long JournaledNs => _block.ReceivedNs + _block.JournaledDeltaNs;

    /// <summary>When this delivery was dispatched, in-process taken by the client: Unix time in nanoseconds.</summary>
    public long DispatchedNs { get; }

    /// <summary>The 24 bytes of <see cref="MessageLayout"/> from <see cref="MessageLayout.PublishedNs"/> on.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct DeliveredBlock
    {
        internal long PublishedNs;
        internal long ReceivedNs;
        internal uint JournaledDeltaNs;
        internal ushort RoutingKeyLength;
        internal ushort HeadersLength;
    }
}
