namespace LowLatency.Server.Demo;

/// <summary>What the publisher was told and what the consumer got: the proof that nothing confirmed was lost, reordered or made up.</summary>
/// <remarks>One thread. All memory is bought in the constructor.</remarks>
internal sealed class DeliveryLedger
{
    private readonly OrderEvents _events;
    private readonly bool[] _delivered;
    private readonly byte[] _expected = new byte[OrderEvents.MaxLength];
    private ulong _publishedDigest;
    private ulong _deliveredDigest;

    /// <param name="events">The generator that the publisher uses.</param>
    /// <param name="capacity">Most events of the stream.</param>
    internal DeliveryLedger(OrderEvents events, int capacity)
    {
        _events = events;
        _delivered = new bool[capacity];
    }

    /// <summary>Events handed to the client.</summary>
    internal long Published { get; private set; }

    /// <summary>Events that the broker confirmed: 0 up to this, not included.</summary>
    internal long Confirmed { get; private set; }

    /// <summary>Different events that arrived.</summary>
    internal long Delivered { get; private set; }

    /// <summary>Deliveries of an event that had arrived before, marked as redelivered: allowed, and counted.</summary>
    internal long Redelivered { get; private set; }

    /// <summary>Deliveries of an event that had arrived before without that mark.</summary>
    internal long UnmarkedRepeats { get; private set; }

    /// <summary>New events that arrived before an earlier one.</summary>
    internal long Reordered { get; private set; }

    /// <summary>Deliveries of something that was never published, or with other bytes.</summary>
    internal long Phantoms { get; private set; }

    /// <summary>Events that the broker rejected.</summary>
    internal long Rejected { get; private set; }

    /// <summary>Confirmed events that never arrived. Final once the stream has ended.</summary>
    internal long Lost
    {
        get
        {
            long lost = 0;
            for (long number = 0; number < Confirmed; number++)
                lost += _delivered[number] ? 0 : 1;
            return lost;
        }
    }

    /// <summary>Everything that was published was confirmed and has arrived.</summary>
    internal bool IsComplete => Confirmed == Published && Delivered >= Published;

    /// <summary>Digests of the bytes sent and received, in their order.</summary>
    internal (ulong Published, ulong Delivered) Digests => (_publishedDigest, _deliveredDigest);

    /// <summary>Nothing lost, reordered, made up or rejected, and all of it confirmed.</summary>
    internal bool IsProven
        => IsComplete && Lost == 0 && Reordered == 0 && Phantoms == 0 && UnmarkedRepeats == 0 && Rejected == 0
            && Delivered == Published && _publishedDigest == _deliveredDigest;

    /// <summary>The next event was handed to the client.</summary>
    internal void OnPublished(ReadOnlySpan<byte> body)
    {
        Published++;
        _publishedDigest = OrderEvents.Fold(_publishedDigest, body);
    }

    /// <summary>All events below <paramref name="end"/> are confirmed.</summary>
    internal void OnConfirmed(long end) => Confirmed = Math.Max(Confirmed, end);

    internal void OnRejected() => Rejected++;

    /// <summary>Something arrived.</summary>
    /// <param name="body">Its bytes.</param>
    /// <param name="redelivered">The broker's mark that it may have been delivered before.</param>
    /// <param name="number">Number of the event.</param>
    /// <returns>True: an event of the stream, for the first time.</returns>
    internal bool OnDelivered(ReadOnlySpan<byte> body, bool redelivered, out long number)
    {
        number = OrderEvents.NumberOf(body);
        if (number < 0 || number >= Published || !body.SequenceEqual(_expected.AsSpan(0, _events.Write(number, _expected))))
        {
            Phantoms++;
            return false;
        }
        if (_delivered[number])
        {
            if (redelivered)
                Redelivered++;
            else
                UnmarkedRepeats++;
            return false;
        }
        _delivered[number] = true;
        if (number != Delivered)
            Reordered++;
        Delivered++;
        _deliveredDigest = OrderEvents.Fold(_deliveredDigest, body);
        return true;
    }
}
