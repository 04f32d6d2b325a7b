using LowLatency.Core.Messages;

namespace LowLatency.Client;

/// <summary>The properties of a message, read in place from its content header. Valid as long as the message's bytes are. Allocates nothing.</summary>
/// <remarks>Texts are UTF-8, and empty where there are none.</remarks>
public readonly ref struct Properties
{
    private readonly ContentHeader _header;

    internal Properties(ReadOnlySpan<byte> headers) => ContentHeader.TryRead(headers, out _header);

    /// <summary>0 where there is none.</summary>
    public byte Priority => _header.Priority;

    /// <summary>Which request a reply is for.</summary>
    public ReadOnlySpan<byte> CorrelationId => _header.CorrelationId;

    /// <summary>Where replies go: the routing key for the default exchange.</summary>
    public ReadOnlySpan<byte> ReplyTo => _header.ReplyTo;

    /// <summary>Milliseconds in decimal.</summary>
    public ReadOnlySpan<byte> Expiration => _header.Expiration;

    /// <inheritdoc cref="MessageProperties.MessageId"/>
    public ReadOnlySpan<byte> MessageId => _header.MessageId;

    /// <inheritdoc cref="MessageProperties.ContentType"/>
    public ReadOnlySpan<byte> ContentType => _header.ContentType;

    /// <inheritdoc cref="MessageProperties.ContentEncoding"/>
    public ReadOnlySpan<byte> ContentEncoding => _header.ContentEncoding;

    /// <inheritdoc cref="MessageProperties.Type"/>
    public ReadOnlySpan<byte> Type => _header.Type;

    /// <inheritdoc cref="MessageProperties.UserId"/>
    public ReadOnlySpan<byte> UserId => _header.UserId;

    /// <inheritdoc cref="MessageProperties.AppId"/>
    public ReadOnlySpan<byte> AppId => _header.AppId;

    /// <summary>When it was made; <c>null</c> where that is not said.</summary>
    public DateTimeOffset? Timestamp =>
        _header.Has(ContentProperty.Timestamp) && _header.Timestamp <= MaxSeconds ? DateTimeOffset.FromUnixTimeSeconds((long)_header.Timestamp) : null;

    /// <summary>How often, where and why it was dead-lettered, the newest first.</summary>
    public Deaths Deaths => new(_header.HeaderTable);

    private static ulong MaxSeconds => (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>Finds a text in the header table.</summary>
    /// <returns>False: there is no such entry, or it is no text.</returns>
    public bool TryGetText(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> utf8)
    {
        bool isText = FieldTableReader.TryFind(_header.HeaderTable, name, out FieldValue value) && value.Type is FieldType.LongString or FieldType.Bytes;
        utf8 = isText ? value.Bytes : default;
        return isText;
    }

    /// <summary>Finds an integer, or a time's seconds, in the header table.</summary>
    /// <returns>False: there is no such entry, or it is something else.</returns>
    public bool TryGetInteger(ReadOnlySpan<byte> name, out long value)
    {
        value = 0;
        return FieldTableReader.TryFind(_header.HeaderTable, name, out FieldValue found) && found.TryGetInteger(out value);
    }

    /// <summary>Finds a number in the header table.</summary>
    /// <returns>False: there is no such entry, or it is something else.</returns>
    public bool TryGetDouble(ReadOnlySpan<byte> name, out double value)
    {
        value = 0;
        if (!FieldTableReader.TryFind(_header.HeaderTable, name, out FieldValue found) || found.Type != FieldType.Double)
            return false;
        value = System.Buffers.Binary.BinaryPrimitives.ReadDoubleBigEndian(found.Bytes);
        return true;
    }

    /// <summary>Finds true or false in the header table.</summary>
    /// <returns>False: there is no such entry, or it is something else.</returns>
    public bool TryGetBoolean(ReadOnlySpan<byte> name, out bool value)
    {
        bool isThere = FieldTableReader.TryFind(_header.HeaderTable, name, out FieldValue found) && found.Type == FieldType.Boolean;
        value = isThere && found.Bytes[0] != 0;
        return isThere;
    }

    /// <summary>Whether the header table has such an entry, whatever its value.</summary>
    public bool HasHeader(ReadOnlySpan<byte> name) => FieldTableReader.TryFind(_header.HeaderTable, name, out _);
}
