using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>Limits of a virtual host; where one is absent the broker's own holds alone. Rule V3.</summary>
internal sealed record VirtualHostLimits
{
    internal static readonly VirtualHostLimits None = new();

    internal long MaxQueues { get; init; } = long.MaxValue;

    /// <summary>Beside those that every virtual host has.</summary>
    internal long MaxExchanges { get; init; } = long.MaxValue;

    internal long MaxBindings { get; init; } = long.MaxValue;

    internal long MaxConnections { get; init; } = long.MaxValue;

    /// <summary>Reads the arguments of a declaration.</summary>
    /// <param name="table">Entries of a field table, valid.</param>
    /// <returns>What is wrong with one, as a sentence, or null.</returns>
    internal static string? Parse(ReadOnlySpan<byte> table, out VirtualHostLimits? limits)
    {
        long queues = long.MaxValue;
        long exchanges = long.MaxValue;
        long bindings = long.MaxValue;
        long connections = long.MaxValue;
        string? problem = ArgumentReader.Integer(table, "max-queues"u8, 0, long.MaxValue, "queues", ref queues)
            ?? ArgumentReader.Integer(table, "max-exchanges"u8, 0, long.MaxValue, "exchanges", ref exchanges)
            ?? ArgumentReader.Integer(table, "max-bindings"u8, 0, long.MaxValue, "bindings", ref bindings)
            ?? ArgumentReader.Integer(table, "max-connections"u8, 0, long.MaxValue, "connections", ref connections);
        limits = problem != null ? null : new VirtualHostLimits { MaxQueues = queues, MaxExchanges = exchanges, MaxBindings = bindings, MaxConnections = connections };
        return problem;
    }

    /// <summary>The first difference to another declaration, as part of a sentence, or null.</summary>
    internal string? Difference(VirtualHostLimits wanted) =>
        Compare("max-queues", MaxQueues, wanted.MaxQueues)
        ?? Compare("max-exchanges", MaxExchanges, wanted.MaxExchanges)
        ?? Compare("max-bindings", MaxBindings, wanted.MaxBindings)
        ?? Compare("max-connections", MaxConnections, wanted.MaxConnections);

    private static string? Compare(string name, long existing, long wanted) =>
        existing == wanted ? null : $"{name} = {Text(existing)}, not {Text(wanted)}";

    private static string Text(long limit) => limit == long.MaxValue ? "none" : limit.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
