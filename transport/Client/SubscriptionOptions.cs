namespace LowLatency.Client;

/// <summary>How much a subscription takes at a time.</summary>
public sealed record SubscriptionOptions
{
    /// <summary>Most deliveries that are not settled, 1 to 65,536, or the broker's limit where that is less. Settling gives room for more.</summary>
    /// <remarks>It also bounds the memory of <see cref="Subscription.ReadAllAsync"/>.</remarks>
    public int Credit { get; init; } = 1024;

    /// <summary>Most bytes of deliveries (keys and headers included) that are not settled; 0 for no limit in bytes. A message larger than it comes alone.</summary>
    public long CreditBytes { get; init; }

    internal void Check()
    {
        Ranges.Check(Credit, 1, 65_536, nameof(Credit), "messages");
        Ranges.Check(CreditBytes, 0, long.MaxValue, nameof(CreditBytes), "bytes");
    }
}
