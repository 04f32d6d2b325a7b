using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>What a headers exchange compares: the arguments of a binding.</summary>
/// <remarks>
/// <code>
/// BindingArguments.All(new FieldTable().Add("region", "EU").AddVoid("urgent"))    // region is EU, and urgent is there
/// </code>
/// </remarks>
public static class BindingArguments
{
    /// <summary>Every entry must be in the message, with the same value; one without a value, with any.</summary>
    /// <param name="headers">What to compare.</param>
    /// <param name="withX">Entries whose names begin with <c>x-</c> count too.</param>
    public static FieldTable All(FieldTable headers, bool withX = false) => Match(headers, withX ? "all-with-x" : "all");

    /// <summary>One entry must be in the message.</summary>
    /// <inheritdoc cref="All"/>
    public static FieldTable Any(FieldTable headers, bool withX = false) => Match(headers, withX ? "any-with-x" : "any");

    private static FieldTable Match(FieldTable headers, string match)
    {
        ArgumentNullException.ThrowIfNull(headers);
        var table = new FieldTableWriter();
        table.Add("x-match", match);
        headers.CopyTo(table);
        return new FieldTable(table);
    }
}
