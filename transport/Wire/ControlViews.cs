namespace LowLatency.Transport.Wire;

// Parsed control frames: a copy of the fixed part, and the strings where they are in the frame.
// A view is as short-lived as the frame it was parsed from. Strings and texts in it are valid UTF-8.

/// <summary>A <see cref="FrameType.Hello"/>.</summary>
internal readonly ref struct HelloView
{
    internal HelloFrame Fields { get; init; }
    internal ReadOnlySpan<byte> ClientName { get; init; }
    internal ReadOnlySpan<byte> VirtualHost { get; init; }
}

/// <summary>A <see cref="FrameType.Welcome"/>.</summary>
internal readonly ref struct WelcomeView
{
    internal WelcomeFrame Fields { get; init; }
    internal ReadOnlySpan<byte> Product { get; init; }
}

/// <summary>A frame that ends with a text: Error, Close, Failed, PublicationEnded, SubscriptionEnded.</summary>
internal readonly ref struct TextView<TFrame>
    where TFrame : unmanaged
{
    internal TFrame Fields { get; init; }
    internal ReadOnlySpan<byte> Text { get; init; }
}

/// <summary>A <see cref="FrameType.Rejected"/>.</summary>
internal readonly ref struct RejectedView
{
    internal RejectedFrame Fields { get; init; }
    internal ReadOnlySpan<byte> Queue { get; init; }
    internal ReadOnlySpan<byte> Text { get; init; }
}

/// <summary>A frame that ends with one name: Subscribe, DeclareQueue, DeleteQueue, DeclareExchange, DeleteExchange.</summary>
internal readonly ref struct NameView<TFrame>
    where TFrame : unmanaged
{
    internal TFrame Fields { get; init; }

    /// <summary>1 to 255 bytes.</summary>
    internal ReadOnlySpan<byte> Name => Strings[1..];

    /// <summary>The name as it is in the frame, length byte first: the variable part of the engine's command.</summary>
    internal ReadOnlySpan<byte> Strings { get; init; }
}

/// <summary>An <see cref="FrameType.OpenPublication"/>.</summary>
internal readonly ref struct OpenPublicationView
{
    internal OpenPublicationFrame Fields { get; init; }
    internal ReadOnlySpan<byte> Publisher { get; init; }
    internal ReadOnlySpan<byte> Exchange { get; init; }
    internal ReadOnlySpan<byte> RoutingKey { get; init; }

    /// <summary>The three as they are in the frame: the variable part of the engine's command.</summary>
    internal ReadOnlySpan<byte> Strings { get; init; }
}

/// <summary>A <see cref="FrameType.Bind"/> or <see cref="FrameType.Unbind"/>.</summary>
internal readonly ref struct BindView
{
    internal NamedRequestFrame Fields { get; init; }
    internal ReadOnlySpan<byte> Exchange { get; init; }
    internal ReadOnlySpan<byte> Queue { get; init; }
    internal ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The three as they are in the frame: the variable part of the engine's command.</summary>
    internal ReadOnlySpan<byte> Strings { get; init; }
}
