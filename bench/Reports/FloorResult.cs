using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Reports;

/// <summary>Quantiles of one floor in microseconds.</summary>
internal sealed record FloorResult(string Name, double P50Us, double P90Us, double P99Us, double P999Us, double MaxUs)
{
    internal static FloorResult From(string name, Histogram ns) => new(
        name,
        Quantiles.Us(ns, 0.5),
        Quantiles.Us(ns, 0.9),
        Quantiles.Us(ns, 0.99),
        Quantiles.Us(ns, 0.999),
        Quantiles.Us(ns, 1));
}
