namespace LowLatency.Core.Messages;

/// <summary>One death of a message, as <c>x-death</c> tells it. Names are UTF-8, the caller's.</summary>
internal readonly ref struct Death
{
    internal DeathReason Reason { get; init; }

    /// <summary>In which the message died.</summary>
    internal ReadOnlySpan<byte> Queue { get; init; }

    /// <summary>To which it had been published, or dead-lettered before; empty for the default exchange.</summary>
    internal ReadOnlySpan<byte> Exchange { get; init; }

    /// <summary>With which it had been published.</summary>
    internal ReadOnlySpan<byte> RoutingKey { get; init; }

    /// <summary>Unix seconds.</summary>
    internal long TimeSeconds { get; init; }
}
