using System.Buffers.Binary;

namespace LowLatency.Core.Routing;

/// <summary>Finds in a content header (AMQP 0-9-1, 4.2.6.1) what exchanges go by, in place. What is malformed is not there.</summary>
internal static class MessageProperties
{
    private const int HeaderTableBit = 13;

    /// <summary>Bytes of each property's value, from bit 15 down: -1 a short string, -2 a table.</summary>
    private static ReadOnlySpan<sbyte> Lengths => [-1, -1, -2, 1, 1, -1, -1, -1, -1, 8, -1, -1, -1, -1];

    /// <summary>The entries of the header table; empty where there is none.</summary>
    internal static ReadOnlySpan<byte> Table(ReadOnlySpan<byte> headers) => Find(headers, HeaderTableBit);

    /// <summary>The bytes of a property; empty where it is absent.</summary>
    internal static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> headers, HashProperty property) => Find(headers, property switch
    {
        HashProperty.MessageId => 7,
        HashProperty.CorrelationId => 10,
        _ => 6,
    });

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> headers, int bit)
    {
        if (headers.Length < sizeof(ushort))
            return [];
        int flags = BinaryPrimitives.ReadUInt16BigEndian(headers);
        if ((flags & (1 << bit)) == 0)
            return [];
        ReadOnlySpan<byte> rest = headers[sizeof(ushort)..];
        for (int at = 15; at >= bit; at--)
        {
            if ((flags & (1 << at)) == 0)
                continue;
            int prefix = Lengths[15 - at] switch { -1 => 1, -2 => sizeof(uint), _ => 0 };
            if (rest.Length < prefix)
                return [];
            uint length = prefix switch { 0 => (uint)Lengths[15 - at], 1 => rest[0], _ => BinaryPrimitives.ReadUInt32BigEndian(rest) };
            if (length > rest.Length - prefix)
                return [];
            if (at == bit)
                return rest.Slice(prefix, (int)length);
            rest = rest[(prefix + (int)length)..];
        }
        return [];
    }
}
