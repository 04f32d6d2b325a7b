namespace LowLatency.Transport.Wire;

/// <summary>A <see cref="FrameType.Publish"/>, read in place: valid as long as the frame is.</summary>
internal readonly ref struct PublishView
{
    private readonly ref readonly PublishFrame _fields;

    /// <param name="fields">Start of a frame that was checked.</param>
    /// <param name="payload">All bytes after its fixed part.</param>
    internal PublishView(ref readonly PublishFrame fields, ReadOnlySpan<byte> payload)
    {
        _fields = ref fields;
        Payload = payload;
    }

    internal ref readonly PublishFrame Fields => ref _fields;

    /// <summary>Routing key, headers and body, one after the other: the variable part of the engine's command.</summary>
    internal ReadOnlySpan<byte> Payload { get; }

    internal int BodyLength => Payload.Length - _fields.RoutingKeyLength - _fields.HeadersLength;

    /// <summary>Empty: the publication's.</summary>
    internal ReadOnlySpan<byte> RoutingKey => Payload[.._fields.RoutingKeyLength];

    internal ReadOnlySpan<byte> Headers => Payload.Slice(_fields.RoutingKeyLength, _fields.HeadersLength);

    internal ReadOnlySpan<byte> Body => Payload[(_fields.RoutingKeyLength + _fields.HeadersLength)..];
}
