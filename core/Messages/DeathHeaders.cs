using System.Buffers.Binary;

namespace LowLatency.Core.Messages;

/// <summary>Writes the headers of a message that is dead-lettered: its death is added to <c>x-death</c> (rules D2, D5, D6), as RabbitMQ 3.10.8 does.</summary>
/// <remarks>
/// <code>
/// x-death = array, newest first, of tables: count l ▸ reason S ▸ queue S ▸ time T ▸ exchange S ▸ routing-keys A of S ▸ original-expiration S
/// x-first-death-reason, x-first-death-queue, x-first-death-exchange: S, written with the first death and never again
/// </code>
/// A pair of queue and reason that is there already counts up and moves to the front; all else in it stays as it was at the first
/// death. The other headers and properties stay byte for byte and in their order, with <c>x-death</c> last. The property
/// <c>expiration</c> goes. An <c>x-death</c> that is no array, and items in it that are no tables, only a client can have written: they go.
/// Where 65,535 bytes are not enough the oldest deaths go, then <c>x-first-death-*</c>, then <c>x-death</c> itself.
/// One thread. The buffer is bought with the first death; from then on nothing is allocated.
/// </remarks>
internal sealed class DeathHeaders
{
    // Above the longest headers, so that one death can be written before it is known whether it fits: four names and little else.
    private const int Slack = 4096;

    private byte[] _buffer = [];
    private int _length;

