using System.Text;

namespace LowLatency.Server.Cli;

/// <summary>A table with aligned columns: the first to the left, the others to the right.</summary>
internal sealed class TextTable
{
    private readonly List<string[]?> _rows = [];
    private readonly string[] _header;

    internal TextTable(params string[] header) => _header = header;

    /// <summary>Adds a row; missing cells are empty.</summary>
    internal void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>Adds a line between rows.</summary>
    internal void AddRule() => _rows.Add(null);

    /// <summary>The table in box-drawing characters, without a newline at its end.</summary>
    internal string Format()
    {
        int[] widths = Widths();
        var text = new StringBuilder();
        Rule(text, widths, '┌', '┬', '┐');
        Row(text, widths, _header);
        Rule(text, widths, '├', '┼', '┤');
        foreach (string[]? row in _rows)
        {
            if (row == null)
                Rule(text, widths, '├', '┼', '┤');
            else
                Row(text, widths, row);
        }
        Rule(text, widths, '└', '┴', '┘');
        return text.ToString().TrimEnd('\n');
    }

    private int[] Widths()
    {
        int[] widths = new int[_header.Length];
        foreach (string[]? row in _rows.Prepend(_header))
        {
            for (int column = 0; row != null && column < row.Length; column++)
                widths[column] = Math.Max(widths[column], row[column].Length);
        }
        return widths;
    }

    private static void Rule(StringBuilder text, int[] widths, char left, char middle, char right)
    {
        for (int column = 0; column < widths.Length; column++)
            text.Append(column == 0 ? left : middle).Append('─', widths[column] + 2);
        text.Append(right).Append('\n');
    }

    private static void Row(StringBuilder text, int[] widths, string[] cells)
    {
        for (int column = 0; column < widths.Length; column++)
        {
            string cell = column < cells.Length ? cells[column] : "";
            text.Append("│ ").Append(column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])).Append(' ');
        }
        text.Append("│\n");
    }
}
