using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Where requests go, and how long their replies are waited for.</summary>
public sealed record RequesterOptions
{
    /// <summary>The exchange; empty for the default one, which routes to the queue named by the routing key.</summary>
    public string Exchange { get; init; } = "";

    /// <summary>Routing key of requests that bring none of their own.</summary>
    public string RoutingKey { get; init; } = "";

    /// <summary>What the broker does before it confirms a request. Replies are kept in memory.</summary>
    public DurabilityLevel Durability { get; init; } = DurabilityLevel.Memory;

    /// <summary>Longest wait for a reply.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most requests that are not confirmed.</summary>
    public int Window { get; init; } = 4096;
}
