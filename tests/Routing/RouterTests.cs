using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Routing;

/// <summary>The walk from exchange to exchange: rules B2, E7 to E9, and no memory on the way.</summary>
public sealed class RouterTests
{
    private static FieldTableWriter Alternate(string name) => new FieldTableWriter().Add("alternate-exchange", name);

    [Fact]
    public void ShouldRouteDirectByEqualKeysAndFanoutAlways()
    {
        using var map = new RoutingMap();
        map.Exchange("d", ExchangeKind.Direct);
        map.Exchange("f", ExchangeKind.Fanout);
        map.Bind("d", "q1", "k");
        map.Bind("d", "q2", "k");
        map.Bind("d", "q3", "K");
        map.Bind("f", "q1", "k");
        map.Bind("f", "q2", "other");
        Assert.Equal(["q1", "q2"], map.Route("d", "k"));
        Assert.Empty(map.Route("d", "k "));
        Assert.Equal(["q1", "q2"], map.Route("f", "anything"));
    }

    [Fact]
    public void ShouldRouteTheDefaultExchangeByTheQueuesName()
    {
        using var map = new RoutingMap();
        map.Queue("q");
        Assert.Equal(["q"], map.Route("", "q"));
        Assert.Empty(map.Route("", "other"));
    }

    [Fact]
    public void ShouldGiveEachQueueTheMessageOnce()
    {
        using var map = new RoutingMap();
        map.Exchange("a", ExchangeKind.Fanout);
        map.Exchange("b", ExchangeKind.Topic);
        map.Bind("a", "q", "1");
        map.Bind("a", "q", "2");
        map.Bind("a", "b");
        map.Bind("b", "q", "#");
        map.Bind("b", "q", "k.*");
        map.Bind("b", "r", "k.l");
        Assert.Equal(["q", "r"], map.Route("a", "k.l"));
    }

    [Fact]
    public void ShouldGoOnFromExchangeToExchangeByItsOwnRules()
    {
        using var map = new RoutingMap();
        map.Exchange("f", ExchangeKind.Fanout);
        map.Exchange("d", ExchangeKind.Direct);
        map.Exchange("h", ExchangeKind.Headers);
        map.Bind("f", "d");
        map.Bind("d", "h", "k");
        map.Bind("h", "q", "", new FieldTableWriter().Add("a", 1));
        Assert.Equal(["q"], map.Route("f", "k", new FieldTableWriter().Add("a", 1)));
        Assert.Empty(map.Route("f", "l", new FieldTableWriter().Add("a", 1)));
        Assert.Empty(map.Route("f", "k", new FieldTableWriter().Add("a", 2)));
    }

    [Fact]
    public void ShouldEndACycleAtAnExchangeThatItHasPassed()
    {
        using var map = new RoutingMap();
        map.Exchange("a", ExchangeKind.Fanout);
        map.Exchange("b", ExchangeKind.Fanout);
        map.Exchange("c", ExchangeKind.Fanout);
        map.Bind("a", "a");
        map.Bind("a", "b");
        map.Bind("b", "c");
        map.Bind("c", "a");
        map.Bind("c", "q");
        Assert.Equal(["q"], map.Route("a"));
        Assert.Equal(["q"], map.Route("b"));
    }

    [Fact]
    public void ShouldTryTheAlternateOfAnExchangeThatFindsNothing()
    {
        using var map = new RoutingMap();
        map.Exchange("d", ExchangeKind.Direct, Alternate("second"));
        Assert.Empty(map.Route("d", "k")); // It need not exist.
        map.Exchange("second", ExchangeKind.Direct, Alternate("third"));
        map.Exchange("third", ExchangeKind.Fanout);
        map.Bind("d", "bound", "k");
        map.Bind("second", "two", "l");
        map.Bind("third", "three");
        Assert.Equal(["bound"], map.Route("d", "k"));
        Assert.Equal(["two"], map.Route("d", "l"));
        Assert.Equal(["three"], map.Route("d", "m"));
    }

    [Fact]
    public void ShouldTryAlternatesOfExchangesOnTheWay()
    {
        using var map = new RoutingMap();
        map.Exchange("f", ExchangeKind.Fanout, Alternate("unused"));
        map.Exchange("inner", ExchangeKind.Direct, Alternate("lost"));
        map.Exchange("lost", ExchangeKind.Fanout);
        map.Exchange("unused", ExchangeKind.Fanout);
        map.Bind("f", "inner");
        map.Bind("lost", "q");
        map.Bind("unused", "no");
        Assert.Equal(["q"], map.Route("f", "k"));
    }

    [Fact]
    public void ShouldLeaveOutAnAlternateThatWasMet()
    {
        using var map = new RoutingMap();
        map.Exchange("a", ExchangeKind.Direct, Alternate("b"));
        map.Exchange("b", ExchangeKind.Direct, Alternate("a"));
        Assert.Empty(map.Route("a", "k"));
        map.Bind("b", "q", "k");
        Assert.Equal(["q"], map.Route("a", "k"));
    }

