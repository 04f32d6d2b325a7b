using System.Text;
using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Messages;

public class ContentHeaderTests
{
    [Fact]
    public void ShouldReadNothingAsNoProperties()
    {
        Assert.True(ContentHeader.TryRead([], out ContentHeader header));
        Assert.False(header.HasHeaders);
        Assert.Equal(0, header.Priority);
        Assert.True(header.MessageId.IsEmpty);
        Assert.True(new ContentHeaderBuilder().Build().IsEmpty);
        Assert.True(ContentHeader.TryRead([0, 0], out _));
    }

    [Fact]
    public void ShouldReadEveryProperty()
    {
        byte[] bytes = Full(new ContentHeaderBuilder()).Build().ToArray();

        Assert.True(ContentHeader.TryRead(bytes, out ContentHeader header));
        Assert.Equal("text/plain", Encoding.UTF8.GetString(header.ContentType));
        Assert.Equal("gzip", Encoding.UTF8.GetString(header.ContentEncoding));
        Assert.True(FieldTableReader.TryFind(header.HeaderTable, "side"u8, out FieldValue side));
        Assert.Equal("buy", Encoding.UTF8.GetString(side.Bytes));
        Assert.Equal(2, header.DeliveryMode);
        Assert.Equal(9, header.Priority);
        Assert.Equal("c", Encoding.UTF8.GetString(header.CorrelationId));
        Assert.Equal("r", Encoding.UTF8.GetString(header.ReplyTo));
        Assert.Equal("60000", Encoding.UTF8.GetString(header.Expiration));
        Assert.Equal("m", Encoding.UTF8.GetString(header.MessageId));
        Assert.Equal(1700000000UL, header.Timestamp);
        Assert.Equal("t", Encoding.UTF8.GetString(header.Type));
        Assert.Equal("u", Encoding.UTF8.GetString(header.UserId));
        Assert.Equal("a", Encoding.UTF8.GetString(header.AppId));
        Assert.Equal("k", Encoding.UTF8.GetString(header.ClusterId));
        Assert.True(header.HeaderTable.SequenceEqual(ContentHeader.ReadHeaderTable(bytes)));
    }

    // As RabbitMQ.Client 6 writes a basic.properties of content type, headers and delivery mode.
    [Fact]
    public void ShouldReadTheBytesOfAmqp()
    {
        byte[] bytes = Convert.FromHexString("B0000A746578742F706C61696E0000000A046E616D655300000000" + "02");

        Assert.True(ContentHeader.TryRead(bytes, out ContentHeader header));
        Assert.Equal("text/plain", Encoding.UTF8.GetString(header.ContentType));
        Assert.Equal(10, header.HeaderTable.Length);
        Assert.Equal(2, header.DeliveryMode);
    }

    [Theory]
    [InlineData("00", "half of the flags")]
    [InlineData("0001", "flags that go on")]
    [InlineData("0002", "a property that does not exist")]
    [InlineData("000000", "a byte too many")]
    [InlineData("8000", "no content-type")]
    [InlineData("80000261", "a content-type that is cut short")]
    [InlineData("800001FF", "a content-type that is not UTF-8")]
    [InlineData("0800", "no priority")]
    [InlineData("004000000000000000", "a timestamp that is cut short")]
    [InlineData("2000000000", "the length of the table cut short")]
    [InlineData("2000000000FF016E56", "a table longer than the rest")]
    [InlineData("200000000003016E5A", "a table with a type that does not exist")]
    [InlineData("200000000003016E5600", "a byte behind the table")]
    public void ShouldRefuseWhatIsMalformed(string hex, string what)
    {
        Assert.False(ContentHeader.TryRead(Convert.FromHexString(hex), out ContentHeader header), what);
        Assert.False(header.HasHeaders);
    }

