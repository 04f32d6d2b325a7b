namespace LowLatency.Core.Engine;

/// <summary>A message in place, in the log. Valid until its reader leaves its section (<see cref="MessageReader.Exit"/>).</summary>
internal readonly unsafe struct MessageView
{
    private readonly byte* _body;

    internal MessageView(byte* body, int bodyLength)
    {
        _body = body;
        int offset = MessageLayout.Payload(*(ushort*)(body + MessageLayout.RouteCount));
        Payload = body + offset;
        PayloadLength = bodyLength - offset;
    }

    /// <summary>The <see cref="MessageLayout.DeliveredBlockLength"/> bytes that a deliver frame repeats.</summary>
    internal byte* DeliveredBlock => _body + MessageLayout.PublishedNs;

    /// <summary>The body of its record, for a copy of it.</summary>
    internal ReadOnlySpan<byte> Record => new(_body, (int)(Payload - _body) + PayloadLength);

    /// <summary>Routing key, headers and body, one behind the other.</summary>
    internal byte* Payload { get; }

    /// <summary>Bytes of <see cref="Payload"/>.</summary>
    internal int PayloadLength { get; }

    /// <summary>Unix time in nanoseconds by the publisher's clock.</summary>
    internal long PublishedNs => *(long*)(_body + MessageLayout.PublishedNs);

    /// <summary>Unix time in nanoseconds at which the broker received it.</summary>
    internal long ReceivedNs => *(long*)(_body + MessageLayout.ReceivedNs);

    /// <summary>Nanoseconds from received to journaled; stops at 4.29 s.</summary>
    internal uint JournaledDeltaNs => *(uint*)(_body + MessageLayout.JournaledDeltaNs);

    /// <summary>Exchange that it was published to; 0 for the default exchange.</summary>
    internal uint ExchangeId => *(uint*)(_body + MessageLayout.ExchangeId);

    /// <summary>Whether it was scheduled when it came to a queue.</summary>
    internal bool WasScheduledFor(uint queueId)
    {
        int routes = *(ushort*)(_body + MessageLayout.RouteCount);
        byte* route = _body + MessageLayout.Routes;
        for (int i = 0; i < routes; i++, route += MessageLayout.RouteLength)
        {
            if (*(uint*)(route + MessageLayout.RouteQueueId) == queueId)
                return (*(uint*)(route + MessageLayout.RouteFlags) & (MessageLayout.ScheduledFlag | MessageLayout.WasScheduledFlag)) != 0;
        }
        return false;
    }

    internal int RoutingKeyLength => *(ushort*)(_body + MessageLayout.RoutingKeyLength);

    internal int HeadersLength => *(ushort*)(_body + MessageLayout.HeadersLength);

    internal ReadOnlySpan<byte> RoutingKey => new(Payload, RoutingKeyLength);

    internal ReadOnlySpan<byte> Headers => new(Payload + RoutingKeyLength, HeadersLength);

    internal ReadOnlySpan<byte> Body => new(Payload + RoutingKeyLength + HeadersLength, PayloadLength - RoutingKeyLength - HeadersLength);
}
