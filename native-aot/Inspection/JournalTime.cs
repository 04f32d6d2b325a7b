using System.Globalization;

namespace LowLatency.Server.Inspection;

/// <summary>Times of a journal, Unix time in nanoseconds, as text.</summary>
internal static class JournalTime
{
    private const long NsPerTick = 100;
    private const int NsDigits = 9;
    private const string Example = "write a time like 2026-07-29T14:05:00Z, or one before now like -90s, -5m, -2h or -1d";

    /// <summary>ISO 8601 in UTC with nanoseconds: <c>2026-07-29T14:05:00.123456700Z</c>.</summary>
    internal static string Format(long ns)
    {
        long ticks = Math.DivRem(ns, NsPerTick, out long rest);
        if (rest < 0)
        {
            ticks--;
            rest += NsPerTick;
        }
        return string.Create(CultureInfo.InvariantCulture, $"{DateTime.UnixEpoch.AddTicks(ticks):yyyy-MM-dd'T'HH:mm:ss.fffffff}{rest:00}Z");
    }

    /// <summary>The same to the second, for tables.</summary>
    internal static string FormatSeconds(long ns) =>
        DateTime.UnixEpoch.AddTicks(ns / NsPerTick).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads ISO 8601 (local time where it names no zone), or a time before now: <c>-5m</c>.</summary>
    /// <param name="nowNs">Now.</param>
    /// <returns>Null, or what is wrong, as the rest of a sentence.</returns>
    internal static string? TryParse(string text, long nowNs, out long ns)
    {
        ns = 0;
        if (text.StartsWith('-'))
        {
            long unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 };
            if (unit == 0 || !long.TryParse(text.AsSpan(1, text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out long count) || count > 36_500L * 86_400 / unit)
                return Example;
            ns = nowNs - count * unit * 1_000_000_000;
            return null;
        }
        int fraction = text.IndexOf('.', StringComparison.Ordinal) + 1;
        int end = fraction;
        while (fraction > 0 && end < text.Length && char.IsAsciiDigit(text[end]))
            end++;
        // The system reads tenths of microseconds at best, and a time that was copied from a record is to find that record.
        int digits = Math.Min(end - fraction, NsDigits);
        string toSeconds = digits > 0 ? text.Remove(fraction - 1, end - fraction + 1) : text;
        if (!DateTimeOffset.TryParse(toSeconds, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time) || time.Year is < 1970 or > 2200)
            return Example;
        ns = (time.UtcTicks - DateTime.UnixEpoch.Ticks) * NsPerTick;
        if (digits > 0)
            ns += int.Parse(text.AsSpan(fraction, digits).ToString().PadRight(NsDigits, '0'), CultureInfo.InvariantCulture);
        return null;
    }
}
