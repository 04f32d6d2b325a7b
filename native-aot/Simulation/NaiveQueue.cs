namespace LowLatency.Server.Simulation;

/// <summary>A queue as a list of messages in order.</summary>
internal sealed class NaiveQueue(string name, bool durable, long maxLength)
{
    internal string Name { get; } = name;

    internal bool Durable { get; } = durable;

    internal long MaxLength { get; } = maxLength;

    internal long DefinedAt { get; set; }

    internal bool Exists { get; set; } = true;

    /// <summary>Ready and delivered ones, in the order of their sequences.</summary>
    internal SortedDictionary<long, NaiveEntry> Entries { get; } = [];

    /// <summary>Sequence of the next message.</summary>
    internal long Next { get; set; } = 1;

    /// <summary>Highest sequence of a message in the journal: never given again.</summary>
    internal long LastJournaled { get; private set; }

    internal List<NaiveConsumer> Consumers { get; } = [];

    /// <summary>Publications that were told that it is full.</summary>
    internal List<NaivePublication> Waiting { get; } = [];

    internal int ReadyCount => Entries.Values.Count(entry => !entry.IsDelivered);

    internal bool HasRoomAgain => Entries.Count <= MaxLength - Math.Max(1, MaxLength / 8);

    internal void Add(long sequence, StoredMessage message)
    {
        Entries.Add(sequence, new NaiveEntry(sequence, message));
        Next = sequence + 1;
        if (message.IsJournaled)
            LastJournaled = sequence;
    }

    internal void Deliver(long sequence)
    {
        NaiveEntry entry = Entries[sequence];
        entry.IsDelivered = true;
        entry.EverDelivered = true;
    }

    internal void Return(long sequence)
    {
        NaiveEntry entry = Entries[sequence];
        entry.IsDelivered = false;
        entry.Count++;
    }

    internal NaiveQueue CopyDurable()
    {
        var copy = new NaiveQueue(Name, durable: true, MaxLength) { Next = Next, LastJournaled = LastJournaled };
        foreach ((long sequence, NaiveEntry entry) in Entries)
        {
            if (entry.Message.IsJournaled)
                copy.Entries.Add(sequence, entry.Copy());
        }
        return copy;
    }
}

/// <summary>A message in a queue.</summary>
internal sealed class NaiveEntry(long sequence, StoredMessage message)
{
    internal long Sequence { get; } = sequence;

    internal StoredMessage Message { get; } = message;

    /// <summary>Handed to a consumer and not settled.</summary>
    internal bool IsDelivered { get; set; }

    /// <summary>How often it came back.</summary>
    internal int Count { get; set; }

    /// <summary>Flagged because the end of the journal was lost once.</summary>
    internal bool Maybe { get; set; }

    /// <summary>It was delivered once, whatever the journal knows of it.</summary>
    internal bool EverDelivered { get; set; }

    /// <summary>Something happened to it while the journal took nothing: after a restart its count may differ.</summary>
    internal bool IsUncertain { get; set; }

    internal NaiveEntry Copy() => (NaiveEntry)MemberwiseClone();

    public override string ToString() => $"{Sequence}: {Message.Message}{(IsDelivered ? " delivered" : "")} count {Count}{(Maybe ? " maybe" : "")}{(IsUncertain ? " uncertain" : "")}";
}