    [Fact]
    public void ShouldRefuseMoreThan65535Bytes()
    {
        byte[] longest = Convert.FromHexString("2000").Concat(HeaderGen.Counted(TableOf(ContentHeader.MaxLength - 6))).ToArray();
        Assert.Equal(ContentHeader.MaxLength, longest.Length);
        Assert.True(ContentHeader.TryRead(longest, out _));
        Assert.False(ContentHeader.TryRead([.. longest, 0], out _));

        var builder = new ContentHeaderBuilder();
        builder.Headers.AddBytes("n", new byte[ContentHeader.MaxLength]);
        Assert.Throws<InvalidOperationException>(() => builder.Build().Length);
    }

    [Fact]
    public void ShouldTellWhereAPropertyStands()
    {
        Prop.ForAll(HeaderGen.Content.ToArbitrary(), bytes =>
        {
            Assert.True(ContentHeader.TryRead(bytes, out ContentHeader header));
            int expected = sizeof(ushort);
            for (var property = ContentProperty.ContentType; property <= ContentProperty.ClusterId; property++)
            {
                if (!header.TryGetRange(property, out int offset, out int length))
                    continue;
                Assert.Equal(expected, offset);
                expected += length;
            }
            Assert.Equal(bytes.Length, bytes.Length == 0 ? 0 : expected);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldRefuseEveryTruncation()
    {
        Prop.ForAll(HeaderGen.Content.ToArbitrary(), bytes =>
        {
            for (int length = 1; length < bytes.Length; length++)
                Assert.False(ContentHeader.TryRead(bytes.AsSpan(0, length), out _));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ShouldReadAnyBytesWithoutHarm()
    {
        var random = new Random(2);
        foreach (byte[] bytes in HeaderGen.Content.Sample(5_000))
        {
            for (int i = 0; i < 3 && bytes.Length > 0; i++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (ContentHeader.TryRead(bytes, out ContentHeader header))
                Assert.True(header.HeaderTable.SequenceEqual(ContentHeader.ReadHeaderTable(bytes)));
            MessageTraits.TryRead(bytes, 0, out _, out _);
        }
    }

    [Fact]
    public void ShouldBuildAgainAfterClear()
    {
        var builder = new ContentHeaderBuilder();
        byte[] first = Full(builder).Build().ToArray();
        Assert.True(builder.Clear().Build().IsEmpty);
        Assert.Equal("00200174", Convert.ToHexString(builder.Type("t").Build()));
        Assert.Equal(first, Full(builder.Clear()).Build().ToArray());
    }

    [Fact]
    public void ShouldRefuseToBuildAShortStringOver255Bytes()
    {
        var builder = new ContentHeaderBuilder();
        Assert.Throws<ArgumentException>(() => builder.MessageId(new string('注', 86)));
        Assert.True(ContentHeader.TryRead(builder.MessageId(new string('注', 85)).Build(), out ContentHeader header));
        Assert.Equal(255, header.MessageId.Length);
    }

    [Fact]
    public void ShouldNotAllocate()
    {
        var builder = new ContentHeaderBuilder();
        BuildAndRead(builder);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            BuildAndRead(builder);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void BuildAndRead(ContentHeaderBuilder builder)
    {
        Full(builder.Clear()).Expiration(60_000);
        if (!MessageTraits.TryRead(builder.Build(), 1, out MessageTraits traits, out _) || traits.TtlMs != 60_000)
            throw new InvalidOperationException("Another TTL.");
        if (!HeaderKey.TryGet(builder.Build(), "side"u8, out ReadOnlySpan<byte> key) || key.Length != 8)
            throw new InvalidOperationException("Another key.");
    }

    private static ContentHeaderBuilder Full(ContentHeaderBuilder builder)
    {
        builder.ContentType("text/plain").ContentEncoding("gzip").DeliveryMode(2).Priority(9).CorrelationId("c").ReplyTo("r").Expiration("60000")
            .MessageId("m").Timestamp(1700000000).Type("t").UserId("u").AppId("a").ClusterId("k");
        builder.Headers.Add("n", 5).Add("side", "buy");
        return builder;
    }

    private static byte[] TableOf(int length)
    {
        byte[] table = new FieldTableWriter().AddBytes("n", new byte[length - 7]).Entries.ToArray();
        Assert.Equal(length, table.Length);
        return table;
    }
}
