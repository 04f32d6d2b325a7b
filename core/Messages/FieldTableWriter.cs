using System.Buffers.Binary;
using System.Text;

namespace LowLatency.Core.Messages;

/// <summary>Builds the entries of a field table (see <see cref="FieldTableReader"/>). Reusable; grows as needed.</summary>
internal sealed class FieldTableWriter
{
    private byte[] _bytes = new byte[64];
    private int _length;

    internal ReadOnlySpan<byte> Entries => _bytes.AsSpan(0, _length);

    internal FieldTableWriter Clear()
    {
        _length = 0;
        return this;
    }

    internal FieldTableWriter Add(string name, bool value)
    {
        Begin(name, FieldType.Boolean, 1)[0] = value ? (byte)1 : (byte)0;
        return this;
    }

    internal FieldTableWriter Add(string name, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(Begin(name, FieldType.Int32, sizeof(int)), value);
        return this;
    }

    internal FieldTableWriter Add(string name, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(Begin(name, FieldType.Int64, sizeof(long)), value);
        return this;
    }

    internal FieldTableWriter Add(string name, double value)
    {
        BinaryPrimitives.WriteDoubleBigEndian(Begin(name, FieldType.Double, sizeof(double)), value);
        return this;
    }

    internal FieldTableWriter AddTimestamp(string name, long seconds)
    {
        BinaryPrimitives.WriteInt64BigEndian(Begin(name, FieldType.Timestamp, sizeof(long)), seconds);
        return this;
    }

    internal FieldTableWriter AddVoid(string name)
    {
        Begin(name, FieldType.Void, 0);
        return this;
    }

    internal FieldTableWriter Add(string name, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        Encoding.UTF8.GetBytes(value, BeginCounted(name, FieldType.LongString, length));
        return this;
    }

    internal FieldTableWriter AddLongString(string name, ReadOnlySpan<byte> value) => Counted(name, FieldType.LongString, value);

    internal FieldTableWriter AddBytes(string name, ReadOnlySpan<byte> value) => Counted(name, FieldType.Bytes, value);

    internal FieldTableWriter AddTable(string name, FieldTableWriter table) => Counted(name, FieldType.Table, table.Entries);

    /// <param name="items">Of each item type octet and value, one behind the other.</param>
    internal FieldTableWriter AddArray(string name, ReadOnlySpan<byte> items) => Counted(name, FieldType.Array, items);

    /// <summary>A value of any type, as it stands on the wire.</summary>
    /// <param name="value">Big endian, with its length in front where the type has one.</param>
    internal FieldTableWriter AddRaw(string name, FieldType type, ReadOnlySpan<byte> value)
    {
        value.CopyTo(Begin(name, type, value.Length));
        return this;
    }

    /// <summary>Entries of another table.</summary>
    internal FieldTableWriter Append(ReadOnlySpan<byte> entries)
    {
        if (_length + entries.Length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + entries.Length));
        entries.CopyTo(_bytes.AsSpan(_length));
        _length += entries.Length;
        return this;
    }

    private FieldTableWriter Counted(string name, FieldType type, ReadOnlySpan<byte> value)
    {
        value.CopyTo(BeginCounted(name, type, value.Length));
        return this;
    }

    private Span<byte> BeginCounted(string name, FieldType type, int length)
    {
        Span<byte> at = Begin(name, type, sizeof(uint) + length);
        BinaryPrimitives.WriteUInt32BigEndian(at, (uint)length);
        return at[sizeof(uint)..];
    }

    private Span<byte> Begin(string name, FieldType type, int valueLength)
    {
        int nameLength = Encoding.UTF8.GetByteCount(name);
        if (nameLength > byte.MaxValue)
            throw new ArgumentException($"The name '{name[..32]}…' has {nameLength} bytes: a field's name has at most {byte.MaxValue}.", nameof(name));
        int length = 1 + nameLength + 1 + valueLength;
        if (_length + length > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + length));
        Span<byte> at = _bytes.AsSpan(_length, length);
        at[0] = (byte)nameLength;
        Encoding.UTF8.GetBytes(name, at[1..]);
        at[1 + nameLength] = (byte)type;
        _length += length;
        return at[(2 + nameLength)..];
    }
}
