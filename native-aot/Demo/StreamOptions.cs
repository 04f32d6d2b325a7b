using LowLatency.Core.Engine;

namespace LowLatency.Server.Demo;

/// <summary>One stream of order events through one door.</summary>
internal sealed record StreamOptions
{
    internal required string Address { get; init; }
    internal required string Queue { get; init; }
    internal required ulong Seed { get; init; }

    /// <summary>Events in each second, published at fixed times whatever the broker does.</summary>
    internal required int Rate { get; init; }

    /// <summary>Events of the stream.</summary>
    internal required int Count { get; init; }

    internal required DurabilityLevel Durability { get; init; }

    /// <summary>Messages under way without a confirm, and without an acknowledgement.</summary>
    internal int Window { get; init; } = 16_384;

    /// <summary>How long after each start of a broker nothing is timed: code is being compiled, pages are touched for the first time.</summary>
    internal TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait for what is missing after the last event was due.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);
}
