using System.Globalization;

namespace LowLatency.Bench.Reports;

/// <summary>Numbers as people read them, in one culture.</summary>
internal static class Format
{
    internal const string Missing = "–";

    /// <summary>Microseconds: <c>8.31</c>, <c>53.2</c>, <c>1,204</c>.</summary>
    internal static string Us(double? us) => us switch
    {
        null => Missing,
        < 10 => us.Value.ToString("0.00", CultureInfo.InvariantCulture),
        < 1000 => us.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => us.Value.ToString("#,0", CultureInfo.InvariantCulture),
    };

    internal static string Ratio(double? ratio) => ratio is null ? Missing : ratio.Value.ToString("0.00", CultureInfo.InvariantCulture) + "×";

    internal static string Count(double? count) => count is null ? Missing : count.Value.ToString("#,0", CultureInfo.InvariantCulture);

    internal static string Number(double? value) => value is null ? Missing : value.Value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>With four decimals: so that little does not look like nothing.</summary>
    internal static string Small(double? value) => value is null ? Missing : value.Value.ToString("0.####", CultureInfo.InvariantCulture);

    internal static string GibibytesPerSecond(double bytes)
        => (bytes / (1024.0 * 1024 * 1024)).ToString("0.0", CultureInfo.InvariantCulture) + " GiB/s";
}
