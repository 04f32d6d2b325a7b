using LowLatency.Client;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Commands;

/// <summary>What <c>lowlatency pub</c> was asked to do.</summary>
internal sealed record PubOptions
{
    internal required string Queue { get; init; }
    internal required string Address { get; init; }
    internal required DurabilityLevel Durability { get; init; }

    /// <summary>File to read; <c>null</c> for standard input.</summary>
    internal string? File { get; init; }

    /// <summary>Most unconfirmed messages, and bytes of them.</summary>
    internal int Window { get; init; }

    /// <inheritdoc cref="Window"/>
    internal int WindowBytes { get; init; }

    /// <summary>Name under which the broker recognises resends; <c>null</c> for one of its own.</summary>
    internal string? Publisher { get; init; }

    internal bool Declare { get; init; }

    /// <summary>Ask for compression, also where the address does not.</summary>
    internal bool Compress { get; init; }

    /// <summary>Bound of the queue to declare; 0 for the broker's default.</summary>
    internal long MaxLength { get; init; }

    /// <summary><c>null</c> for that of the address.</summary>
    internal string? VirtualHost { get; init; }

    /// <summary>Where to, with <see cref="Queue"/> as routing key; <c>null</c> for the queue itself.</summary>
    internal string? Exchange { get; init; }

    /// <summary>Declare the exchange as such; <c>null</c> does not.</summary>
    internal ExchangeType? ExchangeKind { get; init; }

    internal bool Mandatory { get; init; }

    /// <summary>Of every message.</summary>
    internal MessageProperties Properties { get; init; } = new();

    /// <summary>How long to try to reconnect.</summary>
    internal TimeSpan ReconnectTimeout { get; init; }
}
