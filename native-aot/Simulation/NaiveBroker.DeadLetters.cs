namespace LowLatency.Server.Simulation;

/// <content>Dead letters (rules D1 to D6).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Messages leave a queue: to its dead-letter exchange where it has one, else for ever.</summary>
    private void Bury(NaiveQueue queue, List<NaiveEntry> entries, string reason)
    {
        Remove(queue, entries);
        foreach (NaiveEntry entry in entries)
            DeadLetter(queue, entry.Message, reason);
    }

    private void DeadLetter(NaiveQueue queue, StoredMessage message, string reason)
    {
        (StoredMessage dead, List<NaiveQueue> route) = DeadRoute(queue, message, reason);
        foreach (NaiveQueue to in route)
            _arrivals.Add((to, dead));
    }

    /// <summary>What a message is when it has died, and where that goes.</summary>
    private (StoredMessage Dead, List<NaiveQueue> Route) DeadRoute(NaiveQueue queue, StoredMessage message, string reason)
    {
        StoredMessage dead = Die(queue, message, reason);
        if (queue.Options.DeadLetterExchange is not { } name)
            return (dead, []);
        NaiveVirtualHost host = _state.Hosts[queue.Host];
        NaiveExchange? exchange = null;
        if (name.Length > 0 && !host.Exchanges.TryGetValue(name, out exchange))
            return (dead, []);
        List<NaiveQueue> route = Route(host, exchange, dead.Key, dead.Shown is { } shown ? shown : dead.Headers);
        route.RemoveAll(to => IsCycle(dead, to));
        return (dead, route);
    }

    /// <summary>The queue is in the message's history, and nobody rejected it from there on (rule D3).</summary>
    private static bool IsCycle(StoredMessage dead, NaiveQueue to)
    {
        int at = Array.FindIndex(dead.Deaths, death => death.Queue == to.Name);
        return at >= 0 && !dead.Deaths.Take(at + 1).Any(death => death.Reason == "rejected");
    }

    private StoredMessage Die(NaiveQueue queue, StoredMessage message, string reason)
    {
        NaiveDeath? before = Array.Find(message.Deaths, death => death.Queue == queue.Name && death.Reason == reason);
        string? expiration = message.Headers.Expiration;
        var death = new NaiveDeath(queue.Name, reason, message.Exchange, message.Key, _nowNs / 1_000_000_000, (before?.Count ?? 0) + 1, expiration);
        return message with
        {
            Key = queue.Options.DeadLetterKey ?? message.Key,
            Headers = message.Headers with { Expiration = null, Table = message.Headers.Table ?? new NaiveTable() },
            ReceivedNs = _nowNs,
            DueNs = 0,
            Exchange = queue.Options.DeadLetterExchange ?? "",
            Deaths = [death, .. message.Deaths.Where(known => known != before)],
            FirstDeath = message.FirstDeath ?? death,
        };
    }

    private readonly List<(NaiveQueue Queue, StoredMessage Message)> _arrivals = [];
}
