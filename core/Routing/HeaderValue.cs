using System.Buffers.Binary;
using LowLatency.Core.Messages;

namespace LowLatency.Core.Routing;

/// <summary>Values of headers are equal when their class is and their value, whatever the width of a number. Rule B4.</summary>
internal enum HeaderClass : byte
{
    Void = 0,
    Integer,
    Floating,
    Boolean,
    Decimal,
    Timestamp,
    LongString,
    Bytes,
    Array,
    Table,
}

/// <summary>A value ready to be compared: of numbers all of it, of longer ones a hash.</summary>
internal readonly struct HeaderValue
{
    internal HeaderValue(FieldValue value, ulong seed)
    {
        Class = value.Type switch
        {
            _ when value.IsInteger => HeaderClass.Integer,
            FieldType.Single or FieldType.Double => HeaderClass.Floating,
            FieldType.Boolean => HeaderClass.Boolean,
            FieldType.Decimal => HeaderClass.Decimal,
            FieldType.Timestamp => HeaderClass.Timestamp,
            FieldType.LongString => HeaderClass.LongString,
            FieldType.Bytes => HeaderClass.Bytes,
            FieldType.Array => HeaderClass.Array,
            FieldType.Table => HeaderClass.Table,
            _ => HeaderClass.Void,
        };
        if (value.TryGetInteger(out long integer))
            Number = integer;
        else if (Class == HeaderClass.Floating)
            Number = Bits(value);
        else if (Class == HeaderClass.Boolean)
            Number = value.Bytes[0] != 0 ? 1 : 0;
        else
            Number = (long)RouteHash.Of(value.Bytes, seed);
    }

    internal HeaderClass Class { get; }

    internal long Number { get; }

    /// <summary>Equal numbers are not enough: the bytes must be equal too.</summary>
    internal bool HasBytes => Class is HeaderClass.Decimal or >= HeaderClass.LongString;

    // Adding 0 makes one zero of the two.
    private static long Bits(FieldValue value) => BitConverter.DoubleToInt64Bits(
        0d + (value.Type == FieldType.Single ? BinaryPrimitives.ReadSingleBigEndian(value.Bytes) : BinaryPrimitives.ReadDoubleBigEndian(value.Bytes)));
}
