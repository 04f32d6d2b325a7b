using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>Limits of a virtual host to declare. What is <c>null</c> is the broker's own.</summary>
public sealed record VirtualHostOptions
{
    /// <summary>Only ask whether it exists: fails with <see cref="Core.Engine.ErrorCode.NotFound"/> where it does not.</summary>
    public bool Passive { get; init; }

    /// <summary>Most queues. <c>max-queues</c></summary>
    public long? MaxQueues { get; init; }

    /// <summary>Most exchanges. <c>max-exchanges</c></summary>
    public long? MaxExchanges { get; init; }

    /// <summary>Most bindings. <c>max-bindings</c></summary>
    public long? MaxBindings { get; init; }

    /// <summary>Most connections at a time. <c>max-connections</c></summary>
    public long? MaxConnections { get; init; }

    internal byte[] Table()
    {
        var table = new FieldTableWriter();
        table.Integer("max-queues", MaxQueues, nameof(MaxQueues), "queues");
        table.Integer("max-exchanges", MaxExchanges, nameof(MaxExchanges), "exchanges");
        table.Integer("max-bindings", MaxBindings, nameof(MaxBindings), "bindings");
        table.Integer("max-connections", MaxConnections, nameof(MaxConnections), "connections");
        return table.Entries.ToArray();
    }
}
