using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>All virtual hosts with their queues, exchanges and bindings. Ids are the broker's, whatever the virtual host. Engine thread only.</summary>
internal sealed class Topology
{
    /// <summary>Ids from here on are free for exchanges: those before it are the default virtual host's.</summary>
    internal const uint FirstFreeExchangeId = 1 + VirtualHost.BuiltInCount;

    private readonly Dictionary<byte[], VirtualHost> _hosts = new(Utf8NameComparer.Instance);
    private readonly Dictionary<uint, VirtualHost> _hostsById = [];
    private readonly Dictionary<uint, BrokerQueue> _queuesById = [];
    private readonly Dictionary<uint, Exchange> _exchangesById = [];

    private VirtualHost[]? _hostsInOrder;
    private BrokerQueue[]? _queuesInOrder;
    private Exchange[]? _exchangesInOrder;
    private int _replyAddresses;

    internal Topology()
    {
        Default = new VirtualHost(0, "/"u8.ToArray(), VirtualHostLimits.None, [], firstExchangeId: 1);
        Add(Default);
    }

    /// <summary><c>/</c></summary>
    internal VirtualHost Default { get; }

    internal int HostCount => _hosts.Count;

    /// <summary>Direct reply-to addresses aside.</summary>
    internal int QueueCount => _queuesById.Count - _replyAddresses;

    /// <summary>Beside those that virtual hosts have by themselves.</summary>
    internal int ExchangeCount => _exchangesById.Count - (VirtualHost.BuiltInCount * _hosts.Count);

    internal int BindingCount { get; private set; }

    /// <summary>For snapshots.</summary>
    internal Roster<BrokerQueue> Queues { get; } = new();

    internal Roster<Exchange> Exchanges { get; } = new();

    /// <summary>For snapshots: the binding of the exchange in hand that comes next; it moves on when that is removed.</summary>
    internal Binding? NextBinding { get; set; }

    internal bool TryGetHost(ReadOnlySpan<byte> name, [NotNullWhen(true)] out VirtualHost? host) =>
        _hosts.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out host);

    internal bool TryGetHost(uint id, [NotNullWhen(true)] out VirtualHost? host) => _hostsById.TryGetValue(id, out host);

    internal bool TryGetQueue(uint id, [NotNullWhen(true)] out BrokerQueue? queue) => _queuesById.TryGetValue(id, out queue);

    internal bool TryGetExchange(uint id, [NotNullWhen(true)] out Exchange? exchange) => _exchangesById.TryGetValue(id, out exchange);

    internal void Add(VirtualHost host)
    {
        _hostsInOrder = null;
        _hosts.Add(host.Name, host);
        _hostsById.Add(host.Id, host);
        foreach (Exchange exchange in host.CreateBuiltIns())
            Add(exchange);
    }

    /// <summary>Removes a virtual host that has no queues any more, with its exchanges and bindings.</summary>
    internal void Remove(VirtualHost host)
    {
        foreach (Exchange exchange in host.Exchanges.ToArray())
            Remove(exchange);
        _hostsInOrder = null;
        _hosts.Remove(host.Name);
        _hostsById.Remove(host.Id);
    }

    internal void Add(BrokerQueue queue)
    {
        _queuesInOrder = null;
        _queuesById.Add(queue.Id, queue);
        queue.Place = Queues.Add(queue);
        _replyAddresses += queue.IsReplyTo ? 1 : 0;
        queue.Host.Add(queue);
    }

    /// <summary>Removes a queue with its bindings.</summary>
    internal void Remove(BrokerQueue queue)
    {
        RemoveAll(queue.Bindings);
        _queuesInOrder = null;
        _queuesById.Remove(queue.Id);
        Queues.Remove(queue.Place!);
        _replyAddresses -= queue.IsReplyTo ? 1 : 0;
        queue.Host.Remove(queue);
        queue.Exists = false;
    }

    internal void Add(Exchange exchange)
    {
        _exchangesInOrder = null;
        _exchangesById.Add(exchange.Id, exchange);
        exchange.Place = Exchanges.Add(exchange);
        exchange.Host.Add(exchange);
    }

    /// <summary>Removes an exchange with its bindings, those from it and those to it.</summary>
    internal void Remove(Exchange exchange)
    {
        RemoveAll(exchange.Bindings);
        RemoveAll(exchange.BindingsTo);
        _exchangesInOrder = null;
        _exchangesById.Remove(exchange.Id);
        Exchanges.Remove(exchange.Place!);
        exchange.Host.Remove(exchange);
        exchange.Exists = false;
    }

    internal void Add(Binding binding)
    {
        binding.Source.Add(binding);
        BindingCount++;
        binding.Source.Host.CountBinding(1);
    }

    internal void Remove(Binding binding)
    {
        if (binding == NextBinding)
            NextBinding = binding.Source.Bindings.Next(binding);
        binding.Source.Remove(binding);
        BindingCount--;
        binding.Source.Host.CountBinding(-1);
    }

    private void RemoveAll(BindingChain bindings)
    {
        while (bindings.First is { } binding)
            Remove(binding);
    }

    /// <summary>Virtual hosts in the order of their ids. Allocates only when some came or went.</summary>
    internal VirtualHost[] HostsById()
    {
        if (_hostsInOrder == null)
        {
            _hostsInOrder = [.. _hosts.Values];
            Array.Sort(_hostsInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _hostsInOrder;
    }

    /// <summary>Queues in the order of their ids, for snapshots and views. Allocates only when queues came or went.</summary>
    internal BrokerQueue[] QueuesById()
    {
        if (_queuesInOrder == null)
        {
            _queuesInOrder = [.. _queuesById.Values];
            Array.Sort(_queuesInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _queuesInOrder;
    }

    /// <summary>Exchanges in the order of their ids. Allocates only when exchanges came or went.</summary>
    internal Exchange[] ExchangesById()
    {
        if (_exchangesInOrder == null)
        {
            _exchangesInOrder = [.. _exchangesById.Values];
            Array.Sort(_exchangesInOrder, static (x, y) => x.Id.CompareTo(y.Id));
        }
        return _exchangesInOrder;
    }
}
