using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace LowLatency.Core.Messages;

/// <summary>The properties of a message, read in place from its headers bytes. Allocates nothing.</summary>
/// <remarks>
/// <code>
/// headers = nothing at all, or: property flags u16 ▸ the properties whose bit is set, in order       numbers big endian (AMQP 0-9-1, 4.2.6.1)
/// bit 15 content-type      12 delivery-mode u8     9 reply-to       6 timestamp u64      3 app-id
///     14 content-encoding  11 priority u8          8 expiration     5 type               2 cluster-id
///     13 header table      10 correlation-id       7 message-id     4 user-id            1, 0: must be 0
/// header table: u32 length ▸ entries (see FieldTableReader)       all others: short strings, u8 length ▸ UTF-8
/// </code>
/// Bit 0 would say that more flags follow; there are no more properties, so it is refused like bit 1.
/// </remarks>
internal readonly ref struct ContentHeader
{
    /// <summary>Most bytes of a message's headers: their length is a u16.</summary>
    internal const int MaxLength = ushort.MaxValue;

    private const int FlagsLength = sizeof(ushort);
    private const int UnknownFlags = 3;
    private const int OctetFlags = (1 << 12) | (1 << 11);
    private const int HighestFlag = 15;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly PropertyOffsets _offsets;
    private readonly int _flags;

    private ContentHeader(ReadOnlySpan<byte> bytes, int flags, scoped in PropertyOffsets offsets)
    {
        _bytes = bytes;
        _flags = flags;
        _offsets = offsets;
    }

    internal bool HasHeaders => Has(ContentProperty.Headers);

    /// <summary>The entries of the header table; empty when there is none.</summary>
    internal ReadOnlySpan<byte> HeaderTable => HasHeaders ? TableAt(_bytes, _offsets[(int)ContentProperty.Headers]) : default;

    internal ReadOnlySpan<byte> ContentType => ShortString(ContentProperty.ContentType);

    internal ReadOnlySpan<byte> ContentEncoding => ShortString(ContentProperty.ContentEncoding);

    /// <summary>1 or 2 as AMQP has them, 0 when there is none.</summary>
    internal byte DeliveryMode => Octet(ContentProperty.DeliveryMode);

    /// <summary>0 when there is none.</summary>
    internal byte Priority => Octet(ContentProperty.Priority);

    internal ReadOnlySpan<byte> CorrelationId => ShortString(ContentProperty.CorrelationId);

    internal ReadOnlySpan<byte> ReplyTo => ShortString(ContentProperty.ReplyTo);

    internal ReadOnlySpan<byte> Expiration => ShortString(ContentProperty.Expiration);

    internal ReadOnlySpan<byte> MessageId => ShortString(ContentProperty.MessageId);

    /// <summary>Unix seconds, the publisher's; 0 when there is none.</summary>
    internal ulong Timestamp =>
        Has(ContentProperty.Timestamp) ? BinaryPrimitives.ReadUInt64BigEndian(_bytes[_offsets[(int)ContentProperty.Timestamp]..]) : 0;

    internal ReadOnlySpan<byte> Type => ShortString(ContentProperty.Type);

    internal ReadOnlySpan<byte> UserId => ShortString(ContentProperty.UserId);

    internal ReadOnlySpan<byte> AppId => ShortString(ContentProperty.AppId);

    internal ReadOnlySpan<byte> ClusterId => ShortString(ContentProperty.ClusterId);

    internal bool Has(ContentProperty property) => (_flags & Flag(property)) != 0;

    /// <summary>A property that is a short string; empty when there is none.</summary>
    internal ReadOnlySpan<byte> ShortString(ContentProperty property)
    {
        if (!Has(property))
            return default;
        int offset = _offsets[(int)property];
        return _bytes.Slice(offset + 1, _bytes[offset]);
    }

    /// <summary>Where a property stands: its offset in the headers bytes and its length there, those of its own length field included.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryGetRange(ContentProperty property, out int offset, out int length)
    {
        offset = _offsets[(int)property];
        length = 0;
        if (!Has(property))
            return false;
        length = property switch
        {
            ContentProperty.Headers => sizeof(uint) + HeaderTable.Length,
            ContentProperty.DeliveryMode or ContentProperty.Priority => sizeof(byte),
            ContentProperty.Timestamp => sizeof(ulong),
            _ => 1 + _bytes[offset],
        };
        return true;
    }

    /// <summary>Reads and checks headers bytes whole: flags, lengths, UTF-8, the header table.</summary>
    /// <returns>False when they are malformed.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> bytes, out ContentHeader header)
    {
        header = default;
        if (bytes.IsEmpty)
            return true;
        if (bytes.Length is < FlagsLength or > MaxLength)
            return false;
        int flags = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        if ((flags & UnknownFlags) != 0)
            return false;
        PropertyOffsets offsets = default;
        int offset = FlagsLength;
        for (int rest = flags; rest != 0;)
        {
            int bit = BitOperations.Log2((uint)rest);
            rest &= ~(1 << bit);
            offsets[HighestFlag - bit] = (ushort)offset;
            int length = CheckedLength(bytes, offset, bit);
            if (length < 0)
                return false;
            offset += length;
        }
        if (offset != bytes.Length)
            return false;
        header = new ContentHeader(bytes, flags, offsets);
        return true;
    }

    /// <summary>The entries of the header table, without reading more than that.</summary>
    /// <param name="bytes">Headers bytes that <see cref="TryRead"/> has accepted.</param>
    internal static ReadOnlySpan<byte> ReadHeaderTable(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FlagsLength)
            return default;
        int flags = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        if ((flags & Flag(ContentProperty.Headers)) == 0)
            return default;
        int offset = FlagsLength;
        if ((flags & Flag(ContentProperty.ContentType)) != 0)
            offset += 1 + bytes[offset];
        if ((flags & Flag(ContentProperty.ContentEncoding)) != 0)
            offset += 1 + bytes[offset];
        return TableAt(bytes, offset);
    }

    internal static int Flag(ContentProperty property) => 1 << (HighestFlag - (int)property);

    private static int CheckedLength(ReadOnlySpan<byte> bytes, int offset, int bit)
    {
        ReadOnlySpan<byte> rest = bytes[offset..];
        if (bit == HighestFlag - (int)ContentProperty.Headers)
            return CheckedTableLength(rest);
        if (bit == HighestFlag - (int)ContentProperty.Timestamp)
            return rest.Length < sizeof(ulong) ? -1 : sizeof(ulong);
        if (rest.Length == 0)
            return -1;
        if (((1 << bit) & OctetFlags) != 0)
            return sizeof(byte);
        int length = rest[0];
        return length < rest.Length && Utf8.IsValid(rest.Slice(1, length)) ? 1 + length : -1;
    }

    private static int CheckedTableLength(ReadOnlySpan<byte> rest)
    {
        if (rest.Length < sizeof(uint))
            return -1;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length > (uint)(rest.Length - sizeof(uint)) || !FieldTableReader.IsValid(rest.Slice(sizeof(uint), (int)length)))
            return -1;
        return sizeof(uint) + (int)length;
    }

    private static ReadOnlySpan<byte> TableAt(ReadOnlySpan<byte> bytes, int offset) =>
        bytes.Slice(offset + sizeof(uint), (int)BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]));

    private byte Octet(ContentProperty property) => Has(property) ? _bytes[_offsets[(int)property]] : (byte)0;

    /// <summary>Where each property begins; of those that are there.</summary>
    [InlineArray((int)ContentProperty.ClusterId + 1)]
    private struct PropertyOffsets
    {
        private ushort _first;
    }
}
