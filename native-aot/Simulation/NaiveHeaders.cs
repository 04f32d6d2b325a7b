using System.Buffers.Binary;
using System.Text;

namespace LowLatency.Server.Simulation;

/// <summary>A content header (AMQP 0-9-1, 4.2.6.1) as far as the simulation uses it.</summary>
internal sealed record NaiveHeaders
{
    private const int TableBit = 13;
    private const int PriorityBit = 11;
    private const int CorrelationBit = 10;
    private const int ReplyToBit = 9;
    private const int ExpirationBit = 8;
    private const int MessageIdBit = 7;
    private const int TimestampBit = 6;

    /// <summary>Null: the message has none.</summary>
    internal NaiveTable? Table { get; init; }

    internal int? Priority { get; init; }

    internal string? CorrelationId { get; init; }

    internal string? ReplyTo { get; init; }

    internal string? Expiration { get; init; }

    internal string? MessageId { get; init; }

    internal long? Timestamp { get; init; }

    internal bool IsEmpty => this == new NaiveHeaders();

    internal byte[] Encode()
    {
        if (IsEmpty)
            return [];
        int flags = 0;
        var bytes = new List<byte>();
        if (Table != null)
        {
            flags |= 1 << TableBit;
            byte[] entries = NaiveTable.Encode(Table);
            bytes.AddRange(NaiveTable.Big((ulong)entries.Length, 4));
            bytes.AddRange(entries);
        }
        if (Priority is { } priority)
        {
            flags |= 1 << PriorityBit;
            bytes.Add((byte)priority);
        }
        Add(CorrelationBit, CorrelationId);
        Add(ReplyToBit, ReplyTo);
        Add(ExpirationBit, Expiration);
        Add(MessageIdBit, MessageId);
        if (Timestamp is { } timestamp)
        {
            flags |= 1 << TimestampBit;
            bytes.AddRange(NaiveTable.Big((ulong)timestamp, 8));
        }
        return [.. NaiveTable.Big((ulong)flags, 2), .. bytes];

        void Add(int bit, string? text)
        {
            if (text == null)
                return;
            flags |= 1 << bit;
            bytes.Add((byte)text.Length);
            bytes.AddRange(Encoding.UTF8.GetBytes(text));
        }
    }

    internal static NaiveHeaders Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
            return new NaiveHeaders();
        int flags = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        bytes = bytes[2..];
        NaiveTable? table = null;
        if (Has(TableBit))
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(bytes);
            table = NaiveTable.Decode(bytes.Slice(4, length));
            bytes = bytes[(4 + length)..];
        }
        int? priority = null;
        if (Has(PriorityBit))
        {
            priority = bytes[0];
            bytes = bytes[1..];
        }
        string? correlation = String(CorrelationBit, ref bytes);
        string? replyTo = String(ReplyToBit, ref bytes);
        string? expiration = String(ExpirationBit, ref bytes);
        string? messageId = String(MessageIdBit, ref bytes);
        long? timestamp = null;
        if (Has(TimestampBit))
        {
            timestamp = BinaryPrimitives.ReadInt64BigEndian(bytes);
            bytes = bytes[8..];
        }
        if (bytes.Length > 0)
            throw new SimulationException($"{bytes.Length} bytes are left behind the properties of a message.");
        return new NaiveHeaders { Table = table, Priority = priority, CorrelationId = correlation, ReplyTo = replyTo, Expiration = expiration, MessageId = messageId, Timestamp = timestamp };

        bool Has(int bit) => (flags & (1 << bit)) != 0;

        string? String(int bit, ref ReadOnlySpan<byte> rest)
        {
            if (!Has(bit))
                return null;
            string text = Encoding.UTF8.GetString(rest.Slice(1, rest[0]));
            rest = rest[(1 + rest[0])..];
            return text;
        }
    }

    public override string ToString() =>
        $"{Table} priority {Priority} correlation {CorrelationId} reply to {ReplyTo} expiration {Expiration} message id {MessageId} timestamp {Timestamp}";

    /// <summary>The same properties, and a header table with the same entries.</summary>
    internal bool Means(NaiveHeaders other) =>
        this with { Table = null } == other with { Table = null } && (Table ?? new NaiveTable()).Means(other.Table ?? new NaiveTable());
}
