using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>Options into field tables: what is <c>null</c> is left out.</summary>
internal static class ArgumentWriting
{
    internal static void Integer(this FieldTableWriter table, string argument, long? value, string property, string unit)
    {
        if (value == null)
            return;
        Ranges.Check(value.Value, 0, long.MaxValue, property, unit);
        table.Add(argument, value.Value);
    }

    internal static void Milliseconds(this FieldTableWriter table, string argument, TimeSpan? value, string property)
        => table.Integer(argument, value == null ? null : (long)value.Value.TotalMilliseconds, property, "ms");

    internal static void Text(this FieldTableWriter table, string argument, string? value)
    {
        if (value != null)
            table.Add(argument, value);
    }

    internal static void CopyTo(this FieldTable? from, FieldTableWriter table)
    {
        if (from != null)
            table.Append(from.Entries);
    }
}
