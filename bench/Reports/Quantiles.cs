using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Reports;

/// <summary>From histograms of nanoseconds to microseconds as they are reported.</summary>
internal static class Quantiles
{
    /// <summary>A quantile in microseconds with the three significant digits that the histogram has.</summary>
    internal static double Us(Histogram ns, double quantile) => Round(ns.ValueAtQuantile(quantile) / 1000.0);

    /// <summary>Rounds to four significant digits: what no longer fits is noise.</summary>
    internal static double Round(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return value;
        int digits = 3 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits <= 0 ? Math.Round(value) : Math.Round(value, Math.Min(digits, 15));
    }

    /// <summary>The middle value, or the mean of the two in the middle; null when there is none.</summary>
    internal static double? Median(IEnumerable<double?> values)
    {
        double[] sorted = [.. values.Where(v => v.HasValue).Select(v => v!.Value).Order()];
        return sorted.Length switch
        {
            0 => null,
            int n when n % 2 == 1 => sorted[n / 2],
            int n => Round((sorted[n / 2 - 1] + sorted[n / 2]) / 2),
        };
    }
}
