using System.Globalization;

namespace LowLatency.Core.Journal;

/// <summary>Names of the files in a journal's folder.</summary>
internal static class JournalFiles
{
    internal const string Lock = "journal.lock";

    private const string SegmentPrefix = "segment-";
    private const string SparePrefix = "spare-";
    private const string AsidePrefix = "aside-";
    private const string Suffix = ".log";
    private const int Digits = 16;

    /// <summary>A file with records that count.</summary>
    internal static string Segment(long id) => SegmentPrefix + Format(id) + Suffix;

    /// <summary>A file whose content does not count: being made, or retired and kept for another use.</summary>
    internal static string Spare(long number) => SparePrefix + Format(number) + Suffix;

    /// <summary>A file that recovery could not use and did not want to lose. Never read again.</summary>
    internal static string Aside(long number, string name) => AsidePrefix + Format(number) + "-" + name;

    internal static bool IsSegment(string name, out long id) => TryParse(name, SegmentPrefix, out id);

    internal static bool IsSpare(string name, out long number) => TryParse(name, SparePrefix, out number);

    internal static bool IsAside(string name) => name.StartsWith(AsidePrefix, StringComparison.Ordinal);

    private static string Format(long number) => number.ToString("D16", CultureInfo.InvariantCulture);

    private static bool TryParse(string name, string prefix, out long number)
    {
        number = 0;
        return name.Length == prefix.Length + Digits + Suffix.Length && name.StartsWith(prefix, StringComparison.Ordinal) &&
            name.EndsWith(Suffix, StringComparison.Ordinal) &&
            long.TryParse(name.AsSpan(prefix.Length, Digits), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
