using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using LowLatency.Core.Messages;

namespace LowLatency.Server.Inspection;

/// <summary>Texts, tables and content headers as JSON.</summary>
internal static class FieldJson
{
    private static readonly (ContentProperty Property, string Name)[] TextProperties =
    [
        (ContentProperty.ContentType, "contentType"), (ContentProperty.ContentEncoding, "contentEncoding"), (ContentProperty.CorrelationId, "correlationId"),
        (ContentProperty.ReplyTo, "replyTo"), (ContentProperty.Expiration, "expiration"), (ContentProperty.MessageId, "messageId"), (ContentProperty.Type, "type"),
        (ContentProperty.UserId, "userId"), (ContentProperty.AppId, "appId"), (ContentProperty.ClusterId, "clusterId"),
    ];

    /// <summary>Writes bytes as text where they are UTF-8, else as base64 under the name with <c>Base64</c> behind it.</summary>
    internal static void Text(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
            json.WriteString(name, bytes);
        else
            json.WriteBase64String(name + "Base64", bytes);
    }

    /// <summary>Writes a field table as an object. What JSON has no type for is an object with one member that names it: <c>{"timestamp":1753}</c>.</summary>
    internal static void Table(Utf8JsonWriter json, ReadOnlySpan<byte> entries)
    {
        json.WriteStartObject();
        var reader = new FieldTableReader(entries);
        while (reader.Read())
        {
            json.WritePropertyName(reader.Name);
            Value(json, reader.Value);
        }
        json.WriteEndObject();
    }

    /// <summary>Writes <c>properties</c> and <c>headers</c> of a message, those that there are.</summary>
    internal static void Headers(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        if (!ContentHeader.TryRead(bytes, out ContentHeader header))
        {
            json.WriteBase64String("headersBase64", bytes);
            return;
        }
        json.WriteStartObject("properties");
        foreach ((ContentProperty property, string name) in TextProperties)
        {
            if (header.Has(property))
                json.WriteString(name, header.ShortString(property));
        }
        if (header.Has(ContentProperty.DeliveryMode))
            json.WriteNumber("deliveryMode", header.DeliveryMode);
        if (header.Has(ContentProperty.Priority))
            json.WriteNumber("priority", header.Priority);
        if (header.Has(ContentProperty.Timestamp))
            json.WriteNumber("timestamp", header.Timestamp);
        json.WriteEndObject();
        if (!header.HasHeaders)
            return;
        json.WritePropertyName("headers");
        Table(json, header.HeaderTable);
    }

    private static void Value(Utf8JsonWriter json, FieldValue value)
    {
        switch (value.Type)
        {
            case FieldType.Boolean:
                json.WriteBooleanValue(value.Bytes[0] != 0);
                break;
            case FieldType.LongString when Utf8.IsValid(value.Bytes):
                json.WriteStringValue(value.Bytes);
                break;
            case FieldType.Single when float.IsFinite(BinaryPrimitives.ReadSingleBigEndian(value.Bytes)):
                json.WriteNumberValue(BinaryPrimitives.ReadSingleBigEndian(value.Bytes)); // Not as a double: that has digits which were never meant.
                break;
            case FieldType.Single:
                json.WriteStringValue(BinaryPrimitives.ReadSingleBigEndian(value.Bytes).ToString(CultureInfo.InvariantCulture));
                break;
            case FieldType.Double:
                Number(json, BinaryPrimitives.ReadDoubleBigEndian(value.Bytes));
                break;
            case FieldType.Table:
                Table(json, value.Bytes);
                break;
            case FieldType.Array:
                Array(json, value.Bytes);
                break;
            case FieldType.Void:
                json.WriteNullValue();
                break;
            default:
                Other(json, value);
                break;
        }
    }

    private static void Other(Utf8JsonWriter json, FieldValue value)
    {
        if (value.IsInteger && value.TryGetInteger(out long integer))
        {
            json.WriteNumberValue(integer);
            return;
        }
        json.WriteStartObject();
        if (value.TryGetInteger(out long seconds))
            json.WriteNumber("timestamp", seconds);
        else if (value.Type == FieldType.Decimal)
            json.WriteString("decimal", Decimal(value.Bytes));
        else
            json.WriteBase64String("base64", value.Bytes);
        json.WriteEndObject();
    }

    private static string Decimal(ReadOnlySpan<byte> bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadInt32BigEndian(bytes[1..])}e-{bytes[0]}");

    private static void Number(Utf8JsonWriter json, double number)
    {
        if (double.IsFinite(number))
            json.WriteNumberValue(number);
        else
            json.WriteStringValue(number.ToString(CultureInfo.InvariantCulture));
    }

    private static void Array(Utf8JsonWriter json, ReadOnlySpan<byte> items)
    {
        json.WriteStartArray();
        while (FieldValue.TryRead(items, out FieldValue item, out int length))
        {
            Value(json, item);
            items = items[length..];
        }
        json.WriteEndArray();
    }
}
