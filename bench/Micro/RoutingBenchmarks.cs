using System.Text;
using BenchmarkDotNet.Attributes;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Bench.Micro;

/// <summary>Which queues a message goes to: from the cache, through 100,000 topic bindings, through 1,000 header bindings, by a consistent hash.</summary>
public class RoutingBenchmarks : IDisposable
{
    private const int Batch = 64;
    private const int TopicBindings = 100_000;
    private const int HeaderBindings = 1_000;
    private const int HashBindings = 16;

    private static readonly string[] Regions = ["eu", "us", "as", "af", "oc"];

    private readonly Topology _topology = new();
    private readonly EntryPool _pool = new();
    private readonly Router _router = new();
    private readonly RouteSet _set = new();
    private readonly RouteCache _cache = new();
    private readonly BrokerQueue[] _queues;
    private readonly Exchange _topic;
    private readonly Exchange _headers;
    private readonly Exchange _hash;
    private readonly byte[][] _cachedKeys;
    private readonly byte[][] _topicKeys;
    private readonly byte[] _messageHeaders;
    private uint _nextId = 100;

    public RoutingBenchmarks()
    {
        _queues = [.. Enumerable.Range(0, 1000).Select(i => new BrokerQueue(_nextId++, _topology.Default, Bytes($"q{i}"), new QueueOptions(), _pool))];
        foreach (BrokerQueue queue in _queues)
            _topology.Add(queue);
        _topic = Create(ExchangeKind.Topic);
        _headers = Create(ExchangeKind.Headers);
        _hash = Create(ExchangeKind.ConsistentHash);
        // region.venue.instrument.kind, most of them whole, some with * and a few with #, as market data is subscribed to.
        for (int i = 0; i < TopicBindings; i++)
        {
            string key = (i % 20) switch
            {
                0 => $"*.v{i % 97}.i{i}.*",
                1 => $"{Regions[i % 5]}.*.i{i}.trade",
                2 => $"{Regions[i % 5]}.v{i % 97}.i{i}.#",
                _ => $"{Regions[i % 5]}.v{i % 97}.i{i}.trade",
            };
            Bind(_topic, i, key, []);
        }
        for (int i = 0; i < HeaderBindings; i++)
            Bind(_headers, i, "", new FieldTableWriter().Add("x-match", i % 2 == 0 ? "all" : "any").Add("account", $"a{i}").Add("desk", i % 50).Entries);
        for (int i = 0; i < HashBindings; i++)
            Bind(_hash, i, "10", []);
        _topicKeys = [.. Enumerable.Range(0, 4096).Select(i => i * 8191 % TopicBindings).Select(i => Bytes($"{Regions[i % 5]}.v{i % 97}.i{i}.trade"))];
        _cachedKeys = [.. Enumerable.Range(0, 8).Select(i => Bytes($"eu.v{i}.i{i}.trade"))];
        foreach (byte[] key in _cachedKeys)
            _cache.Put(key, 1, [_queues[0]]);
        ReadOnlySpan<byte> table = new FieldTableWriter().Add("account", "a4").Add("desk", 7).Add("price", 101.5).Add("venue", "v7").Entries;
        _messageHeaders = [0x20, 0, 0, 0, (byte)(table.Length >> 8), (byte)table.Length, .. table];
    }

    /// <summary>A message that brings a key of its own, which came before.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public long Cached()
    {
        long found = 0;
        for (int i = 0; i < Batch; i++)
        {
            if (_cache.TryGet(_cachedKeys[i & 7], 1, out ReadOnlySpan<BrokerQueue> queues))
                found += queues.Length;
        }
        return found;
    }

    private int _nextKey;

    [Benchmark(OperationsPerInvoke = Batch)]
    public long TopicUncached()
    {
        long found = 0;
        for (int i = 0; i < Batch; i++)
            found += Route(_topic, _topicKeys[_nextKey++ & 4095], []);
        return found;
    }

    [Benchmark]
    public long Headers() => Route(_headers, [], _messageHeaders);

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ConsistentHash()
    {
        long found = 0;
        for (int i = 0; i < Batch; i++)
            found += Route(_hash, _topicKeys[_nextKey++ & 4095], []);
        return found;
    }

    private long Route(Exchange exchange, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
    {
        _router.Route(_topology.Default, exchange, key, headers, _set);
        return _set.Count;
    }

    private Exchange Create(ExchangeKind kind)
    {
        Exchange exchange = Exchange.Create(_nextId++, _topology.Default, Bytes(kind.ToString()), new ExchangeOptions { Kind = kind });
        _topology.Add(exchange);
        return exchange;
    }

    private void Bind(Exchange exchange, int queue, string key, ReadOnlySpan<byte> arguments) =>
        _topology.Add(new Binding(exchange, _queues[queue % _queues.Length], null, Bytes(key), arguments.ToArray()));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [GlobalCleanup]
    public void Dispose()
    {
        _pool.Dispose();
        GC.SuppressFinalize(this);
    }
}
