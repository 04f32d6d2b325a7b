namespace LowLatency.Server.Simulation;

/// <summary>What outlives the sessions: queues with their messages, exchanges, publishers. As plain as can be.</summary>
internal sealed class NaiveState
{
    internal Dictionary<string, NaiveQueue> Queues { get; private init; } = [];

    internal Dictionary<string, NaiveExchange> Exchanges { get; private init; } = [];

    internal Dictionary<string, NaivePublisher> Publishers { get; private init; } = [];

    internal void DeleteQueue(string name)
    {
        Queues[name].Exists = false;
        Queues.Remove(name);
        foreach (NaiveExchange exchange in Exchanges.Values)
            exchange.Bindings.RemoveAll(binding => binding.Queue == name);
    }

    /// <summary>What a restart brings back: durable things only, nothing delivered, nobody connected.</summary>
    internal NaiveState CopyDurable() => new()
    {
        Queues = Queues.Values.Where(queue => queue.Durable).ToDictionary(queue => queue.Name, queue => queue.CopyDurable()),
        Exchanges = Exchanges.Values.Where(exchange => exchange.Durable).ToDictionary(
            exchange => exchange.Name,
            exchange => exchange.CopyDurable(this)),
        Publishers = Publishers.Values.ToDictionary(publisher => publisher.Name, publisher => publisher.CopyDurable()),
    };
}

internal sealed class NaiveExchange(string name, bool durable)
{
    internal string Name { get; } = name;

    internal bool Durable { get; } = durable;

    internal long DefinedAt { get; set; }

    internal bool Exists { get; set; } = true;

    /// <summary>In the order in which they were bound.</summary>
    internal List<(string Key, string Queue)> Bindings { get; } = [];

    internal NaiveExchange CopyDurable(NaiveState state)
    {
        var copy = new NaiveExchange(Name, durable: true);
        copy.Bindings.AddRange(Bindings.Where(binding => state.Queues[binding.Queue].Durable));
        return copy;
    }
}

internal sealed class NaivePublisher(string name, int number)
{
    internal string Name { get; } = name;

    /// <summary>Rises with each publisher that is made.</summary>
    internal int Number { get; } = number;

    internal Dictionary<ulong, StoredMessage> Stored { get; } = [];

    /// <summary>Highest sequence that was stored.</summary>
    internal ulong Last { get; set; }

    /// <summary>End of the last message in the journal; 0 for none.</summary>
    internal long LastEnd { get; set; }

    internal NaivePublication? Open { get; set; }

    internal void Store(ulong sequence, StoredMessage message)
    {
        Stored[sequence] = message;
        Last = sequence;
        if (message.IsJournaled)
            LastEnd = message.End;
    }

    internal NaivePublisher CopyDurable()
    {
        var copy = new NaivePublisher(Name, Number) { LastEnd = LastEnd };
        foreach ((ulong sequence, StoredMessage message) in Stored)
        {
            if (!message.IsJournaled)
                continue;
            copy.Stored[sequence] = message;
            copy.Last = Math.Max(copy.Last, sequence);
        }
        return copy;
    }
}
