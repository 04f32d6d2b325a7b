namespace LowLatency.Core.Messages;

/// <summary>Puts the entries of a table in the order of their names, so that two tables that say the same are the same bytes. Control plane: allocates.</summary>
internal static class FieldTableOrder
{
    /// <param name="entries">Valid. Entries with one name stay in their order.</param>
    internal static byte[] Sorted(ReadOnlySpan<byte> entries)
    {
        byte[] source = entries.ToArray();
        var parts = new List<(int Start, int End)>();
        var reader = new FieldTableReader(source);
        int start = 0;
        while (reader.Read())
        {
            parts.Add((start, start + reader.Entry.Length));
            start += reader.Entry.Length;
        }
        if (parts.Count < 2)
            return source;
        byte[] sorted = new byte[source.Length];
        int at = 0;
        foreach ((int from, int end) in parts.OrderBy(part => source.AsMemory(part.Start + 1, source[part.Start]), NameOrder.Instance))
        {
            source.AsSpan(from..end).CopyTo(sorted.AsSpan(at));
            at += end - from;
        }
        return sorted;
    }

    private sealed class NameOrder : IComparer<Memory<byte>>
    {
        internal static readonly NameOrder Instance = new();

        public int Compare(Memory<byte> x, Memory<byte> y) => x.Span.SequenceCompareTo(y.Span);
    }
}
