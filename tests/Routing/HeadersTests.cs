using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Routing;

/// <summary>Routing by the header table, rule B4.</summary>
public sealed class HeadersTests
{
    private static FieldTableWriter T() => new();

    [Fact]
    public void ShouldCompareTypeClassAndValue()
    {
        (FieldTableWriter Asked, FieldTableWriter Sent, bool Matches)[] cases =
        [
            (T().Add("a", 5), T().Add("a", 5), true),
            (T().Add("a", 5), T().Add("a", 5L), true),
            (T().Add("a", 5), T().Add("a", 6), false),
            (T().Add("a", 5), T().Add("a", "5"), false),
            (T().Add("a", 5), T().Add("a", 5d), false),
            (T().Add("a", 5), T().AddTimestamp("a", 5), false),
            (T().Add("a", 1), T().Add("a", true), false),
            (T().Add("a", true), T().Add("a", true), true),
            (T().Add("a", true), T().Add("a", false), false),
            (T().Add("a", 0d), T().Add("a", -0d), true),
            (T().Add("a", 1.5), T().Add("a", 1.5), true),
            (T().Add("a", "text"), T().Add("a", "text"), true),
            (T().Add("a", "text"), T().Add("a", "Text"), false),
            (T().Add("a", ""), T().Add("a", ""), true),
            (T().Add("a", "text"), T().AddBytes("a", "text"u8), false),
            (T().AddBytes("a", "text"u8), T().AddBytes("a", "text"u8), true),
            (T().AddTable("a", T().Add("b", 1)), T().AddTable("a", T().Add("b", 1)), true),
            (T().AddTable("a", T().Add("b", 1)), T().AddTable("a", T().Add("b", 2)), false),
            (T().AddVoid("a"), T().Add("a", 7), true),
            (T().AddVoid("a"), T().AddVoid("a"), true),
            (T().AddVoid("a"), T().Add("b", 7), false),
            (T().Add("a", 7), T().AddVoid("a"), false),
            (T().Add("A", 7), T().Add("a", 7), false),
        ];
        foreach ((FieldTableWriter asked, FieldTableWriter sent, bool matches) in cases)
            Assert.Equal(matches, Matches(asked, sent));
    }

    [Theory]
    [InlineData(null, "a b", true)]
    [InlineData(null, "a", false)]
    [InlineData("all", "a b c", true)]
    [InlineData("all", "b", false)]
    [InlineData("any", "b", true)]
    [InlineData("any", "c", false)]
    [InlineData("all-with-x", "a b", false)]
    [InlineData("all-with-x", "a b x-d", true)]
    [InlineData("any-with-x", "x-d", true)]
    [InlineData("any", "x-d", false)]
    public void ShouldAskForAllOrAny(string? kind, string sent, bool matches)
    {
        FieldTableWriter asked = T().Add("a", 1).Add("b", 1).Add("x-d", 1);
        if (kind != null)
            asked.Add("x-match", kind);
        FieldTableWriter table = T();
        foreach (string name in sent.Split(' '))
            table.Add(name, 1);
        Assert.Equal(matches, Matches(asked, table));
    }

    [Fact]
    public void ShouldMatchAlwaysOrNeverWithNothingToCompare()
    {
        Assert.True(Matches(T(), T()));
        Assert.True(Matches(T().Add("x-match", "all").Add("x-other", 1), T().Add("z", 1)));
        Assert.False(Matches(T().Add("x-match", "any").Add("x-other", 1), T().Add("x-other", 1)));
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.Headers);
        map.Bind("x", "q");
        Assert.Equal(["q"], map.Route("x"));
    }

    [Theory]
    [InlineData("some")]
    [InlineData("")]
    [InlineData("all-with")]
    public void ShouldRefuseAnotherKindOfMatch(string kind)
    {
        using var map = new RoutingMap();
        Exchange exchange = map.Exchange("x", ExchangeKind.Headers);
        string problem = exchange.BindingProblem("k"u8, T().Add("x-match", kind).Entries)!;
        Assert.Contains($"x-match is '{kind}'", problem, StringComparison.Ordinal);
        Assert.NotNull(exchange.BindingProblem("k"u8, T().Add("x-match", 1).Entries));
        Assert.Null(exchange.BindingProblem("k"u8, T().Add("x-match", "any-with-x").Entries));
    }

    [Fact]
    public void ShouldAgreeWithAPlainMatcher()
    {
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            using var map = new RoutingMap();
            map.Exchange("x", ExchangeKind.Headers);
            var asked = new Dictionary<string, (bool Any, bool WithX, Dictionary<string, int> Values)>();
            for (int i = 0; i < 8; i++)
            {
                bool any = random.Next(2) == 0;
                bool withX = random.Next(3) == 0;
                Dictionary<string, int> values = Values(random, 4);
                FieldTableWriter table = T().Add("x-match", (any ? "any" : "all") + (withX ? "-with-x" : ""));
                Write(table, values);
                map.Bind("x", $"q{i}", "", table);
                asked.Add($"q{i}", (any, withX, values));
            }
            Dictionary<string, int> sent = Values(random, random.Next(40));
            FieldTableWriter message = T();
            Write(message, sent);
            IEnumerable<string> expected = asked.Where(binding =>
            {
                KeyValuePair<string, int>[] compared = [.. binding.Value.Values.Where(value => binding.Value.WithX || !value.Key.StartsWith("x-", StringComparison.Ordinal))];
                bool Has(KeyValuePair<string, int> value) => sent.TryGetValue(value.Key, out int given) && given == value.Value;
                return binding.Value.Any ? compared.Any(Has) : compared.All(Has);
            }).Select(binding => binding.Key);
            Assert.Equal(expected.Order(StringComparer.Ordinal), map.Route("x", "", message));
        }
    }

    [Fact]
    public void ShouldTakeMalformedHeadersAsNone()
    {
        using var map = new RoutingMap();
        Exchange exchange = map.Exchange("x", ExchangeKind.Headers);
        map.Bind("x", "q", "", T().Add("a", 1));
        byte[] headers = RoutingMap.Headers(T().Add("a", 1));
        for (int length = 0; length < headers.Length; length++)
        {
            map.Router.Route(map.Host, exchange, "k"u8, headers.AsSpan(0, length), map.Set);
            Assert.Equal(0, map.Set.Count);
        }
        map.Router.Route(map.Host, exchange, "k"u8, headers, map.Set);
        Assert.Equal(1, map.Set.Count);
        Assert.True(map.Set.DependsOnHeaders);
    }

    private static Dictionary<string, int> Values(Random random, int most)
    {
        var values = new Dictionary<string, int>();
        for (int i = 0; i < most; i++)
            values[$"{(random.Next(4) == 0 ? "x-" : "")}h{random.Next(30)}"] = random.Next(2);
        return values;
    }

    private static void Write(FieldTableWriter table, Dictionary<string, int> values)
    {
        foreach ((string name, int value) in values)
            table.Add(name, value);
    }

    private static bool Matches(FieldTableWriter asked, FieldTableWriter sent)
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.Headers);
        map.Bind("x", "q", "", asked);
        return map.Route("x", "any key", sent).Length == 1;
    }
}
