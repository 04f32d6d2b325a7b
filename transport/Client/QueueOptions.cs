namespace LowLatency.Client;

/// <summary>Properties of a queue to declare.</summary>
public sealed record QueueOptions
{
    /// <summary>Definition and durable messages outlive the broker.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>Most messages, waiting and unsettled; more are rejected. 0 asks for the broker's default.</summary>
    public long MaxLength { get; init; }

    /// <summary>Only ask whether it exists: fails with <see cref="Core.Engine.ErrorCode.NotFound"/> where it does not. Not repeated after a reconnect.</summary>
    public bool Passive { get; init; }
}

/// <summary>A queue at the moment of its declaration.</summary>
/// <param name="Ready">Messages waiting.</param>
/// <param name="Consumers">Subscriptions on it, of all connections.</param>
public readonly record struct QueueInfo(long Ready, int Consumers);
