using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Routing;

/// <summary>One destination per key, rule B5.</summary>
public sealed class ConsistentHashTests
{
    private const int Keys = 20_000;

    [Fact]
    public void ShouldChooseExactlyOneAndKeepToIt()
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        Assert.Empty(map.Route("x", "key"));
        for (int i = 0; i < 7; i++)
            map.Bind("x", $"q{i}", "3");
        string[] first = Choices(map);
        Assert.Equal(first, Choices(map));
        Assert.Equal(7, first.Distinct().Count());
    }

    [Fact]
    public void ShouldShareByWeight()
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        map.Bind("x", "one", "1");
        map.Bind("x", "two", "2");
        map.Bind("x", "seven", "7");
        Dictionary<string, int> counts = Choices(map).CountBy(name => name).ToDictionary();
        Assert.InRange(counts["one"], Keys * 0.08, Keys * 0.12);
        Assert.InRange(counts["two"], Keys * 0.17, Keys * 0.23);
        Assert.InRange(counts["seven"], Keys * 0.66, Keys * 0.74);
    }

    [Fact]
    public void ShouldShareEvenlyAmongMany()
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        for (int i = 0; i < 100; i++)
            map.Bind("x", $"q{i}", "1000");
        Dictionary<string, int> counts = Choices(map).CountBy(name => name).ToDictionary();
        Assert.Equal(100, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, Keys / 100 * 0.6, Keys / 100 * 1.4));
    }

    [Fact]
    public void ShouldMoveOnlyTheKeysOfTheOneThatComesOrGoes()
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        Binding[] bindings = [.. Enumerable.Range(0, 10).Select(i => map.Bind("x", $"q{i}", $"{1 + (i * 7)}"))];
        string[] before = Choices(map);
        Binding added = map.Bind("x", "new", "30");
        string[] with = Choices(map);
        for (int i = 0; i < Keys; i++)
            Assert.True(with[i] == before[i] || with[i] == "new");
        Assert.Contains("new", with);
        map.Topology.Remove(added);
        Assert.Equal(before, Choices(map));
        map.Topology.Remove(bindings[4]);
        string[] without = Choices(map);
        for (int i = 0; i < Keys; i++)
            Assert.True(before[i] == "q4" ? without[i] != "q4" : without[i] == before[i]);
    }

    [Fact]
    public void ShouldChooseAlikeWhateverTheOrderOfBindings()
    {
        using var map = new RoutingMap();
        using var other = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        other.Exchange("x", ExchangeKind.ConsistentHash);
        for (int i = 0; i < 12; i++)
        {
            map.Bind("x", $"q{i}", "5");
            other.Bind("x", $"q{11 - i}", "5");
        }
        Assert.Equal(Choices(map), Choices(other));
    }

    [Fact]
    public void ShouldNotChangeBetweenVersions()
    {
        // A key that goes elsewhere after an upgrade breaks the order that its users rely on.
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.ConsistentHash);
        for (int i = 0; i < 5; i++)
            map.Bind("x", $"q{i}", $"{i + 1}");
        Assert.Equal("212420403424324322343342", string.Concat(Enumerable.Range(0, 24).Select(i => map.Route("x", $"key{i}")[0][1])));
    }

    [Fact]
    public void ShouldGoByAHeaderOrAProperty()
    {
        using var map = new RoutingMap();
        map.Exchange("header", ExchangeKind.ConsistentHash, new FieldTableWriter().Add("hash-header", "account"));
        map.Exchange("message", ExchangeKind.ConsistentHash, new FieldTableWriter().Add("hash-property", "message_id"));
        map.Exchange("correlation", ExchangeKind.ConsistentHash, new FieldTableWriter().Add("hash-property", "correlation_id"));
        map.Exchange("timestamp", ExchangeKind.ConsistentHash, new FieldTableWriter().Add("hash-property", "timestamp"));
        foreach (string exchange in (string[])["header", "message", "correlation", "timestamp"])
        {
            for (int i = 0; i < 20; i++)
                map.Bind(exchange, $"q{i}", "10");
            string[] choices = [.. Enumerable.Range(0, 200).Select(i => Route(exchange, i, $"key{i}"))];
            Assert.Equal(choices, Enumerable.Range(0, 200).Select(i => Route(exchange, i, "another key")));
            Assert.InRange(choices.Distinct().Count(), 15, 20);
            Assert.True(map.Set.DependsOnHeaders);
            Assert.Single(map.Route(exchange, "no headers at all"));
        }
        Assert.Equal(map.Route("header", "", new FieldTableWriter().Add("account", 5)), map.Route("header", "", new FieldTableWriter().Add("account", 5L)));

        string Route(string exchange, int i, string key)
        {
            var headers = new ContentHeaderBuilder();
            _ = exchange switch
            {
                "header" => null,
                "message" => headers.MessageId($"id{i}"),
                "correlation" => headers.CorrelationId($"id{i}"),
                _ => headers.Timestamp((ulong)i),
            };
            return Assert.Single(exchange == "header" ? map.Route(exchange, key, new FieldTableWriter().Add("account", $"id{i}")) : map.Route(exchange, key, null, headers));
        }
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("1000", true)]
    [InlineData("007", true)]
    [InlineData("0", false)]
    [InlineData("1001", false)]
    [InlineData("", false)]
    [InlineData("-1", false)]
    [InlineData("1.5", false)]
    [InlineData("99999999999", false)]
    public void ShouldTakeWeightsFrom1To1000(string key, bool isGood)
    {
        using var map = new RoutingMap();
        Assert.Equal(isGood, map.Exchange("x", ExchangeKind.ConsistentHash).BindingProblem(System.Text.Encoding.UTF8.GetBytes(key), []) == null);
    }

    private static string[] Choices(RoutingMap map) => [.. Enumerable.Range(0, Keys).Select(i => Assert.Single(map.Route("x", $"key{i}")))];
}
