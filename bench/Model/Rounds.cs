using LowLatency.Bench.Machine;

namespace LowLatency.Bench.Model;

/// <summary>Figures of several rounds, after some that do not count: until the code is compiled as well as it will be.</summary>
internal static class Rounds
{
    private const long NsPerMs = 1_000_000;

    /// <summary>The median of what the rounds measured.</summary>
    internal static double Median(ModelOptions options, Func<double> measure) => Medians(options, measure, () => 0).First;

    /// <summary>The medians of two things measured by turns, so that what the machine does meanwhile meets both.</summary>
    internal static (double First, double Second) Medians(ModelOptions options, Func<double> first, Func<double> second)
    {
        long end = MonotonicClock.NowNs + options.WarmUpMs * NsPerMs;
        do
        {
            first();
            second();
        }
        while (MonotonicClock.NowNs < end);

        double[] firsts = new double[options.Rounds];
        double[] seconds = new double[options.Rounds];
        for (int i = 0; i < options.Rounds; i++)
        {
            firsts[i] = first();
            seconds[i] = second();
        }
        return (Median(firsts), Median(seconds));
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        int middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
