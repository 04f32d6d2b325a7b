namespace LowLatency.Server.Simulation;

/// <summary>A message that the broker took: with the key it was routed by, what headers it has now, and where its record ends. Taken twice, it is two of them; dead-lettered, it is another.</summary>
internal sealed record StoredMessage(NaiveMessage Message, string Key, NaiveHeaders Headers, long ReceivedNs, bool IsJournaled)
{
    /// <summary>Tells it from the same message stored another time.</summary>
    internal long Number { get; init; }

    /// <summary>Of the exchange it was published to; null for the default exchange.</summary>
    internal object? Exchange { get; init; }

    /// <summary>Routing key, headers and body in bytes. Of a dead letter, as it was found: how headers are written is the broker's choice.</summary>
    internal int PayloadLength { get; init; } = Key.Length + Message.HeaderBytes.Length + Message.Body.Length;

    /// <summary>End of its record in its log.</summary>
    internal long End { get; init; }

    /// <summary>Unix time in nanoseconds at which it is due, 0 for at once.</summary>
    internal long DueNs { get; init; }

    /// <summary>Where and why it died before, the last first.</summary>
    internal NaiveDeath[] Deaths { get; init; } = [];

    /// <summary>Of <c>x-first-death-reason</c>, <c>-queue</c>, <c>-exchange</c>.</summary>
    internal NaiveDeath? FirstDeath { get; init; }

    /// <summary>A dead letter of a queue that is not durable: what was confirmed went with that queue, and the letter counts from when it is on disk itself.</summary>
    internal bool IsOfTransientQueue { get; init; }

    /// <summary>It may have come here before, in a time of which the journal's end was lost.</summary>
    internal bool Maybe { get; init; }

    /// <summary>What a consumer is to see.</summary>
    internal NaiveHeaders Shown
    {
        get
        {
            if (FirstDeath == null)
                return Headers;
            NaiveTable table = (Headers.Table ?? new NaiveTable())
                .With("x-death", Deaths.Select(death => (object?)death.Table).ToArray())
                .With("x-first-death-reason", FirstDeath.Reason)
                .With("x-first-death-queue", FirstDeath.Queue)
                .With("x-first-death-exchange", FirstDeath.Exchange);
            return Headers with { Table = table };
        }
    }

    public override string ToString() => $"{Message}{(Deaths.Length > 0 ? $" died {string.Join(" ", Deaths.Select(death => $"{death.Queue}:{death.Reason}:{death.Count}"))}" : "")}";
}

/// <summary>An entry of <c>x-death</c> (rule D2).</summary>
internal sealed record NaiveDeath(string Queue, string Reason, string Exchange, string Key, long TimeSeconds, long Count, string? Expiration)
{
    internal NaiveTable Table
    {
        get
        {
            NaiveTable table = new NaiveTable()
                .With("count", Count)
                .With("reason", Reason)
                .With("queue", Queue)
                .With("time", new NaiveTimestamp(TimeSeconds))
                .With("exchange", Exchange)
                .With("routing-keys", new object?[] { Key });
            return Expiration == null ? table : table.With("original-expiration", Expiration);
        }
    }
}
