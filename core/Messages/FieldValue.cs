using System.Buffers.Binary;

namespace LowLatency.Core.Messages;

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

    /// <summary>No value at all: what nothing was read into.</summary>
    internal bool IsNone => Type == default;

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
