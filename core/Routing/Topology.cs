using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>Queues, exchanges and bindings by name and id. Engine thread only.</summary>
internal sealed class Topology
{
    private readonly Dictionary<byte[], BrokerQueue> _queues = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], BrokerQueue>.AlternateLookup<ReadOnlySpan<byte>> _queuesByName;
    private readonly Dictionary<uint, BrokerQueue> _queuesById = [];
    private readonly Dictionary<byte[], DirectExchange> _exchanges = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], DirectExchange>.AlternateLookup<ReadOnlySpan<byte>> _exchangesByName;

    private BrokerQueue[]? _queuesInOrder;
    private DirectExchange[]? _exchangesInOrder;

    internal Topology()
    {
        _queuesByName = _queues.GetAlternateLookup<ReadOnlySpan<byte>>();
        _exchangesByName = _exchanges.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary><c>/</c></summary>
    internal VirtualHost Default { get; } = new(0, "/"u8.ToArray());

    /// <summary>Rises with every change that can alter a route: what publications cached before it is void.</summary>
    internal long Version { get; private set; } = 1;

    internal int QueueCount => _queues.Count;

    internal int ExchangeCount => _exchanges.Count;

    internal int BindingCount { get; private set; }

    internal bool TryGetQueue(ReadOnlySpan<byte> name, [NotNullWhen(true)] out BrokerQueue? queue) => _queuesByName.TryGetValue(name, out queue);

    internal bool TryGetQueue(uint id, [NotNullWhen(true)] out BrokerQueue? queue) => _queuesById.TryGetValue(id, out queue);

    internal bool TryGetExchange(ReadOnlySpan<byte> name, [NotNullWhen(true)] out DirectExchange? exchange) => _exchangesByName.TryGetValue(name, out exchange);

    internal void Add(BrokerQueue queue)
    {
        _queuesInOrder = null;
        _queues.Add(queue.Name, queue);
        _queuesById.Add(queue.Id, queue);
        Version++;
    }

    internal void Remove(BrokerQueue queue)
    {
        foreach (DirectExchange exchange in _exchanges.Values)
            BindingCount -= exchange.UnbindAll(queue);
        _queuesInOrder = null;
        _queues.Remove(queue.Name);
        _queuesById.Remove(queue.Id);
        Version++;
    }

    internal void Add(DirectExchange exchange)
    {
        _exchangesInOrder = null;
        _exchanges.Add(exchange.Name, exchange);
        Version++;
    }

    internal void Remove(DirectExchange exchange)
    {
        foreach (BrokerQueue[] queues in exchange.Routes.Values)
            BindingCount -= queues.Length;
        exchange.Exists = false;
        _exchangesInOrder = null;
        _exchanges.Remove(exchange.Name);
        Version++;
    }

    internal void Bind(DirectExchange exchange, BrokerQueue queue, ReadOnlySpan<byte> key)
    {
        if (exchange.Bind(queue, key))
        {
            BindingCount++;
            Version++;
        }
    }

    internal void Unbind(DirectExchange exchange, BrokerQueue queue, ReadOnlySpan<byte> key)
    {
        if (exchange.Unbind(queue, key))
        {
            BindingCount--;
            Version++;
        }
    }

    /// <summary>Queues in the order of their ids, for snapshots and views. Allocates only when queues came or went.</summary>
    internal BrokerQueue[] QueuesById()
    {
        if (_queuesInOrder == null)
        {
            _queuesInOrder = [.. _queues.Values];
            Array.Sort(_queuesInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _queuesInOrder;
    }

    /// <summary>Exchanges in the order of their ids. Allocates only when exchanges came or went.</summary>
    internal DirectExchange[] ExchangesById()
    {
        if (_exchangesInOrder == null)
        {
            _exchangesInOrder = [.. _exchanges.Values];
            Array.Sort(_exchangesInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _exchangesInOrder;
    }
}
