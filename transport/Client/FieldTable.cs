using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>Named values: the header table of a message, or the arguments of a queue, an exchange or a binding. Reusable after <see cref="Clear"/>.</summary>
/// <remarks>
/// <code>
/// new FieldTable().Add("region", "EU").Add("shard", 7)
/// </code>
/// A name twice is two entries; readers take the first. Names have at most 255 bytes of UTF-8. One thread.
/// </remarks>
public sealed class FieldTable
{
    /// <summary>An empty table.</summary>
    public FieldTable()
        : this(new FieldTableWriter())
    {
    }

    internal FieldTable(FieldTableWriter writer) => Writer = writer;

    /// <summary>Whether there is no entry.</summary>
    public bool IsEmpty => Writer.Entries.IsEmpty;

    internal FieldTableWriter Writer { get; }

    internal ReadOnlySpan<byte> Entries => Writer.Entries;

    /// <summary>Takes all entries out.</summary>
    public FieldTable Clear() => With(Writer.Clear());

    /// <summary>Adds a text.</summary>
    public FieldTable Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        return With(Writer.Add(name, value));
    }

    /// <summary>Adds a text that is UTF-8 already.</summary>
    public FieldTable AddText(string name, ReadOnlySpan<byte> utf8) => With(Writer.AddLongString(name, utf8));

    /// <summary>Adds an integer.</summary>
    public FieldTable Add(string name, long value) => With(Writer.Add(name, value));

    /// <summary>Adds a number.</summary>
    public FieldTable Add(string name, double value) => With(Writer.Add(name, value));

    /// <summary>Adds true or false.</summary>
    public FieldTable Add(string name, bool value) => With(Writer.Add(name, value));

    /// <summary>Adds a time, in whole seconds.</summary>
    public FieldTable Add(string name, DateTimeOffset value) => With(Writer.AddTimestamp(name, value.ToUnixTimeSeconds()));

    /// <summary>Adds bytes.</summary>
    public FieldTable AddBytes(string name, ReadOnlySpan<byte> value) => With(Writer.AddBytes(name, value));

    /// <summary>Adds a table.</summary>
    public FieldTable Add(string name, FieldTable value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Writer.AddTable(name, value.Writer));
    }

    /// <summary>Adds a name without a value; in a binding's arguments it stands for any value.</summary>
    public FieldTable AddVoid(string name) => With(Writer.AddVoid(name));

    private FieldTable With(FieldTableWriter writer)
    {
        _ = writer;
        return this;
    }
}
