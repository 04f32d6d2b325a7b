namespace LowLatency.Core.Messages;

/// <summary>Why a message was dead-lettered. Persisted: values are frozen.</summary>
internal enum DeathReason : byte
{
    Rejected = 1,
    Expired = 2,

    /// <summary>A bound of the queue.</summary>
    MaxLength = 3,

    DeliveryLimit = 4,
}

/// <summary>The words that stand in <c>x-death</c> (rule D2).</summary>
internal static class DeathReasons
{
    internal static ReadOnlySpan<byte> Word(this DeathReason reason) => reason switch
    {
        DeathReason.Rejected => "rejected"u8,
        DeathReason.Expired => "expired"u8,
        DeathReason.MaxLength => "maxlen"u8,
        DeathReason.DeliveryLimit => "delivery_limit"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
