using System.Globalization;

namespace LowLatency.Tests.Cli;

/// <summary>Larger runs on demand: LOWLATENCY_STRESS multiplies.</summary>
internal static class Stress
{
    internal static int Scale(int count)
        => int.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_STRESS"), CultureInfo.InvariantCulture, out int factor) && factor > 0
            ? count * factor
            : count;
}
