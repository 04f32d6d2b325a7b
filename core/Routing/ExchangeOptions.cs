using LowLatency.Core.Engine;

namespace LowLatency.Core.Routing;

/// <summary>What an exchange's declaration says: its kind, flags and arguments, parsed. See the rules E and B5 of docs/model.md.</summary>
internal sealed record ExchangeOptions
{
    internal ExchangeKind Kind { get; init; }

    internal bool Durable { get; init; }

    /// <summary>Clients cannot publish to it.</summary>
    internal bool Internal { get; init; }

    internal bool AutoDelete { get; init; }

    /// <summary><c>alternate-exchange</c>; null for none, empty for the default exchange.</summary>
    internal byte[]? Alternate { get; init; }

    /// <summary><c>hash-header</c> of a consistent-hash exchange; null for none.</summary>
    internal byte[]? HashHeader { get; init; }

    /// <summary><c>hash-property</c> of a consistent-hash exchange.</summary>
    internal HashProperty HashProperty { get; init; }

    /// <summary>The table as it was declared.</summary>
    internal byte[] Arguments { get; init; } = [];

    internal ExchangeFlags Flags =>
        (Durable ? ExchangeFlags.Durable : 0) | (Internal ? ExchangeFlags.Internal : 0) | (AutoDelete ? ExchangeFlags.AutoDelete : 0);
}

/// <summary>Properties of a message that a consistent-hash exchange can go by.</summary>
internal enum HashProperty : byte
{
    None = 0,
    MessageId,
    CorrelationId,
    Timestamp,
}
