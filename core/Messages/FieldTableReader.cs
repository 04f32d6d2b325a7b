using System.Buffers.Binary;
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
    private int _offset;

    internal ReadOnlySpan<byte> Name { get; private set; }

    internal FieldValue Value { get; private set; }

    /// <summary>Where the next entry begins.</summary>
    internal readonly int Offset => _offset;

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

/// <summary>Types of values in field tables. On the wire and on disk: values are frozen.</summary>
internal enum FieldType : byte
{
    Boolean = (byte)'t',
    Int8 = (byte)'b',
    UInt8 = (byte)'B',
    Int16 = (byte)'s',
    UInt16 = (byte)'u',
    Int32 = (byte)'I',
    UInt32 = (byte)'i',
    Int64 = (byte)'l',
    Single = (byte)'f',
    Double = (byte)'d',
    Decimal = (byte)'D',
    LongString = (byte)'S',
    Bytes = (byte)'x',
    Array = (byte)'A',
    Table = (byte)'F',
    Timestamp = (byte)'T',
    Void = (byte)'V',
}

/// <summary>A value in a field table, in place.</summary>
internal readonly ref struct FieldValue
{
    private FieldValue(FieldType type, ReadOnlySpan<byte> bytes)
    {
        Type = type;
        Bytes = bytes;
    }

    internal FieldType Type { get; }

    /// <summary>The value, big endian; of strings, arrays and tables what follows their length.</summary>
    internal ReadOnlySpan<byte> Bytes { get; }

    internal bool IsInteger => Type is FieldType.Int8 or FieldType.UInt8 or FieldType.Int16 or FieldType.UInt16
        or FieldType.Int32 or FieldType.UInt32 or FieldType.Int64;

    /// <summary>An integer of any width, or a timestamp's seconds.</summary>
    internal bool TryGetInteger(out long value)
    {
        value = Type switch
        {
            FieldType.Int8 => (sbyte)Bytes[0],
            FieldType.UInt8 => Bytes[0],
            FieldType.Int16 => BinaryPrimitives.ReadInt16BigEndian(Bytes),
            FieldType.UInt16 => BinaryPrimitives.ReadUInt16BigEndian(Bytes),
            FieldType.Int32 => BinaryPrimitives.ReadInt32BigEndian(Bytes),
            FieldType.UInt32 => BinaryPrimitives.ReadUInt32BigEndian(Bytes),
            FieldType.Int64 or FieldType.Timestamp => BinaryPrimitives.ReadInt64BigEndian(Bytes),
            _ => 0,
        };
        return IsInteger || Type == FieldType.Timestamp;
    }

    /// <summary>Reads type octet and value off the front.</summary>
    /// <param name="length">Bytes of both.</param>
    internal static bool TryRead(ReadOnlySpan<byte> source, out FieldValue value, out int length)
    {
        value = default;
        length = 0;
        if (source.Length == 0)
            return false;
        var type = (FieldType)source[0];
        source = source[1..];
        int fixedLength = type switch
        {
            FieldType.Boolean or FieldType.Int8 or FieldType.UInt8 => 1,
            FieldType.Int16 or FieldType.UInt16 => 2,
            FieldType.Int32 or FieldType.UInt32 or FieldType.Single => 4,
            FieldType.Int64 or FieldType.Double or FieldType.Timestamp => 8,
            FieldType.Decimal => 5,
            FieldType.Void => 0,
            FieldType.LongString or FieldType.Bytes or FieldType.Array or FieldType.Table => -1,
            _ => -2,
        };
        if (fixedLength == -2)
            return false;
        if (fixedLength >= 0)
        {
            if (source.Length < fixedLength)
                return false;
            value = new FieldValue(type, source[..fixedLength]);
            length = 1 + fixedLength;
            return true;
        }
        if (source.Length < sizeof(uint))
            return false;
        uint counted = BinaryPrimitives.ReadUInt32BigEndian(source);
        if (counted > (uint)(source.Length - sizeof(uint)))
            return false;
        value = new FieldValue(type, source.Slice(sizeof(uint), (int)counted));
        length = 1 + sizeof(uint) + (int)counted;
        return true;
    }
}
