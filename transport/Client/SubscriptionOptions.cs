using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>How a subscription takes its messages.</summary>
public sealed record SubscriptionOptions
{
    /// <summary>Most deliveries that are not settled, up to 65,536, or the broker's limit where that is less. Settling gives room for more.
    /// 0: nothing comes by itself, only what <see cref="Subscription.GetAsync"/> and <see cref="Subscription.TryGet"/> ask for.</summary>
    /// <remarks>It also bounds the memory of <see cref="Subscription.ReadAllAsync"/>.</remarks>
    public int Credit { get; init; } = 1024;

    /// <summary>Most bytes of deliveries (keys and headers included) that are not settled; 0 for no limit in bytes. A message larger than it comes alone.</summary>
    public long CreditBytes { get; init; }

    /// <summary>Most unsettled deliveries, whatever the credit; 0 for no limit. It bounds what <see cref="Subscription.GetAsync"/> can bring, too.</summary>
    public int MaxUnacked { get; init; }

    /// <summary>Messages are settled by their delivery. A crash, or a lost connection, may lose what was under way.</summary>
    public bool NoAck { get; init; }

    /// <summary>No other subscription on the queue: fails with <see cref="ErrorCode.AccessRefused"/> where there is one.</summary>
    public bool Exclusive { get; init; }

    /// <summary>Subscriptions of higher priority are given messages first.</summary>
    public int Priority { get; init; }

    /// <summary>Every message is shown in order from the head of the queue on, none is taken and there is nothing to settle.</summary>
    public bool Browse { get; init; }

    /// <summary>Of each key the newest message is shown, as fast as deliveries are dealt with; none is taken and there is nothing to settle.
    /// <see cref="Delivery.Elided"/> says how many were left out.</summary>
    public bool Conflate { get; init; }

    /// <summary>Of <see cref="Conflate"/>: the header whose value is the key; empty for the routing key.</summary>
    public string ConflationKey { get; init; } = "";

    /// <summary>Where there is nothing to settle and a handler passes messages on: credit goes back when <see cref="Subscription.Ack"/> says that a delivery was dealt with,
    /// not when the handler returns.</summary>
    public bool ManualCredit { get; init; }

    /// <summary>Told when a subscription to a queue with a single active consumer becomes that one (<c>true</c>), or ceases to be.</summary>
    /// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
    public Action<Subscription, bool>? OnActive { get; init; }

    /// <summary>Nothing is to be settled.</summary>
    internal bool IsSettledByDelivery => NoAck || Browse || Conflate;

    internal SubscribeFlags Flags =>
        (NoAck ? SubscribeFlags.NoAck : 0) | (Exclusive ? SubscribeFlags.Exclusive : 0) | (Browse ? SubscribeFlags.Browse : 0)
        | (Conflate ? SubscribeFlags.Conflate : 0);

    internal void Check()
    {
        Ranges.Check(Credit, 0, 65_536, nameof(Credit), "messages");
        Ranges.Check(CreditBytes, 0, long.MaxValue, nameof(CreditBytes), "bytes");
        Ranges.Check(MaxUnacked, 0, int.MaxValue, nameof(MaxUnacked), "messages");
        Names.CheckMayBeEmpty(ConflationKey, nameof(ConflationKey));
        if (Browse && Conflate)
            throw new LowLatencyException(ErrorCode.InvalidArgument, $"{nameof(Browse)} and {nameof(Conflate)} are two ways to look at a queue: choose one.");
    }
}
