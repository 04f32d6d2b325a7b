using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Messages;

public class FieldTableTests
{
    public static TheoryData<string, string, long> Integers => new()
    {
        { "b", "80", -128 },
        { "B", "80", 128 },
        { "s", "8000", -32768 },
        { "u", "8000", 32768 },
        { "I", "80000000", int.MinValue },
        { "i", "80000000", 2147483648 },
        { "l", "8000000000000000", long.MinValue },
        { "l", "0000000000000005", 5 },
    };

    [Theory, MemberData(nameof(Integers))]
    public void ShouldReadIntegersOfEveryWidth(string type, string valueHex, long expected)
    {
        byte[] table = new FieldTableWriter().AddRaw("n", (FieldType)type[0], Convert.FromHexString(valueHex)).Entries.ToArray();

        Assert.True(FieldTableReader.TryFind(table, "n"u8, out FieldValue value));
        Assert.True(value.IsInteger);
        Assert.True(value.TryGetInteger(out long actual));
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void ShouldReadWhatTheWriterWrote()
    {
        FieldTableWriter inner = new FieldTableWriter().Add("deep", true);
        FieldTableWriter writer = new FieldTableWriter()
            .Add("flag", true).Add("int", -7).Add("long", long.MaxValue).Add("price", 1.5).AddTimestamp("at", 1700000000).AddVoid("none")
            .Add("text", "注文").AddBytes("bytes", [1, 2]).AddTable("table", inner).AddArray("list", [(byte)'t', 1, (byte)'V']);

        Assert.True(FieldTableReader.IsValid(writer.Entries));
        Assert.Equal("74:01", Find(writer, "flag"));
        Assert.Equal("49:FFFFFFF9", Find(writer, "int"));
        Assert.Equal("6C:7FFFFFFFFFFFFFFF", Find(writer, "long"));
        Assert.Equal("64:3FF8000000000000", Find(writer, "price"));
        Assert.Equal("54:000000006553F100", Find(writer, "at"));
        Assert.Equal("56:", Find(writer, "none"));
        Assert.Equal("53:E6B3A8E69687", Find(writer, "text"));
        Assert.Equal("78:0102", Find(writer, "bytes"));
        Assert.Equal("46:04646565707401", Find(writer, "table"));
        Assert.Equal("41:740156", Find(writer, "list"));
        Assert.False(FieldTableReader.TryFind(writer.Entries, "absent"u8, out FieldValue absent));
        Assert.True(absent.IsNone);
    }

    [Fact]
    public void ShouldKeepTheFirstOfTwoEntriesOfOneName()
    {
        byte[] table = new FieldTableWriter().Add("n", 1).Add("n", 2).Entries.ToArray();

        Assert.True(FieldTableReader.IsValid(table));
        FieldTableReader.TryFind(table, "n"u8, out FieldValue value);
        value.TryGetInteger(out long number);
        Assert.Equal(1, number);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldEndNestingAtTheLimit(bool isArray)
    {
        Assert.True(FieldTableReader.IsValid(HeaderGen.Nested(FieldTableReader.MaxDepth, isArray)));
        Assert.False(FieldTableReader.IsValid(HeaderGen.Nested(FieldTableReader.MaxDepth + 1, isArray)));
        Assert.False(FieldTableReader.IsValid(HeaderGen.Nested(10_000, isArray)));
    }

    [Theory]
    [InlineData("01FF7401", "a name that is not UTF-8")]
    [InlineData("016E5A01", "a type that does not exist")]
    [InlineData("016E", "no type")]
    [InlineData("056E", "a name beyond the end")]
    [InlineData("016E7401" + "00", "an entry of one byte behind it")]
    [InlineData("016E53FFFFFFFF41", "a length that is negative as an integer")]
    [InlineData("016E46000000020174", "an entry in an inner table that is cut short")]
    [InlineData("016E41000000017400", "an item in an array that is cut short")]
    public void ShouldRefuseWhatIsMalformed(string hex, string what)
    {
        Assert.False(FieldTableReader.IsValid(Convert.FromHexString(hex)), what);
    }

    [Fact]
    public void ShouldRoundTripAnyTable()
    {
        Prop.ForAll(HeaderGen.Entries.ToArbitrary(), entries =>
        {
            byte[] table = HeaderGen.Table(entries);
            Assert.True(FieldTableReader.IsValid(table));
            var reader = new FieldTableReader(table);
            int entriesLength = 0;
            foreach (HeaderGen.Entry entry in entries)
            {
                Assert.True(reader.Read());
                Assert.Equal(entry.Name, System.Text.Encoding.UTF8.GetString(reader.Name));
                Assert.Equal(entry.Type, reader.Value.Type);
                Assert.True(entry.Value.AsSpan().EndsWith(reader.Value.Bytes));
                Assert.Equal([(byte)entry.Type, .. entry.Value], reader.TypedValue.ToArray());
                Assert.Equal(1 + reader.Name.Length + reader.TypedValue.Length, reader.Entry.Length);
                entriesLength += reader.Entry.Length;
            }
            Assert.False(reader.Read());
            Assert.False(reader.IsMalformed);
            Assert.Equal(table.Length, entriesLength);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldRefuseEveryTruncation()
    {
        Prop.ForAll(HeaderGen.Entries.ToArbitrary(), entries =>
        {
            byte[] table = HeaderGen.Table(entries);
            // Cut between two entries it is a shorter table.
            HashSet<int> borders = [0];
            for (int count = 1; count <= entries.Length; count++)
                borders.Add(HeaderGen.Table(entries.Take(count)).Length);
            for (int length = 0; length < table.Length; length++)
                Assert.Equal(borders.Contains(length), FieldTableReader.IsValid(table.AsSpan(0, length)));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldReadAnyBytesWithoutHarm()
    {
        var random = new Random(1);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] table = HeaderGen.Table(HeaderGen.Entries.Sample(1).First());
            for (int i = 0; i < 3 && table.Length > 0; i++)
                table[random.Next(table.Length)] = (byte)random.Next(256);
            Walk(table);
            random.NextBytes(table);
            Walk(table);
        }
    }

    private static void Walk(byte[] table)
    {
        FieldTableReader.IsValid(table);
        var reader = new FieldTableReader(table);
        while (reader.Read())
            reader.Value.TryGetInteger(out _);
    }

    [Fact]
    public void ShouldRefuseToWriteANameOver255Bytes()
    {
        var writer = new FieldTableWriter();
        Assert.Throws<ArgumentException>(() => writer.Add(new string('注', 86), 1));
        writer.Add(new string('n', 255), 1);
        Assert.True(FieldTableReader.IsValid(writer.Entries));
    }

    [Fact]
    public void ShouldNotAllocateOnceGrown()
    {
        var writer = new FieldTableWriter();
        Fill(writer);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Fill(writer);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Fill(FieldTableWriter writer)
    {
        writer.Clear().Add("text", "a longer text than fits at first, so that the writer has to grow").Add("n", 1L).AddTimestamp("t", 5);
        if (!FieldTableReader.IsValid(writer.Entries) || !FieldTableReader.TryFind(writer.Entries, "t"u8, out _))
            throw new InvalidOperationException("It is not valid.");
    }

    private static string Find(FieldTableWriter table, string name)
    {
        Assert.True(FieldTableReader.TryFind(table.Entries, System.Text.Encoding.UTF8.GetBytes(name), out FieldValue value));
        return $"{(byte)value.Type:X2}:{Convert.ToHexString(value.Bytes)}";
    }
}
