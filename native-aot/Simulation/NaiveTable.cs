using System.Buffers.Binary;
using System.Text;

namespace LowLatency.Server.Simulation;

/// <summary>A field table (AMQP 0-9-1, 4.2.5.5) as a list of names and values: null, bool, int, long, double, string, <see cref="NaiveTimestamp"/>, object[] or a table.</summary>
internal sealed class NaiveTable
{
    internal List<(string Name, object? Value)> Entries { get; } = [];

    internal NaiveTable With(string name, object? value)
    {
        var copy = new NaiveTable();
        copy.Entries.AddRange(Entries);
        copy.Entries.Add((name, value));
        return copy;
    }

    internal NaiveTable Without(params string[] names)
    {
        var copy = new NaiveTable();
        copy.Entries.AddRange(Entries.Where(entry => !names.Contains(entry.Name)));
        return copy;
    }

    internal bool TryGet(string name, out object? value)
    {
        foreach ((string known, object? found) in Entries)
        {
            if (known == name)
            {
                value = found;
                return true;
            }
        }
        value = null;
        return false;
    }

    internal object? Get(string name) => TryGet(name, out object? value) ? value : null;

    internal static byte[] Encode(NaiveTable? table)
    {
        var bytes = new List<byte>();
        foreach ((string name, object? value) in table?.Entries ?? [])
        {
            byte[] text = Encoding.UTF8.GetBytes(name);
            bytes.Add((byte)text.Length);
            bytes.AddRange(text);
            EncodeValue(bytes, value);
        }
        return [.. bytes];
    }

    internal static NaiveTable Decode(ReadOnlySpan<byte> bytes)
    {
        var table = new NaiveTable();
        while (bytes.Length > 0)
        {
            string name = Encoding.UTF8.GetString(bytes.Slice(1, bytes[0]));
            bytes = bytes[(1 + bytes[0])..];
            table.Entries.Add((name, DecodeValue(ref bytes)));
        }
        return table;
    }

    /// <summary>Same entries; their order counts for nothing.</summary>
    internal bool Means(NaiveTable other) => Text(this) == Text(other);

    public override string ToString() => Text(this);

    private static string Text(object? value) => value switch
    {
        null => "void",
        NaiveTable table => $"{{{string.Join(", ", table.Entries.Select(entry => $"{entry.Name}={Text(entry.Value)}").Order(StringComparer.Ordinal))}}}",
        object?[] items => $"[{string.Join(", ", items.Select(Text))}]",
        string text => $"'{text}'",
        NaiveTimestamp time => $"T{time.Seconds}",
        IFormattable number => $"{number.GetType().Name}:{number.ToString(null, System.Globalization.CultureInfo.InvariantCulture)}",
        _ => value.ToString()!,
    };

    private static void EncodeValue(List<byte> bytes, object? value)
    {
        switch (value)
        {
            case null:
                bytes.Add((byte)'V');
                break;
            case bool word:
                bytes.AddRange([(byte)'t', word ? (byte)1 : (byte)0]);
                break;
            case int number:
                bytes.Add((byte)'I');
                bytes.AddRange(Big((ulong)(uint)number, 4));
                break;
            case long number:
                bytes.Add((byte)'l');
                bytes.AddRange(Big((ulong)number, 8));
                break;
            case double number:
                bytes.Add((byte)'d');
                bytes.AddRange(Big(BitConverter.DoubleToUInt64Bits(number), 8));
                break;
            case string text:
                byte[] utf8 = Encoding.UTF8.GetBytes(text);
                bytes.Add((byte)'S');
                bytes.AddRange(Big((ulong)utf8.Length, 4));
                bytes.AddRange(utf8);
                break;
            case NaiveTimestamp time:
                bytes.Add((byte)'T');
                bytes.AddRange(Big((ulong)time.Seconds, 8));
                break;
            case NaiveTable table:
                byte[] entries = Encode(table);
                bytes.Add((byte)'F');
                bytes.AddRange(Big((ulong)entries.Length, 4));
                bytes.AddRange(entries);
                break;
            case object?[] items:
                var inner = new List<byte>();
                foreach (object? item in items)
                    EncodeValue(inner, item);
                bytes.Add((byte)'A');
                bytes.AddRange(Big((ulong)inner.Count, 4));
                bytes.AddRange(inner);
                break;
            default:
                throw new InvalidOperationException($"{value.GetType().Name} has no field type here.");
        }
    }

    private static object? DecodeValue(ref ReadOnlySpan<byte> bytes)
    {
        char type = (char)bytes[0];
        bytes = bytes[1..];
        switch (type)
        {
            case 'V':
                return null;
            case 't':
                return Take(ref bytes, 1)[0] != 0;
            case 'I':
                return BinaryPrimitives.ReadInt32BigEndian(Take(ref bytes, 4));
            case 'l':
                return BinaryPrimitives.ReadInt64BigEndian(Take(ref bytes, 8));
            case 'd':
                return BinaryPrimitives.ReadDoubleBigEndian(Take(ref bytes, 8));
            case 'T':
                return new NaiveTimestamp(BinaryPrimitives.ReadInt64BigEndian(Take(ref bytes, 8)));
            case 'S':
                return Encoding.UTF8.GetString(TakeLong(ref bytes));
            case 'F':
                return Decode(TakeLong(ref bytes));
            case 'A':
                ReadOnlySpan<byte> rest = TakeLong(ref bytes);
                var items = new List<object?>();
                while (rest.Length > 0)
                    items.Add(DecodeValue(ref rest));
                return items.ToArray();
            default:
                throw new SimulationException($"A field of type '{type}', which nobody sent.");
        }
    }

    private static ReadOnlySpan<byte> TakeLong(ref ReadOnlySpan<byte> bytes) => Take(ref bytes, (int)BinaryPrimitives.ReadUInt32BigEndian(Take(ref bytes, 4)));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        ReadOnlySpan<byte> taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }

    internal static byte[] Big(ulong value, int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
            bytes[i] = (byte)(value >> ((count - 1 - i) * 8));
        return bytes;
    }
}

/// <param name="Seconds">Since 1970.</param>
internal sealed record NaiveTimestamp(long Seconds);
