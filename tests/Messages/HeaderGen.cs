using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Messages;

namespace LowLatency.Tests.Messages;

/// <summary>Field tables and content headers of every kind, for properties. A value is its type and its bytes as they stand.</summary>
internal static class HeaderGen
{
    internal sealed record Entry(string Name, FieldType Type, byte[] Value);

    private static readonly Gen<string> Name = Gen.Elements("a", "key", "price", "x-delay-not", "注文", "", new string('n', 255));

    internal static Gen<Entry[]> Entries { get; } = EntriesOfDepth(3);

    internal static byte[] Table(IEnumerable<Entry> entries)
    {
        var writer = new FieldTableWriter();
        foreach (Entry entry in entries)
            writer.AddRaw(entry.Name, entry.Type, entry.Value);
        return writer.Entries.ToArray();
    }

    /// <summary>Tables or arrays in one another.</summary>
    /// <param name="isArray">What they are; the outermost is the value of an entry of the table that is returned.</param>
    internal static byte[] Nested(int depth, bool isArray)
    {
        byte[] inner = [];
        for (int i = 0; i < depth - 1; i++)
        {
            byte[] value = [.. isArray ? [] : (byte[])[1, (byte)'n'], (byte)(isArray ? 'A' : 'F'), .. Counted(inner)];
            inner = value;
        }
        return Table([new Entry("n", isArray ? FieldType.Array : FieldType.Table, Counted(inner))]);
    }

    internal static byte[] Counted(byte[] bytes)
    {
        byte[] counted = new byte[sizeof(uint) + bytes.Length];
        BinaryPrimitives.WriteUInt32BigEndian(counted, (uint)bytes.Length);
        bytes.CopyTo(counted, sizeof(uint));
        return counted;
    }

    internal static ContentHeaderBuilder Builder(Action<FieldTableWriter> headers)
    {
        var builder = new ContentHeaderBuilder();
        headers(builder.Headers);
        return builder;
    }

    internal static byte[] Headers(Action<FieldTableWriter> headers) => Builder(headers).Build().ToArray();

    internal static Gen<byte[]> Content { get; } =
        from flags in Gen.Choose(0, ushort.MaxValue)
        from table in Entries
        from text in Gen.Elements("", "text", "注文", new string('z', 255))
        from number in Gen.Choose(0, 255)
        select Build(flags, table, text, (byte)number);

    private static byte[] Build(int flags, Entry[] table, string text, byte number)
    {
        var builder = new ContentHeaderBuilder();
        for (var property = ContentProperty.ContentType; property <= ContentProperty.ClusterId; property++)
        {
            if ((flags & ContentHeader.Flag(property)) == 0)
                continue;
            switch (property)
            {
                case ContentProperty.Headers:
                    foreach (Entry entry in table)
                        builder.Headers.AddRaw(entry.Name, entry.Type, entry.Value);
                    break;
                case ContentProperty.DeliveryMode:
                    builder.DeliveryMode(number);
                    break;
                case ContentProperty.Priority:
                    builder.Priority(number);
                    break;
                case ContentProperty.Timestamp:
                    builder.Timestamp(number);
                    break;
                default:
                    builder.Set(property, text);
                    break;
            }
        }
        return builder.Build().ToArray();
    }

    private static Gen<Entry[]> EntriesOfDepth(int depth) =>
        Gen.Choose(0, 4).SelectMany(count => EntryOfDepth(depth).ArrayOf(count));

    private static Gen<Entry> EntryOfDepth(int depth) =>
        from name in Name
        from value in ValueOfDepth(depth)
        select new Entry(name, value.Type, value.Bytes);

    private static Gen<(FieldType Type, byte[] Bytes)> ValueOfDepth(int depth) =>
        from type in Gen.Elements(Enum.GetValues<FieldType>())
        from bytes in BytesOf(type, depth)
        select (type, bytes);

    private static Gen<byte[]> BytesOf(FieldType type, int depth) => type switch
    {
        FieldType.Void => Gen.Constant<byte[]>([]),
        FieldType.Boolean or FieldType.Int8 or FieldType.UInt8 => Octets(1),
        FieldType.Int16 or FieldType.UInt16 => Octets(2),
        FieldType.Int32 or FieldType.UInt32 or FieldType.Single => Octets(4),
        FieldType.Decimal => Octets(5),
        FieldType.Int64 or FieldType.Double or FieldType.Timestamp => Octets(8),
        FieldType.LongString => Gen.Elements("", "x", "注文").Select(text => Counted(Encoding.UTF8.GetBytes(text))),
        FieldType.Bytes => Gen.Choose(0, 20).SelectMany(Octets).Select(Counted),
        FieldType.Table => depth == 0 ? Gen.Constant(Counted([])) : EntriesOfDepth(depth - 1).Select(entries => Counted(Table(entries))),
        FieldType.Array => depth == 0
            ? Gen.Constant(Counted([]))
            : Gen.Choose(0, 3).SelectMany(count => ValueOfDepth(depth - 1).ArrayOf(count))
                .Select(items => Counted([.. items.SelectMany(item => (byte[])[(byte)item.Type, .. item.Bytes])])),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static Gen<byte[]> Octets(int count) => Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(count);
}
