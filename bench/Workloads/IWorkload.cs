using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Workloads;

/// <summary>What is done with a broker in a phase: first to warm up, then to measure.</summary>
internal interface IWorkload
{
    /// <summary>Messages are received while it runs; otherwise only afterwards, to verify them.</summary>
    bool Subscribes { get; }

    /// <summary>Times of the measured phase in nanoseconds; null when it takes none.</summary>
    Histogram? Times { get; }

    /// <summary>Told of confirms, on the thread that polls.</summary>
    void OnConfirm(ulong upToSequence, DurabilityLevel level)
    {
    }

    /// <summary>Runs for so long and returns when all is confirmed and, where it subscribes, received.</summary>
    void RunPhase(BenchClient client, double seconds, bool measured);
}
