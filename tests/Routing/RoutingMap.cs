using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Tests.Routing;

/// <summary>Exchanges, queues and bindings by name, without a broker around them.</summary>
internal sealed class RoutingMap : IDisposable
{
    private readonly EntryPool _pool = new();
    private readonly Dictionary<string, BrokerQueue> _queues = [];
    private readonly Dictionary<string, Exchange> _exchanges = [];
    private uint _nextId = 100;

    internal Topology Topology { get; } = new();

    internal Router Router { get; } = new();

    internal RouteSet Set { get; } = new();

    internal VirtualHost Host => Topology.Default;

    internal BrokerQueue Queue(string name)
    {
        if (_queues.TryGetValue(name, out BrokerQueue? queue))
            return queue;
        queue = new BrokerQueue(_nextId++, Host, Encoding.UTF8.GetBytes(name), new QueueOptions(), _pool);
        Topology.Add(queue);
        return _queues[name] = queue;
    }

    internal Exchange Exchange(string name, ExchangeKind kind, FieldTableWriter? arguments = null)
    {
        if (ExchangeArguments.Parse(kind, ExchangeFlags.None, (arguments ?? new FieldTableWriter()).Entries, out ExchangeOptions? options) is { } problem)
            throw new ArgumentException(problem);
        Exchange exchange = Core.Routing.Exchange.Create(_nextId++, Host, Encoding.UTF8.GetBytes(name), options!);
        Topology.Add(exchange);
        return _exchanges[name] = exchange;
    }

    /// <summary>Binds a queue, which is made, or an exchange, which must be there.</summary>
    internal Binding Bind(string source, string destination, string key = "", FieldTableWriter? arguments = null)
    {
        Exchange? exchange = _exchanges.GetValueOrDefault(destination);
        byte[] sorted = FieldTableOrder.Sorted((arguments ?? new FieldTableWriter()).Entries);
        var binding = new Binding(_exchanges[source], exchange == null ? Queue(destination) : null, exchange, Encoding.UTF8.GetBytes(key), sorted);
        Topology.Add(binding);
        return binding;
    }

    /// <summary>Names of the queues of a message, in order of names.</summary>
    internal string[] Route(string exchange, string key = "", FieldTableWriter? table = null, ContentHeaderBuilder? headers = null)
    {
        byte[] content = [];
        if (table != null)
        {
            content = Headers(table);
        }
        else if (headers != null)
        {
            content = headers.Build().ToArray();
        }
        Router.Route(Host, exchange.Length == 0 ? null : _exchanges[exchange], Encoding.UTF8.GetBytes(key), content, Set);
        string[] names = [.. Set.Queues.ToArray().Select(queue => queue.DisplayName).Order(StringComparer.Ordinal)];
        return names;
    }

    /// <summary>A content header with nothing but this table.</summary>
    internal static byte[] Headers(FieldTableWriter table)
    {
        int length = table.Entries.Length;
        return [0x20, 0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length, .. table.Entries];
    }

    public void Dispose() => _pool.Dispose();
}
