using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>Routes to the queues bound with exactly the message's routing key (AMQP 0-9-1, 3.1.3.1). Engine thread only.</summary>
internal sealed class DirectExchange
{
    private readonly Dictionary<byte[], BrokerQueue[]> _routes = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], BrokerQueue[]>.AlternateLookup<ReadOnlySpan<byte>> _routesByKey;

    internal DirectExchange(uint id, byte[] name, bool durable)
    {
        Id = id;
        Name = name;
        Durable = durable;
        _routesByKey = _routes.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    internal uint Id { get; }

    internal byte[] Name { get; }

    internal bool Durable { get; }

    /// <summary>End of its definition record; 0 when it is not durable.</summary>
    internal long DefinedAt { get; set; }

    /// <summary>False once deleted: publications that still hold it are told.</summary>
    internal bool Exists { get; set; } = true;

    internal Dictionary<byte[], BrokerQueue[]> Routes => _routes;

    /// <summary>Queues for a key, in the order they were bound; empty when there is none. Does not allocate.</summary>
    internal BrokerQueue[] Route(ReadOnlySpan<byte> key) => _routesByKey.TryGetValue(key, out BrokerQueue[]? queues) ? queues : [];

    /// <returns>False when the binding exists already.</returns>
    internal bool Bind(BrokerQueue queue, ReadOnlySpan<byte> key)
    {
        BrokerQueue[] bound = Route(key);
        if (Array.IndexOf(bound, queue) >= 0)
            return false;
        _routesByKey[key] = [.. bound, queue];
        return true;
    }

    /// <returns>False when there is no such binding.</returns>
    internal bool Unbind(BrokerQueue queue, ReadOnlySpan<byte> key)
    {
        BrokerQueue[] bound = Route(key);
        if (Array.IndexOf(bound, queue) < 0)
            return false;
        SetRoute(key.ToArray(), Array.FindAll(bound, other => other != queue));
        return true;
    }

    /// <summary>Removes every binding of a queue that is being deleted.</summary>
    /// <returns>How many there were.</returns>
    internal int UnbindAll(BrokerQueue queue)
    {
        int removed = 0;
        foreach (byte[] key in _routes.Keys.ToArray())
        {
            BrokerQueue[] bound = _routes[key];
            if (Array.IndexOf(bound, queue) >= 0)
            {
                SetRoute(key, Array.FindAll(bound, other => other != queue));
                removed++;
            }
        }
        return removed;
    }

    private void SetRoute(byte[] key, BrokerQueue[] queues)
    {
        if (queues.Length == 0)
            _routes.Remove(key);
        else
            _routes[key] = queues;
    }
}
