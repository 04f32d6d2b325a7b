using System.Globalization;

namespace LowLatency.Core.Journal;

/// <summary>Sizes for people.</summary>
internal static class ByteText
{
    /// <summary>A size with the largest unit that leaves it whole or readable: <c>64 MiB</c>, <c>1.5 KiB</c>.</summary>
    internal static string Of(long bytes)
    {
        (double value, string unit) = bytes switch
        {
            >= 1L << 30 => (bytes / (double)(1L << 30), "GiB"),
            >= 1L << 20 => (bytes / (double)(1L << 20), "MiB"),
            >= 1L << 10 => (bytes / (double)(1L << 10), "KiB"),
            _ => (bytes, "B"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.##} {unit}");
    }
}
