namespace LowLatency.Core.Messages;

/// <summary>A header's value as the bytes of a key: last-value queues, conflation and hash exchanges tell messages apart by it.</summary>
internal static class HeaderKey
{
    /// <summary>Finds the value of an entry in a message's header table.</summary>
    /// <param name="headers">Headers bytes that were accepted when the message came.</param>
    /// <param name="name">Of the entry.</param>
    /// <param name="keyBytes">Type octet and value as they stand in <paramref name="headers"/>: the integer 5 and the text "5" are two keys.</param>
    /// <returns>False when there is no such entry.</returns>
    /// <remarks>Allocates nothing.</remarks>
    internal static bool TryGet(ReadOnlySpan<byte> headers, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> keyBytes)
    {
        var reader = new FieldTableReader(ContentHeader.ReadHeaderTable(headers));
        while (reader.Read())
        {
            if (reader.Name.SequenceEqual(name))
            {
                keyBytes = reader.TypedValue;
                return true;
            }
        }
        keyBytes = default;
        return false;
    }
}
