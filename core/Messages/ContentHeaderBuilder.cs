using System.Buffers.Binary;
using System.Text;

namespace LowLatency.Core.Messages;

/// <summary>Builds headers bytes (see <see cref="ContentHeader"/>). Reusable; once its buffers have grown it allocates nothing.</summary>
internal sealed class ContentHeaderBuilder
{
    private const int SlotLength = 1 + byte.MaxValue;

    // One slot of length and text for each property that is a short string, bought with the first of them.
    private byte[] _slots = [];
    private byte[] _bytes = new byte[64];
    private int _flags;
    private byte _deliveryMode;
    private byte _priority;
    private ulong _timestamp;

    /// <summary>The header table. Written when it has entries.</summary>
    internal FieldTableWriter Headers { get; } = new();

    /// <summary>Takes everything out.</summary>
    internal ContentHeaderBuilder Clear()
    {
        _flags = 0;
        Headers.Clear();
        return this;
    }

    internal ContentHeaderBuilder ContentType(string value) => Set(ContentProperty.ContentType, value);

    internal ContentHeaderBuilder ContentEncoding(string value) => Set(ContentProperty.ContentEncoding, value);

    internal ContentHeaderBuilder DeliveryMode(byte value)
    {
        _deliveryMode = value;
        return Mark(ContentProperty.DeliveryMode);
    }

    internal ContentHeaderBuilder Priority(byte value)
    {
        _priority = value;
        return Mark(ContentProperty.Priority);
    }

    internal ContentHeaderBuilder CorrelationId(string value) => Set(ContentProperty.CorrelationId, value);

    internal ContentHeaderBuilder ReplyTo(string value) => Set(ContentProperty.ReplyTo, value);

    internal ContentHeaderBuilder Expiration(string value) => Set(ContentProperty.Expiration, value);

    /// <param name="milliseconds">0 or more.</param>
    internal ContentHeaderBuilder Expiration(long milliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds);
        Span<byte> digits = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(milliseconds, digits, out int length);
        return Set(ContentProperty.Expiration, digits[..length]);
    }

    internal ContentHeaderBuilder MessageId(string value) => Set(ContentProperty.MessageId, value);

    /// <param name="seconds">Unix time.</param>
    internal ContentHeaderBuilder Timestamp(ulong seconds)
    {
        _timestamp = seconds;
        return Mark(ContentProperty.Timestamp);
    }

    internal ContentHeaderBuilder Type(string value) => Set(ContentProperty.Type, value);

    internal ContentHeaderBuilder UserId(string value) => Set(ContentProperty.UserId, value);

    internal ContentHeaderBuilder AppId(string value) => Set(ContentProperty.AppId, value);

    internal ContentHeaderBuilder ClusterId(string value) => Set(ContentProperty.ClusterId, value);

    /// <summary>Sets a property that is a short string.</summary>
    /// <exception cref="ArgumentException">It has more than 255 bytes.</exception>
    internal ContentHeaderBuilder Set(ContentProperty property, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        Encoding.UTF8.GetBytes(value, Slot(property, length));
        return Mark(property);
    }

    /// <inheritdoc cref="Set(ContentProperty, string)"/>
    /// <param name="property">Which.</param>
    /// <param name="value">UTF-8. Not checked: the broker refuses what is none.</param>
    internal ContentHeaderBuilder Set(ContentProperty property, ReadOnlySpan<byte> value)
    {
        value.CopyTo(Slot(property, value.Length));
        return Mark(property);
    }

    /// <summary>The headers bytes: empty when nothing is set. Valid until the next change or build.</summary>
    /// <exception cref="InvalidOperationException">They have more than 65,535 bytes.</exception>
    internal ReadOnlySpan<byte> Build()
    {
        int flags = _flags;
        if (!Headers.Entries.IsEmpty)
            flags |= ContentHeader.Flag(ContentProperty.Headers);
        if (flags == 0)
            return default;
        int longest = sizeof(ushort) + _slots.Length + sizeof(uint) + Headers.Entries.Length + 2 * sizeof(byte) + sizeof(ulong);
        if (_bytes.Length < longest)
            _bytes = new byte[longest];
        BinaryPrimitives.WriteUInt16BigEndian(_bytes, (ushort)flags);
        int offset = sizeof(ushort);
        for (var property = ContentProperty.ContentType; property <= ContentProperty.ClusterId; property++)
        {
            if ((flags & ContentHeader.Flag(property)) != 0)
                offset += Write(property, _bytes.AsSpan(offset));
        }
        if (offset > ContentHeader.MaxLength)
            throw new InvalidOperationException($"The headers have {offset} bytes: at most {ContentHeader.MaxLength} are allowed. Put what is large into the body.");
        return _bytes.AsSpan(0, offset);
    }

    private int Write(ContentProperty property, Span<byte> at)
    {
        switch (property)
        {
            case ContentProperty.Headers:
                BinaryPrimitives.WriteUInt32BigEndian(at, (uint)Headers.Entries.Length);
                Headers.Entries.CopyTo(at[sizeof(uint)..]);
                return sizeof(uint) + Headers.Entries.Length;
            case ContentProperty.DeliveryMode:
                at[0] = _deliveryMode;
                return sizeof(byte);
            case ContentProperty.Priority:
                at[0] = _priority;
                return sizeof(byte);
            case ContentProperty.Timestamp:
                BinaryPrimitives.WriteUInt64BigEndian(at, _timestamp);
                return sizeof(ulong);
            default:
                ReadOnlySpan<byte> slot = _slots.AsSpan((int)property * SlotLength);
                slot[..(1 + slot[0])].CopyTo(at);
                return 1 + slot[0];
        }
    }

    private Span<byte> Slot(ContentProperty property, int length)
    {
        if (length > byte.MaxValue)
            throw new ArgumentException($"{property} has {length} bytes: it can have at most {byte.MaxValue}.", nameof(length));
        if (_slots.Length == 0)
            _slots = new byte[((int)ContentProperty.ClusterId + 1) * SlotLength];
        Span<byte> slot = _slots.AsSpan((int)property * SlotLength, SlotLength);
        slot[0] = (byte)length;
        return slot.Slice(1, length);
    }

    private ContentHeaderBuilder Mark(ContentProperty property)
    {
        _flags |= ContentHeader.Flag(property);
        return this;
    }
}
