namespace LowLatency.Transport.Wire;

/// <summary>A <see cref="FrameType.Deliver"/>, read in place: valid as long as the frame is.</summary>
internal readonly ref struct DeliverView
{
    private readonly ref readonly DeliverFrame _fields;

    /// <param name="fields">Start of a frame that was checked.</param>
    /// <param name="payload">All bytes after its fixed part.</param>
    internal DeliverView(ref readonly DeliverFrame fields, ReadOnlySpan<byte> payload)
    {
        _fields = ref fields;
        Payload = payload;
    }

    internal ref readonly DeliverFrame Fields => ref _fields;

    /// <summary>Routing key, headers and body, one after the other.</summary>
    internal ReadOnlySpan<byte> Payload { get; }

    internal bool Redelivered => (_fields.Header.Flags & DeliverFrame.RedeliveredFlag) != 0;

    internal ushort DeliveryCount => _fields.Header.Extra;

    internal int BodyLength => Payload.Length - _fields.RoutingKeyLength - _fields.HeadersLength;

    internal ReadOnlySpan<byte> RoutingKey => Payload[.._fields.RoutingKeyLength];

    internal ReadOnlySpan<byte> Headers => Payload.Slice(_fields.RoutingKeyLength, _fields.HeadersLength);

    internal ReadOnlySpan<byte> Body => Payload[(_fields.RoutingKeyLength + _fields.HeadersLength)..];
}
