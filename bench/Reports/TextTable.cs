using System.Text;

namespace LowLatency.Bench.Reports;

/// <summary>Rows under a header, columns aligned: the first to the left, the others to the right.</summary>
internal sealed class TextTable(params string[] header)
{
    private readonly List<string[]> _rows = [header];

    internal void Add(params string[] row)
    {
        if (row.Length != header.Length)
            throw new ArgumentException($"a row of {row.Length} cells in a table of {header.Length} columns", nameof(row));
        _rows.Add(row);
    }

    /// <summary>For a terminal, indented by two spaces.</summary>
    public override string ToString()
    {
        int[] widths = Widths();
        var text = new StringBuilder();
        for (int row = 0; row < _rows.Count; row++)
        {
            text.Append("  ").AppendLine(Line(_rows[row], widths, "  ").TrimEnd());
            if (row == 0)
                text.Append("  ").AppendLine(string.Join("  ", widths.Select(w => new string('─', w))));
        }
        return text.ToString();
    }

    /// <summary>For a Markdown document.</summary>
    internal string ToMarkdown()
    {
        var text = new StringBuilder();
        for (int row = 0; row < _rows.Count; row++)
        {
            text.AppendLine($"| {string.Join(" | ", _rows[row])} |");
            if (row == 0)
                text.AppendLine($"| {string.Join(" | ", header.Select(_ => "---"))} |");
        }
        return text.ToString();
    }

    private int[] Widths()
    {
        var widths = new int[header.Length];
        foreach (string[] row in _rows)
        {
            for (int column = 0; column < row.Length; column++)
                widths[column] = Math.Max(widths[column], row[column].Length);
        }
        return widths;
    }

    private static string Line(string[] row, int[] widths, string gap)
        => string.Join(gap, row.Select((cell, column) => column == 0 ? cell.PadRight(widths[0]) : cell.PadLeft(widths[column])));
}
