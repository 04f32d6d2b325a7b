using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Engine;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>A space of names of its own: queues and exchanges of two virtual hosts never meet. Engine thread only.</summary>
internal sealed class VirtualHost
{
    private readonly Dictionary<byte[], BrokerQueue> _queues = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], BrokerQueue>.AlternateLookup<ReadOnlySpan<byte>> _queuesByName;
    private readonly Dictionary<byte[], Exchange> _exchanges = new(Utf8NameComparer.Instance);
    private readonly Dictionary<byte[], Exchange>.AlternateLookup<ReadOnlySpan<byte>> _exchangesByName;

    internal VirtualHost(uint id, byte[] name, VirtualHostLimits limits, byte[] arguments, uint firstExchangeId)
    {
        Id = id;
        Name = name;
        DisplayName = NameRules.Text(name);
        Limits = limits;
        Arguments = arguments;
        FirstExchangeId = firstExchangeId;
        _queuesByName = _queues.GetAlternateLookup<ReadOnlySpan<byte>>();
        _exchangesByName = _exchanges.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>0 is <c>/</c>, which is there always.</summary>
    internal uint Id { get; }

    internal byte[] Name { get; }

    /// <summary>The name for sentences.</summary>
    internal string DisplayName { get; }

    internal VirtualHostLimits Limits { get; }

    /// <summary>The table as it was declared.</summary>
    internal byte[] Arguments { get; }

    /// <summary>Id of the first exchange of its own; the others follow.</summary>
    internal uint FirstExchangeId { get; }

    /// <summary>End of its definition record; 0 for <c>/</c>.</summary>
    internal long DefinedAt { get; set; }

    /// <summary>Rises with every change that can alter a route: what was cached before it is void. Starts at 1.</summary>
    internal long RouteVersion { get; private set; } = 1;

    /// <summary>Direct reply-to addresses aside: they are no user's queues.</summary>
    internal int QueueCount => _queues.Count - ReplyAddressCount;

    internal int ReplyAddressCount { get; private set; }

    /// <summary>Beside those that it has by itself.</summary>
    internal int ExchangeCount { get; private set; }

    internal int BindingCount { get; private set; }

    /// <summary>Connections that are open in it.</summary>
    internal int ConnectionCount { get; set; }

    internal Dictionary<byte[], BrokerQueue>.ValueCollection Queues => _queues.Values;

    internal Dictionary<byte[], Exchange>.ValueCollection Exchanges => _exchanges.Values;

    internal bool TryGetQueue(ReadOnlySpan<byte> name, [NotNullWhen(true)] out BrokerQueue? queue) => _queuesByName.TryGetValue(name, out queue);

    internal bool TryGetExchange(ReadOnlySpan<byte> name, [NotNullWhen(true)] out Exchange? exchange) => _exchangesByName.TryGetValue(name, out exchange);

    internal void Add(BrokerQueue queue)
    {
        _queues.Add(queue.Name, queue);
        ReplyAddressCount += queue.IsReplyTo ? 1 : 0;
        RouteVersion++;
    }

    internal void Remove(BrokerQueue queue)
    {
        _queues.Remove(queue.Name);
        ReplyAddressCount -= queue.IsReplyTo ? 1 : 0;
        RouteVersion++;
    }

    internal void Add(Exchange exchange)
    {
        _exchanges.Add(exchange.Name, exchange);
        if (!exchange.IsBuiltIn)
            ExchangeCount++;
        RouteVersion++;
    }

    internal void Remove(Exchange exchange)
    {
        _exchanges.Remove(exchange.Name);
        if (!exchange.IsBuiltIn)
            ExchangeCount--;
        RouteVersion++;
    }

    internal void CountBinding(int change)
    {
        BindingCount += change;
        RouteVersion++;
    }

    /// <summary>How many exchanges every virtual host has by itself.</summary>
    internal const int BuiltInCount = 5;

    /// <summary>The exchanges that it has by itself. Rule E1.</summary>
    internal Exchange[] CreateBuiltIns() =>
    [
        BuiltIn(0, "amq.direct"u8, ExchangeKind.Direct),
        BuiltIn(1, "amq.fanout"u8, ExchangeKind.Fanout),
        BuiltIn(2, "amq.topic"u8, ExchangeKind.Topic),
        BuiltIn(3, "amq.headers"u8, ExchangeKind.Headers),
        BuiltIn(4, "amq.match"u8, ExchangeKind.Headers),
    ];

    private Exchange BuiltIn(uint index, ReadOnlySpan<byte> name, ExchangeKind kind) =>
        Exchange.Create(FirstExchangeId + index, this, name.ToArray(), new ExchangeOptions { Kind = kind, Durable = true }, isBuiltIn: true);
}
