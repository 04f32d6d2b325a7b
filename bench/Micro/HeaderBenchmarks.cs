using BenchmarkDotNet.Attributes;
using LowLatency.Core.Messages;

namespace LowLatency.Bench.Micro;

/// <summary>What the headers of a message cost: checking them when it comes, finding a key, writing a death.</summary>
public class HeaderBenchmarks
{
    private readonly byte[] _nothing = [];
    private readonly byte[] _properties;
    private readonly byte[] _table;
    private readonly byte[] _dead;
    private readonly DeathHeaders _deaths = new();

    public HeaderBenchmarks()
    {
        var builder = new ContentHeaderBuilder();
        _properties = builder.ContentType("application/json").DeliveryMode(2).Priority(5).Expiration(60_000).MessageId("8f14e45f-ceea-467f").Build().ToArray();
        builder.Headers.Add("symbol", "ACME").Add("price", 101.25).Add("quantity", 100L).Add("venue", "XFRA");
        _table = builder.Build().ToArray();
        _dead = _deaths.Write(_table, Death("orders"u8)).ToArray();
    }

    [Benchmark]
    public long TraitsOfNothing() => Read(_nothing);

    [Benchmark]
    public long TraitsOfFiveProperties() => Read(_properties);

    [Benchmark]
    public long TraitsOfPropertiesAndFourHeaders() => Read(_table);

    [Benchmark]
    public long FindKey() => HeaderKey.TryGet(_table, "venue"u8, out ReadOnlySpan<byte> key) ? key.Length : 0;

    [Benchmark]
    public long WriteFirstDeath() => _deaths.Write(_table, Death("orders"u8)).Length;

    [Benchmark]
    public long WriteSecondDeath() => _deaths.Write(_dead, Death("retries"u8)).Length;

    [Benchmark]
    public bool FindCycle() => DeathHistory.IsCycle(_dead, "orders"u8);

    private static long Read(ReadOnlySpan<byte> headers) => MessageTraits.TryRead(headers, 1, out MessageTraits traits, out _) ? 2 + traits.TtlMs : 0;

    private static Death Death(ReadOnlySpan<byte> queue) =>
        new() { Reason = DeathReason.Expired, Queue = queue, Exchange = "market"u8, RoutingKey = "acme"u8, TimeSeconds = 1_700_000_000 };
}
