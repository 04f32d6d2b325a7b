using System.Text.Unicode;

namespace LowLatency.Core.Messages;

/// <summary>Walks the entries of a field table in place (AMQP 0-9-1, 4.2.5.5, with the types that RabbitMQ uses). Allocates nothing.</summary>
/// <remarks>
/// <code>
/// entry = name length u8 ▸ name ▸ type octet ▸ value       numbers big endian
/// t u8 bool   b i8   B u8   s i16   u u16   I i32   i u32   l i64   d f64   f f32   D decimal (u8 scale, i32)
/// S long string (u32 length)   x bytes (u32 length)   A array (u32 length)   F table (u32 length)   T u64 seconds   V nothing
/// </code>
/// </remarks>
/// <param name="entries">The entries, without the length in front of them.</param>
internal ref struct FieldTableReader(ReadOnlySpan<byte> entries)
{
    /// <summary>Tables and arrays in one another; deeper ones are malformed.</summary>
    internal const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _entries = entries;
    private int _start;
    private int _offset;

    internal ReadOnlySpan<byte> Name { get; private set; }

    internal FieldValue Value { get; private set; }

    /// <summary>The entry as it stands: name, type octet and value.</summary>
    internal readonly ReadOnlySpan<byte> Entry => _entries[_start.._offset];

    /// <summary>Type octet and value as they stand.</summary>
    internal readonly ReadOnlySpan<byte> TypedValue => _entries[(_start + 1 + Name.Length).._offset];

    /// <summary>The entry that was read is malformed; nothing more can be read.</summary>
    internal bool IsMalformed { get; private set; }

    /// <summary>Reads the next entry.</summary>
    /// <returns>False at the end, or at a malformed entry (<see cref="IsMalformed"/>).</returns>
    internal bool Read()
    {
        if (_offset >= _entries.Length || IsMalformed)
            return false;
        int nameLength = _entries[_offset];
        int at = _offset + 1 + nameLength;
        if (at >= _entries.Length)
            return Malformed();
        Name = _entries.Slice(_offset + 1, nameLength);
        if (!FieldValue.TryRead(_entries[at..], out FieldValue value, out int length))
            return Malformed();
        Value = value;
        _start = _offset;
        _offset = at + length;
        return true;
    }

    /// <summary>Whether the whole table can be read: lengths, types, nesting, UTF-8 of names.</summary>
    internal static bool IsValid(ReadOnlySpan<byte> entries) => IsValid(entries, 0);

    private static bool IsValid(ReadOnlySpan<byte> entries, int depth)
    {
        if (depth > MaxDepth)
            return false;
        var reader = new FieldTableReader(entries);
        while (reader.Read())
        {
            if (!Utf8.IsValid(reader.Name) || !IsValid(reader.Value, depth))
                return false;
        }
        return !reader.IsMalformed;
    }

    private static bool IsValid(FieldValue value, int depth)
    {
        if (value.Type == FieldType.Table)
            return IsValid(value.Bytes, depth + 1);
        if (value.Type != FieldType.Array)
            return true;
        if (depth >= MaxDepth)
            return false;
        ReadOnlySpan<byte> items = value.Bytes;
        while (items.Length > 0)
        {
            if (!FieldValue.TryRead(items, out FieldValue item, out int length) || !IsValid(item, depth + 1))
                return false;
            items = items[length..];
        }
        return true;
    }

    /// <summary>Finds an entry by name. The table must be valid.</summary>
    internal static bool TryFind(ReadOnlySpan<byte> entries, ReadOnlySpan<byte> name, out FieldValue value)
    {
        var reader = new FieldTableReader(entries);
        while (reader.Read())
        {
            if (reader.Name.SequenceEqual(name))
            {
                value = reader.Value;
                return true;
            }
        }
        value = default;
        return false;
    }

    private bool Malformed()
    {
        IsMalformed = true;
        return false;
    }
}
