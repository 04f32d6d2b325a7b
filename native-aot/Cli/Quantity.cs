using System.Globalization;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Cli;

/// <summary>Numbers as people write and read them.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, long Factor)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("B", 1),
    ];

    /// <summary>Understands a size in bytes: <c>4096</c>, <c>64KiB</c>, <c>64MiB</c>, <c>2G</c>. Units are powers of 1024.</summary>
    internal static bool TryParseBytes(string text, out long bytes)
    {
        bytes = 0;
        long factor = 1;
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        foreach ((string suffix, long unit) in Units)
        {
            if (digits.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                digits = digits[..^suffix.Length].TrimEnd();
                factor = unit;
                break;
            }
        }
        if (!long.TryParse(digits, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out long number) || number > long.MaxValue / factor)
            return false;
        bytes = number * factor;
        return true;
    }

    /// <summary>A size with the largest unit that leaves it whole or readable: <c>64 MiB</c>, <c>1.5 KiB</c>.</summary>
    internal static string Bytes(long bytes) => ByteText.Of(bytes);

    /// <summary>A whole number with thousands separated: <c>1,000,000</c>.</summary>
    internal static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A whole number and its noun, in the singular where it is 1.</summary>
    internal static string Count(long number, string noun) => number == 1 ? $"1 {noun}" : $"{Count(number)} {noun}s";

    /// <summary>Nanoseconds as a duration with three digits that count: <c>850 ns</c>, <c>12.3 µs</c>, <c>4.56 ms</c>, <c>1.20 s</c>.</summary>
    internal static string Duration(long ns) => ns switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{ns} ns"),
        < 1_000_000 => Digits(ns / 1e3) + " µs",
        < 1_000_000_000 => Digits(ns / 1e6) + " ms",
        _ => Digits(ns / 1e9) + " s",
    };

    /// <summary>Messages in each second: <c>1,234,567/s</c>.</summary>
    internal static string Rate(long count, TimeSpan time) => Count((long)(count / Math.Max(time.TotalSeconds, 1e-9))) + "/s";

    private static string Digits(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);
}
