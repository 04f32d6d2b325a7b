using System.Collections.Immutable;

namespace LowLatency.Server.Simulation;

/// <summary>What outlives the sessions: virtual hosts with their queues and exchanges, publishers. As plain as can be.</summary>
internal sealed class NaiveState
{
    internal NaiveState(bool withRoot = true)
    {
        if (withRoot)
            Hosts.Add("/", new NaiveVirtualHost("/", new NaiveTable()));
    }

    internal SortedDictionary<string, NaiveVirtualHost> Hosts { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, NaivePublisher> Publishers { get; } = [];

    internal IEnumerable<NaiveQueue> Queues => Hosts.Values.SelectMany(host => host.Queues.Values);

    internal IEnumerable<NaiveExchange> Exchanges => Hosts.Values.SelectMany(host => host.Exchanges.Values);

    internal NaiveQueue? FindQueue(string host, string name) =>
        Hosts.TryGetValue(host, out NaiveVirtualHost? found) && found.Queues.TryGetValue(name, out NaiveQueue? queue) ? queue : null;

    /// <summary>What a restart brings back, sessions aside: durable things only.</summary>
    internal NaiveState CopyDurable()
    {
        var copy = new NaiveState(withRoot: false);
        foreach (NaiveVirtualHost host in Hosts.Values)
            copy.Hosts.Add(host.Name, host.CopyDurable());
        foreach (NaivePublisher publisher in Publishers.Values)
            copy.Publishers.Add(publisher.Name, publisher.CopyDurable());
        return copy;
    }
}

/// <summary>A publisher's name and what the broker stored under it.</summary>
internal sealed class NaivePublisher(string name, int number)
{
    internal string Name { get; } = name;

    /// <summary>Rises with each publisher that is made.</summary>
    internal int Number { get; } = number;

    internal ImmutableDictionary<ulong, StoredMessage> Stored { get; private set; } = ImmutableDictionary<ulong, StoredMessage>.Empty;

    /// <summary>Highest sequence that was stored.</summary>
    internal ulong Last { get; private set; }

    /// <summary>Highest sequence that was stored in the journal.</summary>
    internal ulong LastJournaled { get; private set; }

    /// <summary>End of the last message in the journal; 0 for none.</summary>
    internal long LastEnd { get; private set; }

    internal NaivePublication? Open { get; set; }

    internal void Store(ulong sequence, StoredMessage message)
    {
        Stored = Stored.SetItem(sequence, message);
        Last = sequence;
        if (!message.IsJournaled)
            return;
        LastJournaled = sequence;
        LastEnd = message.End;
    }

    internal NaivePublisher CopyDurable() => new(Name, Number)
    {
        // Those in memory are looked for by nobody: what is below the last and not stored is refused, stored in memory or not at all.
        Stored = Stored.Values.All(message => message.IsJournaled) ? Stored : Stored.RemoveRange(Stored.Where(pair => !pair.Value.IsJournaled).Select(pair => pair.Key)),
        Last = LastJournaled,
        LastJournaled = LastJournaled,
        LastEnd = LastEnd,
    };
}
