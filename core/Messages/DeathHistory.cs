namespace LowLatency.Core.Messages;

/// <summary>Walks the items of an <c>x-death</c> array, newest first. What is no table is passed over: only clients can have put it there.</summary>
internal ref struct DeathHistory
{
    private ReadOnlySpan<byte> _items;

    private DeathHistory(ReadOnlySpan<byte> items) => _items = items;

    internal static ReadOnlySpan<byte> Name => "x-death"u8;

    /// <summary>Entries of the death that was read.</summary>
    internal ReadOnlySpan<byte> Entries { get; private set; }

    /// <summary>The death that was read as it stands: type octet, length, entries.</summary>
    internal ReadOnlySpan<byte> Item { get; private set; }

    /// <summary>Something that is no table stood before the death that was read, or before the end.</summary>
    internal bool HasForeignItem { get; private set; }

    /// <summary>Finds <c>x-death</c> in the entries of a valid header table.</summary>
    /// <returns>False when it is not there or is no array.</returns>
    internal static bool TryFind(ReadOnlySpan<byte> headerTable, out DeathHistory history)
    {
        bool isThere = FieldTableReader.TryFind(headerTable, Name, out FieldValue value) && value.Type == FieldType.Array;
        history = new DeathHistory(isThere ? value.Bytes : default);
        return isThere;
    }

    internal bool Read()
    {
        while (FieldValue.TryRead(_items, out FieldValue item, out int length))
        {
            Item = _items[..length];
            _items = _items[length..];
            if (item.Type == FieldType.Table)
            {
                Entries = item.Bytes;
                return true;
            }
            HasForeignItem = true;
        }
        return false;
    }

    /// <summary>Whether the death that was read is of this queue.</summary>
    internal readonly bool IsOf(ReadOnlySpan<byte> queue) => Is("queue"u8, queue);

    internal readonly bool IsFor(DeathReason reason) => Is("reason"u8, reason.Word());

    /// <summary>Whether a message, dead-lettered into a queue, would go round for ever (rule D3).</summary>
    /// <param name="headers">The message's new headers, its last death among them.</param>
    /// <param name="queue">Name of the queue that it is about to be put into.</param>
    /// <returns>True when it died there before and no consumer has rejected it since, that death included. Then nothing but the broker moved it.</returns>
    internal static bool IsCycle(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> queue)
    {
        if (!TryFind(ContentHeader.ReadHeaderTable(headers), out DeathHistory history))
            return false;
        while (history.Read())
        {
            // As in RabbitMQ: who put something else there has handled the message, so it did not go round by itself.
            if (history.HasForeignItem || history.IsFor(DeathReason.Rejected))
                return false;
            if (history.IsOf(queue))
                return true;
        }
        return false;
    }

    private readonly bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> text) =>
        FieldTableReader.TryFind(Entries, name, out FieldValue value) && value.Type == FieldType.LongString && value.Bytes.SequenceEqual(text);
}
