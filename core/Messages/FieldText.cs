using System.Buffers.Binary;
using System.Globalization;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Messages;

/// <summary>Values of field tables for sentences. Control plane: makes strings.</summary>
internal static class FieldText
{
    private const int MaxStringBytes = 64;

    /// <summary>A value as a person would write it; of long ones the beginning or the size.</summary>
    internal static string Of(FieldValue value)
    {
        if (value.TryGetInteger(out long integer))
            return value.IsInteger ? integer.ToString(CultureInfo.InvariantCulture) : $"the timestamp {integer.ToString(CultureInfo.InvariantCulture)}";
        return value.Type switch
        {
            FieldType.Boolean => value.Bytes[0] != 0 ? "true" : "false",
            FieldType.Single => BinaryPrimitives.ReadSingleBigEndian(value.Bytes).ToString(CultureInfo.InvariantCulture),
            FieldType.Double => BinaryPrimitives.ReadDoubleBigEndian(value.Bytes).ToString(CultureInfo.InvariantCulture),
            FieldType.Decimal => "a decimal",
            FieldType.LongString when value.Bytes.Length > MaxStringBytes => $"'{NameRules.Text(value.Bytes[..MaxStringBytes])}…' ({value.Bytes.Length} bytes)",
            FieldType.LongString => $"'{NameRules.Text(value.Bytes)}'",
            FieldType.Bytes => $"{value.Bytes.Length} bytes",
            FieldType.Array => "an array",
            FieldType.Table => "a table",
            _ => "void",
        };
    }
}
