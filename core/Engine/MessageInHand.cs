namespace LowLatency.Core.Engine;

/// <summary>A message that is being published, beside its bytes.</summary>
internal struct MessageInHand
{
    internal int KeyLength;
    internal int HeadersLength;
    internal int BodyLength;

    /// <summary>Unix time in nanoseconds by the publisher's clock.</summary>
    internal long PublishedNs;

    internal long ReceivedNs;

    /// <summary>0 when another record tells of the publisher's sequence, or none is to.</summary>
    internal uint PublisherId;

    internal ulong PublisherSequence;
}