    /// <param name="headers">The message's headers, which were accepted when it came. Not this object's own buffer.</param>
    /// <param name="death">What is added.</param>
    /// <returns>The new headers, at most 65,535 bytes. Valid until the next call.</returns>
    internal ReadOnlySpan<byte> Write(ReadOnlySpan<byte> headers, in Death death)
    {
        if (_buffer.Length == 0)
            _buffer = new byte[ContentHeader.MaxLength + Slack];
        if (!ContentHeader.TryRead(headers, out ContentHeader header))
            headers = default;
        header.TryGetRange(ContentProperty.Headers, out _, out int tableLength);
        header.TryGetRange(ContentProperty.Expiration, out _, out int expirationLength);
        int othersLength = Math.Max(sizeof(ushort), headers.Length - tableLength - expirationLength);
        int flags = headers.IsEmpty ? 0 : BinaryPrimitives.ReadUInt16BigEndian(headers);
        flags = (flags | ContentHeader.Flag(ContentProperty.Headers)) & ~ContentHeader.Flag(ContentProperty.Expiration);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer, (ushort)flags);
        _length = sizeof(ushort);
        for (var property = ContentProperty.ContentType; property <= ContentProperty.ClusterId; property++)
        {
            if (property == ContentProperty.Headers)
                PutTable(header, death, maxLength: ContentHeader.MaxLength - othersLength);
            else if (property != ContentProperty.Expiration && header.TryGetRange(property, out int offset, out int length))
                Put(headers.Slice(offset, length));
        }
        return _buffer.AsSpan(0, _length);
    }

    private void PutTable(in ContentHeader header, in Death death, int maxLength)
    {
        int lengthAt = _length;
        _length += sizeof(uint);
        bool hasHistory = DeathHistory.TryFind(header.HeaderTable, out DeathHistory history);
        PutOthers(header.HeaderTable, hasHistory);
        int mark = _length;
        int end = lengthAt + maxLength;
        if (!TryPutDeaths(header, death, history, withFirst: !hasHistory, end))
        {
            _length = mark;
            if (hasHistory || !TryPutDeaths(header, death, history, withFirst: false, end))
                _length = mark;
        }
        EndCounted(lengthAt);
    }

    private void PutOthers(ReadOnlySpan<byte> headerTable, bool hasHistory)
    {
        var reader = new FieldTableReader(headerTable);
        while (reader.Read())
        {
            ReadOnlySpan<byte> name = reader.Name;
            if (!name.SequenceEqual(DeathHistory.Name) && (hasHistory || !IsFirst(name)))
                Put(reader.Entry);
        }
    }

    private bool TryPutDeaths(in ContentHeader header, in Death death, DeathHistory history, bool withFirst, int end)
    {
        if (withFirst)
        {
            PutText("x-first-death-reason"u8, death.Reason.Word());
            PutText("x-first-death-queue"u8, death.Queue);
            PutText("x-first-death-exchange"u8, death.Exchange);
        }
        int arrayAt = BeginCounted(DeathHistory.Name, FieldType.Array);
        if (TryFindSame(history, death, out ReadOnlySpan<byte> same))
            PutAgain(same);
        else
            PutNew(header, death);
        if (_length > end)
            return false;
        while (history.Read())
        {
            if (history.IsOf(death.Queue) && history.IsFor(death.Reason))
                continue;
            if (_length + history.Item.Length > end)
                break;
            Put(history.Item);
        }
        EndCounted(arrayAt);
        return true;
    }

    private static bool TryFindSame(DeathHistory history, in Death death, out ReadOnlySpan<byte> entries)
    {
        entries = default;
        while (history.Read())
        {
            if (!history.IsOf(death.Queue) || !history.IsFor(death.Reason))
                continue;
            entries = history.Entries;
            return true;
        }
        return false;
    }

    private void PutNew(in ContentHeader header, in Death death)
    {
        int itemAt = BeginItem(FieldType.Table);
        PutNumber("count"u8, FieldType.Int64, 1);
        PutText("reason"u8, death.Reason.Word());
        PutText("queue"u8, death.Queue);
        PutNumber("time"u8, FieldType.Timestamp, death.TimeSeconds);
        PutText("exchange"u8, death.Exchange);
        int keysAt = BeginCounted("routing-keys"u8, FieldType.Array);
        int keyAt = BeginItem(FieldType.LongString);
        Put(death.RoutingKey);
        EndCounted(keyAt);
        EndCounted(keysAt);
        if (header.Has(ContentProperty.Expiration))
            PutText("original-expiration"u8, header.Expiration);
        EndCounted(itemAt);
    }

    /// <summary>A death that was there already, counted up.</summary>
    private void PutAgain(ReadOnlySpan<byte> entries)
    {
        int itemAt = BeginItem(FieldType.Table);
        bool isCounted = FieldTableReader.TryFind(entries, "count"u8, out FieldValue count);
        long number = count.IsInteger && count.TryGetInteger(out long before) ? Math.Min(before, long.MaxValue - 1) + 1 : 1;
        if (!isCounted)
            PutNumber("count"u8, FieldType.Int64, number);
        var reader = new FieldTableReader(entries);
        while (reader.Read())
        {
            if (isCounted && reader.Name.SequenceEqual("count"u8))
            {
                PutNumber("count"u8, FieldType.Int64, number);
                isCounted = false; // What else goes by that name was never read.
            }
            else
            {
                Put(reader.Entry);
            }
        }
        EndCounted(itemAt);
    }

    private static bool IsFirst(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("x-first-death-reason"u8) || name.SequenceEqual("x-first-death-queue"u8) || name.SequenceEqual("x-first-death-exchange"u8);

    private void PutText(ReadOnlySpan<byte> name, ReadOnlySpan<byte> text)
    {
        int at = BeginCounted(name, FieldType.LongString);
        Put(text);
        EndCounted(at);
    }

    private void PutNumber(ReadOnlySpan<byte> name, FieldType type, long number)
    {
        PutName(name, type);
        BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(_length), number);
        _length += sizeof(long);
    }

    private int BeginCounted(ReadOnlySpan<byte> name, FieldType type)
    {
        PutName(name, type);
        _length += sizeof(uint);
        return _length - sizeof(uint);
    }

    private int BeginItem(FieldType type)
    {
        _buffer[_length] = (byte)type;
        _length += 1 + sizeof(uint);
        return _length - sizeof(uint);
    }

    /// <param name="lengthAt">Where the length stands, of all that was put behind it.</param>
    private void EndCounted(int lengthAt) =>
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(lengthAt), (uint)(_length - lengthAt - sizeof(uint)));

    private void PutName(ReadOnlySpan<byte> name, FieldType type)
    {
        _buffer[_length] = (byte)name.Length;
        name.CopyTo(_buffer.AsSpan(_length + 1));
        _length += 1 + name.Length;
        _buffer[_length++] = (byte)type;
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }
}
