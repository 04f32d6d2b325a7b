namespace LowLatency.Core.Messages;

/// <summary>What queues need to know of a message's headers. Reading it is where headers are checked, once per message.</summary>
internal readonly struct MessageTraits
{
    /// <summary>Ten years of 365 days: the furthest that a message can be scheduled ahead (rule T2).</summary>
    internal const long MaxDelayMs = 10L * 365 * 24 * 3600 * 1000;

    /// <summary>A longer expiration counts as this, a hundred years: so that times in nanoseconds cannot overflow.</summary>
    internal const long MaxTtlMs = 10 * MaxDelayMs;

    private const long NsPerMs = 1_000_000;
    private const long NsPerSecond = 1_000_000_000;

    private MessageTraits(byte priority, long ttlMs, long deliverAtNs)
    {
        Priority = priority;
        TtlMs = ttlMs;
        DeliverAtNs = deliverAtNs;
    }

    /// <summary>Of a message without headers.</summary>
    internal static MessageTraits None => new(0, -1, 0);

    /// <summary>0 when the message says none.</summary>
    internal byte Priority { get; }

    /// <summary>From <c>expiration</c>, at most <see cref="MaxTtlMs"/>; -1 for none.</summary>
    internal long TtlMs { get; }

    /// <summary>Unix time in nanoseconds at which the message is due, later than it was received; 0 for at once (rule T2).</summary>
    internal long DeliverAtNs { get; }

    /// <summary>Reads and checks headers bytes.</summary>
    /// <param name="headers">A content header, or nothing.</param>
    /// <param name="receivedNs">Unix time in nanoseconds from which <c>x-delay</c> counts.</param>
    /// <param name="traits">As if there were no headers, when they are not right.</param>
    /// <param name="problem">Why not.</param>
    internal static bool TryRead(ReadOnlySpan<byte> headers, long receivedNs, out MessageTraits traits, out MessageProblem problem)
    {
        problem = MessageProblem.None;
        traits = None;
        return headers.IsEmpty || TryReadProperties(headers, receivedNs, ref traits, out problem);
    }

    private static bool TryReadProperties(ReadOnlySpan<byte> headers, long receivedNs, ref MessageTraits traits, out MessageProblem problem)
    {
        long ttlMs = -1;
        long deliverAtNs = 0;
        if (!ContentHeader.TryRead(headers, out ContentHeader header))
            problem = MessageProblem.Malformed;
        else if (header.Has(ContentProperty.Expiration) && !TryReadDigits(header.Expiration, out ttlMs))
            problem = MessageProblem.Expiration;
        else
            problem = header.HasHeaders ? ReadSchedule(header.HeaderTable, receivedNs, out deliverAtNs) : MessageProblem.None;
        if (problem != MessageProblem.None)
            return false;
        traits = new MessageTraits(header.Priority, ttlMs, deliverAtNs);
        return true;
    }

    private static bool TryReadDigits(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        foreach (byte character in text)
        {
            int digit = character - '0';
            if ((uint)digit > 9)
                return false;
            value = Math.Min(value * 10 + digit, MaxTtlMs);
        }
        return text.Length > 0;
    }

    private static MessageProblem ReadSchedule(ReadOnlySpan<byte> table, long receivedNs, out long deliverAtNs)
    {
        deliverAtNs = 0;
        FieldValue delay = default;
        FieldValue deliverAt = default;
        var reader = new FieldTableReader(table);
        while (reader.Read())
        {
            ReadOnlySpan<byte> name = reader.Name;
            // Nearly all other headers are told by their length alone. Of several of one name the first counts, as everywhere.
            if (name.Length == DelayName.Length && delay.IsNone && name.SequenceEqual(DelayName))
                delay = reader.Value;
            else if (name.Length == DeliverAtName.Length && deliverAt.IsNone && name.SequenceEqual(DeliverAtName))
                deliverAt = reader.Value;
        }
        if (!delay.IsNone && !delay.IsInteger)
            return MessageProblem.Delay;
        if (!deliverAt.IsNone)
            return ReadDeliverAt(deliverAt, receivedNs, out deliverAtNs);
        if (!delay.TryGetInteger(out long delayMs) || delayMs <= 0)
            return MessageProblem.None;
        if (delayMs > MaxDelayMs)
            return MessageProblem.TooFarAhead;
        deliverAtNs = receivedNs + delayMs * NsPerMs;
        return MessageProblem.None;
    }

    private static MessageProblem ReadDeliverAt(FieldValue value, long receivedNs, out long deliverAtNs)
    {
        deliverAtNs = 0;
        if (!value.TryGetInteger(out long time))
            return MessageProblem.DeliverAt;
        bool isTimestamp = value.Type == FieldType.Timestamp;
        if (isTimestamp && time < 0)
            return MessageProblem.TooFarAhead; // Unsigned, and enormous.
        long unitNs = isTimestamp ? NsPerSecond : NsPerMs;
        if (time > long.MaxValue / unitNs)
            return MessageProblem.TooFarAhead;
        if (time <= receivedNs / unitNs)
            return MessageProblem.None; // It has come, or came long ago.
        if (time * unitNs - receivedNs > MaxDelayMs * NsPerMs)
            return MessageProblem.TooFarAhead;
        deliverAtNs = time * unitNs;
        return MessageProblem.None;
    }

    private static ReadOnlySpan<byte> DelayName => "x-delay"u8;

    private static ReadOnlySpan<byte> DeliverAtName => "x-deliver-at"u8;
}
