namespace LowLatency.Server.Demo;

/// <summary>What one door showed.</summary>
internal sealed record DoorResult
{
    internal required DeliveryLedger Ledger { get; init; }

    internal required StreamTimes Times { get; init; }

    internal required long ElapsedNs { get; init; }

    /// <summary>Bytes that the broker's hot thread allocated for each message; null where it is not known.</summary>
    internal double? BrokerAllocatedPerMessage { get; init; }

    /// <summary>From SIGKILL to the new process's word that it listens, its first confirm and its first delivery; null without a kill.</summary>
    internal RestartTimes? Restart { get; init; }
}

/// <summary>Times from the kill on, in nanoseconds.</summary>
/// <param name="ListeningNs">The new broker has recovered and listens.</param>
/// <param name="ConfirmNs">The first confirm.</param>
/// <param name="DeliveryNs">The first delivery of an event that had not arrived before.</param>
/// <param name="Unconfirmed">Messages that were under way without a confirm when the connection was lost, to be sent again.</param>
/// <param name="Recognised">Those that the new broker had already: confirmed, not stored again.</param>
internal sealed record RestartTimes(long ListeningNs, long ConfirmNs, long DeliveryNs, long Unconfirmed, long Recognised);
