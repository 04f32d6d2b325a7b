using System.Buffers.Binary;
using System.Text;
using LowLatency.Core.Messages;

namespace LowLatency.Tests.Messages;

/// <summary>Rules D2, D3 and D6 with lists, as plainly as can be.</summary>
internal static class DeathModel
{
    internal sealed record Told(DeathReason Reason, string Queue, string Exchange, string RoutingKey, long TimeSeconds);

    private sealed record Item(byte Type, byte[] Value, List<HeaderGen.Entry>? Table);

    internal static byte[] Write(byte[] headers, Told death)
    {
        List<HeaderGen.Entry> table = Table(headers);
        HeaderGen.Entry? found = table.Find(entry => entry.Name == "x-death");
        List<Item>? items = found is { Type: FieldType.Array } ? Items(found.Value) : null;
        string? expiration = Property(headers, ContentProperty.Expiration, out byte[] raw) ? Encoding.UTF8.GetString(raw) : null;
        table.RemoveAll(entry => entry.Name == "x-death");
        if (items == null)
            table.RemoveAll(entry => entry.Name.StartsWith("x-first-death-", StringComparison.Ordinal));
        List<HeaderGen.Entry> first = items != null
            ? []
            : [Text("x-first-death-reason", Word(death)), Text("x-first-death-queue", death.Queue), Text("x-first-death-exchange", death.Exchange)];

        List<List<HeaderGen.Entry>> deaths = [.. (items ?? []).Where(item => item.Table != null).Select(item => item.Table!)];
        List<HeaderGen.Entry>? same = deaths.Find(IsSame);
        deaths.RemoveAll(IsSame);
        deaths.Insert(0, same == null ? New(death, expiration) : CountUp(same));

        List<HeaderGen.Entry>[] heads = [[.. table, .. first], table];
        foreach (List<HeaderGen.Entry> head in heads)
        {
            for (int kept = deaths.Count; kept > 0; kept--)
            {
                byte[] array = [.. deaths.Take(kept).SelectMany(entries => (byte[])[(byte)'F', .. HeaderGen.Counted(HeaderGen.Table(entries))])];
                byte[] written = Assemble(headers, HeaderGen.Table([.. head, new("x-death", FieldType.Array, HeaderGen.Counted(array))]));
                if (written.Length <= ushort.MaxValue)
                    return written;
            }
        }
        return Assemble(headers, HeaderGen.Table(table));

        bool IsSame(List<HeaderGen.Entry> entries) => IsText(entries, "queue", death.Queue) && IsText(entries, "reason", Word(death));
    }

    internal static bool IsCycle(byte[] headers, string queue)
    {
        HeaderGen.Entry? found = Table(headers).Find(entry => entry.Name == "x-death");
        if (found is not { Type: FieldType.Array })
            return false;
        List<Item> items = Items(found.Value);
        int named = items.FindIndex(item => item.Table != null && IsText(item.Table, "queue", queue));
        return named >= 0 && items.Take(named + 1).All(item => item.Table != null && !IsText(item.Table, "reason", "rejected"));
    }

    internal static List<HeaderGen.Entry> Table(byte[] headers) =>
        ContentHeader.TryRead(headers, out ContentHeader header) ? Entries(header.HeaderTable.ToArray()) : throw new ArgumentException("Malformed.");

    internal static List<HeaderGen.Entry> Entries(byte[] table)
    {
        List<HeaderGen.Entry> entries = [];
        var reader = new FieldTableReader(table);
        while (reader.Read())
            entries.Add(new(Encoding.UTF8.GetString(reader.Name), reader.Value.Type, reader.TypedValue[1..].ToArray()));
        return entries;
    }

    private static List<Item> Items(byte[] array)
    {
        List<Item> items = [];
        for (ReadOnlySpan<byte> rest = array.AsSpan(sizeof(uint)); FieldValue.TryRead(rest, out FieldValue value, out int length); rest = rest[length..])
            items.Add(new((byte)value.Type, rest[1..length].ToArray(), value.Type == FieldType.Table ? Entries(value.Bytes.ToArray()) : null));
        return items;
    }

    private static List<HeaderGen.Entry> New(Told death, string? expiration)
    {
        byte[] key = [(byte)'S', .. HeaderGen.Counted(Encoding.UTF8.GetBytes(death.RoutingKey))];
        List<HeaderGen.Entry> entries =
        [
            new("count", FieldType.Int64, Number(1)), Text("reason", Word(death)), Text("queue", death.Queue),
            new("time", FieldType.Timestamp, Number(death.TimeSeconds)), Text("exchange", death.Exchange),
            new("routing-keys", FieldType.Array, HeaderGen.Counted(key)),
        ];
        if (expiration != null)
            entries.Add(Text("original-expiration", expiration));
        return entries;
    }

    private static List<HeaderGen.Entry> CountUp(List<HeaderGen.Entry> entries)
    {
        int at = entries.FindIndex(entry => entry.Name == "count");
        if (at < 0)
            return [new("count", FieldType.Int64, Number(1)), .. entries];
        FieldTableReader.TryFind(HeaderGen.Table(entries), "count"u8, out FieldValue value);
        long count = value.Type != FieldType.Timestamp && value.TryGetInteger(out long before) ? before == long.MaxValue ? before : before + 1 : 1;
        entries[at] = new("count", FieldType.Int64, Number(count));
        return entries;
    }

    private static byte[] Assemble(byte[] headers, byte[] table)
    {
        int flags = headers.Length == 0 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(headers);
        flags = (flags | ContentHeader.Flag(ContentProperty.Headers)) & ~ContentHeader.Flag(ContentProperty.Expiration);
        List<byte> bytes = [(byte)(flags >> 8), (byte)flags];
        for (var property = ContentProperty.ContentType; property <= ContentProperty.ClusterId; property++)
        {
            if (property == ContentProperty.Headers)
                bytes.AddRange(HeaderGen.Counted(table));
            else if (property != ContentProperty.Expiration && ContentHeader.TryRead(headers, out ContentHeader header) &&
                header.TryGetRange(property, out int offset, out int length))
                bytes.AddRange(headers.AsSpan(offset, length));
        }
        return [.. bytes];
    }

    private static bool Property(byte[] headers, ContentProperty property, out byte[] text)
    {
        ContentHeader.TryRead(headers, out ContentHeader header);
        text = header.ShortString(property).ToArray();
        return header.Has(property);
    }

    private static bool IsText(List<HeaderGen.Entry> entries, string name, string text) =>
        entries.Find(entry => entry.Name == name) is { Type: FieldType.LongString } entry && entry.Value.AsSpan(sizeof(uint)).SequenceEqual(Encoding.UTF8.GetBytes(text));

    private static HeaderGen.Entry Text(string name, string text) => new(name, FieldType.LongString, HeaderGen.Counted(Encoding.UTF8.GetBytes(text)));

    private static byte[] Number(long value)
    {
        byte[] bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        return bytes;
    }

    private static string Word(Told death) => Encoding.UTF8.GetString(death.Reason.Word());
}
