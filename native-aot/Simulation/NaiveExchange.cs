using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>An exchange as its declaration and a list of bindings.</summary>
internal sealed class NaiveExchange(string name, ExchangeKind kind, ExchangeFlags flags, NaiveTable arguments)
{
    internal string Name { get; } = name;

    internal ExchangeKind Kind { get; } = kind;

    internal ExchangeFlags Flags { get; } = flags & ~ExchangeFlags.Passive;

    internal NaiveTable Arguments { get; } = arguments;

    internal bool Durable => (Flags & ExchangeFlags.Durable) != 0;

    internal bool IsInternal => (Flags & ExchangeFlags.Internal) != 0;

    internal bool IsAutoDelete => (Flags & ExchangeFlags.AutoDelete) != 0;

    internal string? Alternate => Arguments.Get("alternate-exchange") as string;

    internal long DefinedAt { get; set; }

    /// <summary>Tells it from another one of its name, also after a restart.</summary>
    internal object Identity { get; private init; } = new();

    internal bool Exists { get; set; } = true;

    /// <summary>In the order in which they were bound.</summary>
    internal List<NaiveBinding> Bindings { get; } = [];

    /// <summary>Of a consistent-hash exchange: where a key went, as long as that binding is there.</summary>
    internal Dictionary<string, NaiveBinding> Chosen { get; } = [];

    /// <summary>Bindings that a key may have moved to since it was last looked at.</summary>
    internal Dictionary<string, List<NaiveBinding>> Added { get; } = [];

    /// <summary>Bindings that match; of a consistent-hash exchange all of them, of which one is chosen.</summary>
    internal IEnumerable<NaiveBinding> Matching(string key, NaiveTable headers) => Bindings.Where(binding => Kind switch
    {
        ExchangeKind.Direct => binding.Key == key,
        ExchangeKind.Fanout => true,
        ExchangeKind.Topic => MatchesTopic(Words(binding.Key), Words(key)),
        ExchangeKind.Headers => MatchesHeaders(binding.Arguments, headers),
        _ => true,
    });

    internal void Add(NaiveBinding binding)
    {
        Bindings.Add(binding);
        foreach (string key in Chosen.Keys)
        {
            if (!Added.TryGetValue(key, out List<NaiveBinding>? added))
                Added.Add(key, added = []);
            added.Add(binding);
        }
    }

    internal void Remove(NaiveBinding binding)
    {
        Bindings.Remove(binding);
        foreach ((string key, NaiveBinding chosen) in Chosen.ToArray())
        {
            // What moved to a binding that went is anywhere now, as is what was there.
            if (chosen == binding || (Added.TryGetValue(key, out List<NaiveBinding>? added) && added.Contains(binding)))
            {
                Chosen.Remove(key);
                Added.Remove(key);
            }
        }
    }

    /// <summary>What survives a restart: bindings between things that do.</summary>
    internal NaiveExchange CopyDurable(NaiveVirtualHost host)
    {
        var copy = new NaiveExchange(Name, Kind, Flags, Arguments) { DefinedAt = DefinedAt, Identity = Identity };
        copy.Bindings.AddRange(Bindings.Where(host.IsDurable));
        if (copy.Bindings.Count == Bindings.Count)
        {
            foreach ((string key, NaiveBinding binding) in Chosen)
                copy.Chosen[key] = binding;
            foreach ((string key, List<NaiveBinding> bindings) in Added)
                copy.Added[key] = [.. bindings];
        }
        return copy;
    }

    private static string[] Words(string key) => key.Length == 0 ? [] : key.Split('.');

    private static bool MatchesTopic(ReadOnlySpan<string> pattern, ReadOnlySpan<string> words)
    {
        if (pattern.Length == 0)
            return words.Length == 0;
        if (pattern[0] == "#")
            return MatchesTopic(pattern[1..], words) || (words.Length > 0 && MatchesTopic(pattern, words[1..]));
        return words.Length > 0 && (pattern[0] == "*" || pattern[0] == words[0]) && MatchesTopic(pattern[1..], words[1..]);
    }

    private static bool MatchesHeaders(NaiveTable binding, NaiveTable headers)
    {
        string how = binding.Get("x-match") as string ?? "all";
        bool withX = how.EndsWith("-with-x", StringComparison.Ordinal);
        var compared = binding.Entries.Where(entry => entry.Name != "x-match" && (withX || !entry.Name.StartsWith("x-", StringComparison.Ordinal))).ToList();
        return how.StartsWith("all", StringComparison.Ordinal) ? compared.All(Matches) : compared.Any(Matches);

        bool Matches((string Name, object? Value) entry) => headers.TryGet(entry.Name, out object? value) && (entry.Value == null || AreEqual(entry.Value, value));
    }

    /// <summary>Equal in type class and value (rule B4).</summary>
    private static bool AreEqual(object? x, object? y) => (x, y) switch
    {
        (int or long, int or long) => Convert.ToInt64(x, null) == Convert.ToInt64(y, null),
        (string a, string b) => a == b,
        (bool a, bool b) => a == b,
        (double a, double b) => a.Equals(b),
        _ => Equals(x, y),
    };
}

/// <summary>A binding: all of it is what makes it that one.</summary>
internal sealed record NaiveBinding(bool ToExchange, string Destination, string Key, NaiveTable Arguments)
{
    internal long DefinedAt { get; set; }

    internal bool IsSame(NaiveBinding other) =>
        ToExchange == other.ToExchange && Destination == other.Destination && Key == other.Key && Arguments.Means(other.Arguments);

    public override string ToString() => $"{(ToExchange ? "exchange " : "")}{Destination} '{Key}' {Arguments}";
}
