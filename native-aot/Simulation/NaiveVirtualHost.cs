using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A virtual host: names of exchanges and queues.</summary>
internal sealed class NaiveVirtualHost
{
    internal NaiveVirtualHost(string name, NaiveTable arguments, bool withExchanges = true)
    {
        Name = name;
        Arguments = arguments;
        if (!withExchanges)
            return;
        foreach ((string exchange, ExchangeKind kind) in Standard)
            Exchanges.Add(exchange, new NaiveExchange(exchange, kind, ExchangeFlags.Durable, new NaiveTable()));
    }

    internal static (string Name, ExchangeKind Kind)[] Standard { get; } =
    [
        ("amq.direct", ExchangeKind.Direct), ("amq.fanout", ExchangeKind.Fanout), ("amq.topic", ExchangeKind.Topic),
        ("amq.headers", ExchangeKind.Headers), ("amq.match", ExchangeKind.Headers),
    ];

    internal string Name { get; }

    internal NaiveTable Arguments { get; }

    internal long DefinedAt { get; set; }

    internal bool Exists { get; set; } = true;

    internal SortedDictionary<string, NaiveQueue> Queues { get; } = new(StringComparer.Ordinal);

    internal SortedDictionary<string, NaiveExchange> Exchanges { get; } = new(StringComparer.Ordinal);

    internal long Limit(string name) => Arguments.Get(name) is { } value ? Convert.ToInt64(value, null) : long.MaxValue;

    internal int BindingCount => Exchanges.Values.Sum(exchange => exchange.Bindings.Count);

    internal bool IsDurable(NaiveBinding binding) =>
        binding.ToExchange ? Exchanges.TryGetValue(binding.Destination, out NaiveExchange? exchange) && exchange.Durable
        : Queues.TryGetValue(binding.Destination, out NaiveQueue? queue) && queue.Durable;

    internal NaiveVirtualHost CopyDurable()
    {
        var copy = new NaiveVirtualHost(Name, Arguments, withExchanges: false) { DefinedAt = DefinedAt };
        foreach (NaiveExchange exchange in Exchanges.Values.Where(exchange => exchange.Durable))
            copy.Exchanges.Add(exchange.Name, exchange.CopyDurable(this));
        foreach (NaiveQueue queue in Queues.Values.Where(queue => queue.Durable))
            copy.Queues.Add(queue.Name, queue.CopyDurable());
        return copy;
    }

    /// <summary>The queues that a message reaches from an exchange (rules E8, E9): each once.</summary>
    /// <param name="exchange">Null is the default exchange.</param>
    /// <param name="choose">Asked where a consistent-hash exchange has a choice.</param>
    internal List<NaiveQueue> Route(NaiveExchange? exchange, string key, NaiveTable headers, Func<NaiveExchange, NaiveBinding?> choose)
    {
        var reached = new List<NaiveQueue>();
        if (exchange == null)
        {
            if (Queues.TryGetValue(key, out NaiveQueue? queue))
                reached.Add(queue);
            return reached;
        }
        Visit(exchange, []);
        return [.. reached.Distinct()];

        void Visit(NaiveExchange at, HashSet<NaiveExchange> visited)
        {
            if (!visited.Add(at))
                return;
            List<NaiveBinding> matching = [.. at.Matching(key, headers)];
            if (at.Kind == ExchangeKind.ConsistentHash)
                matching = choose(at) is { } chosen ? [chosen] : [];
            foreach (NaiveBinding binding in matching)
            {
                if (binding.ToExchange)
                    Visit(Exchanges[binding.Destination], visited);
                else
                    reached.Add(Queues[binding.Destination]);
            }
            if (matching.Count > 0 || at.Alternate is not { } alternate)
                return;
            if (alternate.Length == 0 && Queues.TryGetValue(key, out NaiveQueue? named))
                reached.Add(named);
            else if (Exchanges.TryGetValue(alternate, out NaiveExchange? next))
                Visit(next, visited);
        }
    }
}
