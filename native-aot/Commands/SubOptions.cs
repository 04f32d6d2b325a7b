using LowLatency.Client;

namespace LowLatency.Server.Commands;

/// <summary>What <c>lowlatency sub</c> was asked to do.</summary>
internal sealed record SubOptions
{
    internal required string Queue { get; init; }
    internal required string Address { get; init; }

    /// <summary>Messages to write before ending; 0 for no end.</summary>
    internal long Count { get; init; }

    internal int Credit { get; init; }

    /// <summary>Ends after this time without a message; zero for never.</summary>
    internal TimeSpan IdleTimeout { get; init; }

    /// <summary><c>null</c> for that of the address.</summary>
    internal string? VirtualHost { get; init; }

    /// <summary>How the subscription is made, but for its credit.</summary>
    internal SubscriptionOptions Subscription { get; init; } = new();

    /// <summary>Take at most this many that are there, then end; 0 to subscribe.</summary>
    internal int Get { get; init; }

    /// <summary>Of a get: how long to wait for the first message.</summary>
    internal TimeSpan Wait { get; init; }

    internal bool Declare { get; init; }

    /// <summary>Ask for compression, also where the address does not.</summary>
    internal bool Compress { get; init; }

    /// <summary>How long to try to reconnect.</summary>
    internal TimeSpan ReconnectTimeout { get; init; }
}
