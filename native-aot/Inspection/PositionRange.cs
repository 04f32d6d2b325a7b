using System.Globalization;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Inspection;

/// <summary>Positions of records: <c>A</c> is the record that covers it, <c>A..B</c> all that begin from A to B, each end may be left out.</summary>
internal readonly record struct PositionRange(long First, long Last, bool IsSingle)
{
    internal static PositionRange All { get; } = new(0, long.MaxValue, IsSingle: false);

    /// <summary>Numbers may have commas in them, as tables show them.</summary>
    internal static bool TryParse(string text, out PositionRange range)
    {
        range = All;
        int dots = text.IndexOf("..", StringComparison.Ordinal);
        long first = 0;
        long last = long.MaxValue;
        string from = dots < 0 ? text : text[..dots];
        string to = dots < 0 ? text : text[(dots + 2)..];
        if ((from.Length > 0 && !TryNumber(from, out first)) || (to.Length > 0 && !TryNumber(to, out last)) || text.Length == 0 || first > last)
            return false;
        range = new PositionRange(first, last, dots < 0);
        return true;
    }

    internal bool Contains(in JournalRecord record) =>
        IsSingle ? record.Position <= First && First < record.Position + record.AlignedLength : record.Position >= First && record.Position <= Last;

    /// <summary>Nothing that comes after the record can be in it.</summary>
    internal bool IsBefore(in JournalRecord record) => record.Position > Last;

    internal static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out number);
}
