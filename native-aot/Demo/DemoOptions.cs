namespace LowLatency.Server.Demo;

/// <summary>What <c>lowlatency demo</c> was asked to do; the defaults take about 15 seconds.</summary>
internal sealed record DemoOptions
{
    internal const int DefaultRate = 20_000;
    internal const int DefaultSeconds = 8;

    internal ulong Seed { get; init; }

    /// <summary>Events in each second.</summary>
    internal int Rate { get; init; } = DefaultRate;

    /// <summary>Length of the stream over TCP; the one in-process takes half of it.</summary>
    internal int Seconds { get; init; } = DefaultSeconds;
}