    [Fact]
    public void ShouldRouteNothingFromADeletedExchange()
    {
        using var map = new RoutingMap();
        Exchange exchange = map.Exchange("f", ExchangeKind.Fanout, Alternate("g"));
        map.Exchange("g", ExchangeKind.Fanout);
        map.Bind("f", "q");
        map.Bind("g", "q");
        map.Topology.Remove(exchange);
        Assert.Empty(map.Route("f"));
        Assert.Equal(1, map.Topology.BindingCount);
    }

    [Fact]
    public void ShouldSayWhenAMessageReachesMoreQueuesThanItCan()
    {
        using var map = new RoutingMap();
        map.Exchange("f", ExchangeKind.Fanout);
        for (int i = 0; i <= RouteSet.MaxCount; i++)
            map.Bind("f", $"q{i}");
        map.Router.Route(map.Host, map.Bind("f", "q0", "again").Source, "k"u8, [], map.Set);
        Assert.True(map.Set.IsTooLarge);
        Assert.Equal(RouteSet.MaxCount, map.Set.Count);
    }

    [Fact]
    public void ShouldFindBindingsByAllFour()
    {
        using var map = new RoutingMap();
        Exchange exchange = map.Exchange("x", ExchangeKind.Headers);
        Binding binding = map.Bind("x", "q", "k", new FieldTableWriter().Add("b", 1).Add("a", 2));
        byte[] sorted = FieldTableOrder.Sorted(new FieldTableWriter().Add("a", 2).Add("b", 1).Entries);
        Assert.True(exchange.TryFind(new BindingIdentity(map.Queue("q"), null, "k"u8, sorted), out Binding? found));
        Assert.Same(binding, found);
        Assert.False(exchange.TryFind(new BindingIdentity(map.Queue("q"), null, "l"u8, sorted), out _));
        Assert.False(exchange.TryFind(new BindingIdentity(map.Queue("r"), null, "k"u8, sorted), out _));
        Assert.False(exchange.TryFind(new BindingIdentity(map.Queue("q"), null, "k"u8, []), out _));
    }

    [Fact]
    public void ShouldAllocateNothingOnTheWay()
    {
        using var map = new RoutingMap();
        map.Exchange("top", ExchangeKind.Fanout);
        map.Exchange("d", ExchangeKind.Direct, Alternate("t"));
        map.Exchange("t", ExchangeKind.Topic);
        map.Exchange("h", ExchangeKind.Headers);
        map.Exchange("c", ExchangeKind.ConsistentHash);
        map.Exchange("ch", ExchangeKind.ConsistentHash, new FieldTableWriter().Add("hash-header", "h7"));
        foreach (string inner in (string[])["d", "t", "h", "c", "ch"])
            map.Bind("top", inner);
        for (int i = 0; i < 50; i++)
        {
            map.Bind("d", $"q{i}", $"k{i}");
            map.Bind("t", $"q{i}", $"#.{i}.*");
            map.Bind("h", $"q{i}", "", new FieldTableWriter().Add($"h{i}", "v"));
            map.Bind("c", $"q{i}", "10");
            map.Bind("ch", $"q{i}", "10");
        }
        Exchange top = map.Bind("top", "last").Source;
        byte[] headers = RoutingMap.Headers(new FieldTableWriter().Add("h7", "v").Add("h8", 1).Add("h9", "v"));
        byte[][] keys = [.. Enumerable.Range(0, 200).Select(i => System.Text.Encoding.UTF8.GetBytes($"some.{i}.key"))];
        Run(); // Grows what has to grow.
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run()
        {
            foreach (byte[] key in keys)
                map.Router.Route(map.Host, top, key, headers, map.Set);
        }
    }

    [Fact]
    public void ShouldKeepRoutesByKeyAndVersion()
    {
        using var map = new RoutingMap();
        BrokerQueue[] queues = [map.Queue("a"), map.Queue("b")];
        var cache = new RouteCache();
        Assert.False(cache.TryGet("k"u8, 1, out _));
        cache.Put("k"u8, 1, queues);
        Assert.True(cache.TryGet("k"u8, 1, out ReadOnlySpan<BrokerQueue> found));
        Assert.Equal(queues, found.ToArray());
        Assert.False(cache.TryGet("k"u8, 2, out _));
        Assert.False(cache.TryGet("l"u8, 1, out _));
        cache.Put("none"u8, 2, []);
        Assert.True(cache.TryGet("none"u8, 2, out found));
        Assert.Equal(0, found.Length);
        for (int i = 0; i < 10 * RouteCache.Capacity; i++)
            cache.Put(System.Text.Encoding.UTF8.GetBytes($"key{i}"), 3, [queues[i % 2]]);
        int hits = 0;
        for (int i = 0; i < 10 * RouteCache.Capacity; i++)
        {
            if (!cache.TryGet(System.Text.Encoding.UTF8.GetBytes($"key{i}"), 3, out found))
                continue;
            hits++;
            Assert.Equal(queues[i % 2], found[0]);
        }
        Assert.InRange(hits, RouteCache.Capacity / 2, RouteCache.Capacity);
    }
}
