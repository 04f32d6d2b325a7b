using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Where a publication's messages go, and what is asked of their confirms.</summary>
public sealed record PublicationOptions
{
    /// <summary>The exchange; empty for the default one, which routes to the queue named by the routing key.</summary>
    public string Exchange { get; init; } = "";

    /// <summary>Routing key of messages that bring none of their own.</summary>
    public string RoutingKey { get; init; } = "";

    /// <summary>
    /// By this name, and a message's sequence, the broker recognises what is sent again. Empty: a name is made up, and lasts as long as the publication.
    /// Where the same name is opened again elsewhere, the older publication is closed.
    /// </summary>
    /// <remarks>A name that was used before goes on behind the last sequence that the broker has of it.</remarks>
    public string PublisherName { get; init; } = "";

    /// <summary>What confirms are to promise: <see cref="DurabilityLevel.Memory"/>, <see cref="DurabilityLevel.Process"/> or <see cref="DurabilityLevel.Disk"/>.</summary>
    public DurabilityLevel Durability { get; init; } = DurabilityLevel.Disk;

    /// <summary>Most unconfirmed messages, 1 to 65,536. The broker may grant less.</summary>
    public int Window { get; init; } = 4096;

    /// <summary>Most unconfirmed bytes over tcp, keys and headers and 32 bytes a message included; at least 4,096, rounded up to a power of two, at most 2^30. Pinned memory, bought when the publication is opened.</summary>
    public int WindowBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Reject a message that reaches no queue; without it such a message is confirmed at level <see cref="DurabilityLevel.None"/>.</summary>
    public bool Mandatory { get; init; } = true;

    /// <summary>Told of confirms.</summary>
    public ConfirmHandler? OnConfirm { get; init; }

    /// <summary>Told of rejections.</summary>
    public RejectHandler? OnReject { get; init; }

    /// <summary>Told when the broker holds confirms back.</summary>
    public BlockedHandler? OnBlocked { get; init; }

    /// <summary>Told when that is over.</summary>
    public UnblockedHandler? OnUnblocked { get; init; }

    internal void Check()
    {
        Names.CheckMayBeEmpty(Exchange, nameof(Exchange));
        Names.CheckMayBeEmpty(RoutingKey, nameof(RoutingKey));
        Names.CheckMayBeEmpty(PublisherName, nameof(PublisherName));
        if (Durability is not (DurabilityLevel.Memory or DurabilityLevel.Process or DurabilityLevel.Disk))
            throw new LowLatencyException(ErrorCode.UnknownLevel, $"{nameof(Durability)} is {Durability}: ask for Memory, Process or Disk.");
        Ranges.Check(Window, 1, 65_536, nameof(Window), "messages");
        Ranges.Check(WindowBytes, 4096, 1 << 30, nameof(WindowBytes), "bytes");
    }
}
