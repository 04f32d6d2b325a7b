using System.Text;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Routing;

namespace LowLatency.Bench.Model;

/// <summary>Finding the queues of a message: remembered, by patterns, by headers, by hash. Without publishing it.</summary>
internal static class RoutingFigure
{
    private const int Queues = 1000;
    private const int Regions = 10;
    private const int Kinds = 5;
    private const int KeyCount = 1024;
    private const int CachedKeys = 8;

    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        using var broker = new ModelBroker(dataFolder: null);
        Declare(broker, options);
        VirtualHost host = broker.Core.Engine.Topology.Default;
        byte[][] keys = Keys(options);
        byte[][] headers = Headers(options);
        yield return Cached(options, host, keys);
        yield return Route(options, host, "topic", keys, [[]], $"topic exchange, {options.TopicBindings:#,0} bindings", 2000);
        yield return Route(options, host, "headers", [[]], headers, $"headers exchange, {options.HeadersBindings:#,0} bindings", 50_000);
        yield return Route(options, host, "hash", keys, [[]], $"consistent-hash exchange, {Queues:#,0} bindings", null);
    }

    private static void Declare(ModelBroker broker, ModelOptions options)
    {
        broker.DeclareExchange("topic", ExchangeKind.Topic, durable: false);
        broker.DeclareExchange("headers", ExchangeKind.Headers, durable: false);
        broker.DeclareExchange("hash", ExchangeKind.ConsistentHash, durable: false);
        broker.Pipeline(() =>
        {
            for (int i = 0; i < Queues; i++)
            {
                broker.DeclareQueue($"queue.{i}", durable: false);
                broker.Bind("hash", $"queue.{i}", "10");
            }
            for (int i = 0; i < options.TopicBindings; i++)
                broker.Bind("topic", $"queue.{i % Queues}", Pattern(i));
            for (int i = 0; i < options.HeadersBindings; i++)
            {
                int symbol = i;
                broker.Bind("headers", $"queue.{i % Queues}", "", table => table.Add("x-match", "all").Add("symbol", $"s{symbol}").Add("side", "buy"));
            }
        });
    }

    /// <summary>Market data: region, symbol, kind. Seven of ten name all three, the others have a wildcard in one place.</summary>
    private static string Pattern(int i)
    {
        (int region, int symbol, int kind) = (i / Kinds % Regions, i / (Kinds * Regions), i % Kinds);
        return (((uint)i * 2654435761u >> 16) % 10) switch
        {
            7 => $"md.*.s{symbol}.k{kind}",
            8 => $"md.r{region}.s{symbol}.#",
            9 => $"md.r{region}.s{symbol}.*",
            _ => $"md.r{region}.s{symbol}.k{kind}",
        };
    }

    private static byte[][] Keys(ModelOptions options)
    {
        var random = new Random(1);
        int symbols = Math.Max(1, options.TopicBindings / (Kinds * Regions));
        return [.. Enumerable.Range(0, KeyCount)
            .Select(_ => Encoding.UTF8.GetBytes($"md.r{random.Next(Regions)}.s{random.Next(symbols)}.k{random.Next(Kinds)}"))];
    }

    private static byte[][] Headers(ModelOptions options)
    {
        var random = new Random(2);
        var builder = new ContentHeaderBuilder();
        byte[][] headers = new byte[KeyCount][];
        for (int i = 0; i < headers.Length; i++)
        {
            builder.Clear().Headers.Add("price", 1.5).Add("symbol", $"s{random.Next(options.HeadersBindings)}").Add("side", "buy").Add("venue", "x");
            headers[i] = builder.Build().ToArray();
        }
        return headers;
    }

    private static Figure Cached(ModelOptions options, VirtualHost host, byte[][] keys)
    {
        var router = new Router();
        var set = new RouteSet();
        var cache = new RouteCache();
        host.TryGetExchange("topic"u8, out Exchange? exchange);
        foreach (byte[] key in keys.AsSpan(0, 4 * CachedKeys))
        {
            router.Route(host, exchange, key, default, set);
            cache.Put(key, host.RouteVersion, set.Queues);
        }
        // Keys that share a place in the cache take it from one another: those that are there now stay.
        byte[][] hits = [.. keys.Take(4 * CachedKeys).Where(key => cache.TryGet(key, host.RouteVersion, out _)).Take(CachedKeys)];
        long found = 0;
        double ns = Rounds.Median(options, () =>
        {
            long start = MonotonicClock.NowNs;
            for (int i = 0; i < options.RoundLength; i++)
                found += cache.TryGet(hits[i % CachedKeys], host.RouteVersion, out ReadOnlySpan<Core.Queues.BrokerQueue> queues) ? 1 + queues.Length : 0;
            return (MonotonicClock.NowNs - start) / (double)options.RoundLength;
        });
        return found >= (long)options.RoundLength * options.Rounds
            ? new("routing", "route, cached", ns, "ns", 20)
            : new("routing", "route, cached", null, "ns", 20, Error: "keys were not in the cache");
    }

    private static Figure Route(ModelOptions options, VirtualHost host, string name, byte[][] keys, byte[][] headers, string what, double? targetNs)
    {
        var router = new Router();
        var set = new RouteSet();
        host.TryGetExchange(Encoding.UTF8.GetBytes(name), out Exchange? exchange);
        int routes = Math.Max(1, options.RoundLength / 10);
        long queues = 0;
        long bytes = 0;
        double ns = Rounds.Median(options, () =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            queues = 0;
            long start = MonotonicClock.NowNs;
            for (int i = 0; i < routes; i++)
            {
                router.Route(host, exchange, keys[i % keys.Length], headers[i % headers.Length], set);
                queues += set.Count;
            }
            double each = (MonotonicClock.NowNs - start) / (double)routes;
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            return each;
        });
        string label = $"route, {what}: {queues / (double)routes:0.0} queues found";
        return bytes == 0
            ? new("routing", label, ns, "ns", targetNs)
            : new("routing", label, null, "ns", targetNs, Error: $"{bytes / (double)routes:0.##} B allocated per route");
    }
}
