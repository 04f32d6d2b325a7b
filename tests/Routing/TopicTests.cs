using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Engine;
using LowLatency.Core.Routing;
using Xunit;

namespace LowLatency.Tests.Routing;

/// <summary>Patterns of words, rule B3.</summary>
public sealed class TopicTests
{
    [Theory]
    [InlineData("a.b", "a.b", true)]
    [InlineData("a.b", "a.c", false)]
    [InlineData("a.*", "a.b", true)]
    [InlineData("a.*", "a", false)]
    [InlineData("a.*", "a.b.c", false)]
    [InlineData("a.*", "a.", true)]
    [InlineData("*", "", false)]
    [InlineData("#", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*.*", ".", true)]
    [InlineData("a..b", "a..b", true)]
    [InlineData("a.*.b", "a..b", true)]
    [InlineData("a.b", "a..b", false)]
    [InlineData("a.#", "a", true)]
    [InlineData("a.#", "a.b.c", true)]
    [InlineData("#.b", "b", true)]
    [InlineData("#.b", "a.a.b", true)]
    [InlineData("#.b", "a.b.a", false)]
    [InlineData("a.#.b", "a.b", true)]
    [InlineData("a.#.#.b", "a.x.y.b", true)]
    [InlineData("#.#.#", "", true)]
    [InlineData("#.*", "", false)]
    [InlineData("#.*", "a", true)]
    [InlineData("*.#", "a.b", true)]
    [InlineData("a*", "ab", false)]
    [InlineData("a*", "a*", true)]
    [InlineData("#a", "#a", true)]
    [InlineData("##", "##", true)]
    [InlineData("##", "a", false)]
    public void ShouldMatchByWords(string pattern, string key, bool matches)
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.Topic);
        map.Bind("x", "q", pattern);
        Assert.Equal(matches ? ["q"] : [], map.Route("x", key));
        Assert.Equal(matches, IsMatch(pattern, key));
    }

    [Fact]
    public void ShouldAgreeWithAPlainMatcher()
    {
        Gen<string> pattern = Gen.Elements("a", "b", "ab", "", "*", "#", "#", "a*").ListOf().Select(words => string.Join('.', words.Take(7)));
        Gen<string> key = Gen.Elements("a", "b", "ab", "", "c").ListOf().Select(words => string.Join('.', words.Take(8)));
        Gen<(IList<string> Patterns, IList<string> Keys)> cases = pattern.ListOf().SelectMany(patterns => key.ListOf().Select(keys => ((IList<string>)[.. patterns], (IList<string>)[.. keys])));
        Prop.ForAll(cases.ToArbitrary(), one =>
        {
            using var map = new RoutingMap();
            map.Exchange("x", ExchangeKind.Topic);
            string[] patterns = [.. one.Patterns.Distinct()];
            Binding[] bindings = [.. patterns.Select(text => map.Bind("x", text, text))];
            // Half of them go again, so that removing is tried with every shape of tree.
            for (int i = 0; i < bindings.Length; i += 2)
                map.Topology.Remove(bindings[i]);
            string[] left = [.. patterns.Where((_, i) => i % 2 == 1)];
            foreach (string text in one.Keys.Append(""))
                Assert.Equal(left.Where(candidate => IsMatch(candidate, text)).Order(StringComparer.Ordinal), map.Route("x", text));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
    }

    [Fact]
    public void ShouldPruneWhatNoPatternNeeds()
    {
        using var pool = new RoutingMap();
        pool.Exchange("x", ExchangeKind.Topic);
        var trie = new TopicTrie();
        var random = new Random(1);
        var bindings = new List<Binding>();
        for (int i = 0; i < 2000; i++)
        {
            string key = string.Join('.', Enumerable.Range(0, random.Next(0, 6)).Select(_ => random.Next(6) switch { 0 => "#", 1 => "*", int word => $"w{word * random.Next(9)}" }));
            var binding = new Binding(pool.Exchange($"x{i}", ExchangeKind.Topic), pool.Queue("q"), null, System.Text.Encoding.UTF8.GetBytes(key), []);
            trie.Add(binding);
            bindings.Add(binding);
        }
        Assert.InRange(trie.NodeCount, 500, 12_000);
        foreach (Binding binding in bindings.OrderBy(_ => random.Next()))
            trie.Remove(binding);
        Assert.Equal(1, trie.NodeCount);
    }

    [Fact]
    public void ShouldNotBlowUpOnHashesBetweenEqualWords()
    {
        // Naively each # splits the match again: 2^60 ways here.
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.Topic);
        string pattern = string.Concat(Enumerable.Repeat("#.a.", 60)) + "#";
        map.Bind("x", "q", pattern);
        map.Bind("x", "never", pattern + ".b");
        string key = string.Join('.', Enumerable.Repeat("a", 128));
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        for (int i = 0; i < 100; i++)
            Assert.Equal(["q"], map.Route("x", key));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds < 5);
    }

    [Fact]
    public void ShouldTakeAKeyOf255Hashes()
    {
        using var map = new RoutingMap();
        map.Exchange("x", ExchangeKind.Topic);
        map.Bind("x", "hashes", new string('#', 255));
        map.Bind("x", "words", string.Join('.', Enumerable.Repeat("#", 128)));
        map.Bind("x", "dots", new string('.', 255));
        Assert.Equal(["hashes", "words"], map.Route("x", new string('#', 255)));
        Assert.Equal(["dots", "words"], map.Route("x", new string('.', 255)));
        Assert.Equal(["words"], map.Route("x", ""));
    }

    /// <summary>The rule as it is written, however slow.</summary>
    private static bool IsMatch(string pattern, string key) => IsMatch(Words(pattern), Words(key));

    private static bool IsMatch(ReadOnlySpan<string> pattern, ReadOnlySpan<string> words)
    {
        if (pattern.Length == 0)
            return words.Length == 0;
        if (pattern[0] == "#")
            return IsMatch(pattern[1..], words) || (words.Length > 0 && IsMatch(pattern, words[1..]));
        return words.Length > 0 && (pattern[0] == "*" || pattern[0] == words[0]) && IsMatch(pattern[1..], words[1..]);
    }

    private static string[] Words(string text) => text.Length == 0 ? [] : text.Split('.');
}
