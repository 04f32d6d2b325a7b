namespace LowLatency.Bench.Model;

/// <summary>A figure of several rounds.</summary>
internal static class Rounds
{
    /// <summary>The median of so many measurements, after one that does not count.</summary>
    internal static double Median(int rounds, Func<double> measure)
    {
        measure();
        return Median([.. Enumerable.Range(0, rounds).Select(_ => measure())]);
    }

    /// <summary>The same of two things, measured by turns, so that what the machine does meanwhile meets both.</summary>
    internal static (double First, double Second) Medians(int rounds, Func<double> first, Func<double> second)
    {
        first();
        second();
        double[] firsts = new double[rounds];
        double[] seconds = new double[rounds];
        for (int i = 0; i < rounds; i++)
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
