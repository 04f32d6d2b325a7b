using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>Checks of settings.</summary>
internal static class Ranges
{
    internal static void Check(long value, long minimum, long maximum, string name, string unit)
    {
        if (value < minimum || value > maximum)
            throw new LowLatencyException(ErrorCode.InvalidArgument, $"{name} is {value}: set it from {minimum} to {maximum} {unit}.");
    }
}
