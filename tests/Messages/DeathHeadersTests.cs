using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Messages;

public class DeathHeadersTests
{
    private static readonly string[] Queues = ["q1", "q2", "q3"];

    private readonly DeathHeaders _writer = new();

    [Fact]
    public void ShouldWriteTheFirstDeath()
    {
        byte[] headers = new ContentHeaderBuilder().ContentType("text/plain").Priority(3).Expiration("5000").MessageId("m").Build().ToArray();

        byte[] written = Write(headers, new(DeathReason.Expired, "orders", "market", "acme", 1_700_000_000));

        Assert.True(ContentHeader.TryRead(written, out ContentHeader header));
        Assert.False(header.Has(ContentProperty.Expiration));
        Assert.Equal("text/plain", Encoding.UTF8.GetString(header.ContentType));
        Assert.Equal(3, header.Priority);
        Assert.Equal("m", Encoding.UTF8.GetString(header.MessageId));
        Assert.Equal("x-first-death-reason=S:expired x-first-death-queue=S:orders x-first-death-exchange=S:market x-death=A:[" +
            "{count=l:1 reason=S:expired queue=S:orders time=T:1700000000 exchange=S:market routing-keys=A:[S:acme] original-expiration=S:5000}]", Show(written));
    }

    [Fact]
    public void ShouldCountUpAndMoveToTheFrontWhatDiesAgainTheSameWay()
    {
        byte[] headers = HeaderGen.Headers(table => table.Add("side", "buy"));
        headers = Write(headers, new(DeathReason.Rejected, "q1", "x", "k", 1));
        headers = Write(headers, new(DeathReason.Expired, "q2", "dlx", "k2", 2));
        headers = Write(headers, new(DeathReason.Expired, "q1", "x", "k", 3));
        headers = Write(headers, new(DeathReason.Rejected, "q1", "y", "other", 4));

        Assert.Equal("side=S:buy x-first-death-reason=S:rejected x-first-death-queue=S:q1 x-first-death-exchange=S:x x-death=A:[" +
            "{count=l:2 reason=S:rejected queue=S:q1 time=T:1 exchange=S:x routing-keys=A:[S:k]} " +
            "{count=l:1 reason=S:expired queue=S:q1 time=T:3 exchange=S:x routing-keys=A:[S:k]} " +
            "{count=l:1 reason=S:expired queue=S:q2 time=T:2 exchange=S:dlx routing-keys=A:[S:k2]}]", Show(headers));
    }

    [Theory]
    [InlineData(DeathReason.Rejected, "rejected")]
    [InlineData(DeathReason.Expired, "expired")]
    [InlineData(DeathReason.MaxLength, "maxlen")]
    [InlineData(DeathReason.DeliveryLimit, "delivery_limit")]
    internal void ShouldUseTheWordsOfRabbitMq(DeathReason reason, string word)
    {
        Assert.Contains($"x-first-death-reason=S:{word} ", Show(Write([], new(reason, "q", "", "k", 1))), StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldReplaceAnXDeathThatIsNoArray()
    {
        byte[] headers = HeaderGen.Headers(table => table.Add("x-death", "was turned into text").Add("x-first-death-queue", 5).Add("n", 1));

        Assert.Equal("n=I:1 x-first-death-reason=S:maxlen x-first-death-queue=S:q x-first-death-exchange=S: x-death=A:[" +
            "{count=l:1 reason=S:maxlen queue=S:q time=T:7 exchange=S: routing-keys=A:[S:k]}]", Show(Write(headers, new(DeathReason.MaxLength, "q", "", "k", 7))));
    }

    [Theory]
    [InlineData("53" + "00000001" + "39", 1)]
    [InlineData("54" + "0000000000000009", 1)]
    [InlineData("62" + "09", 10)]
    [InlineData("6C" + "7FFFFFFFFFFFFFFF", long.MaxValue)]
    public void ShouldReplaceACountOfAnotherType(string countHex, long expected)
    {
        byte[] count = Convert.FromHexString(countHex);
        byte[] death = new FieldTableWriter().Add("queue", "q").AddRaw("count", (FieldType)count[0], count.AsSpan(1)).Add("reason", "expired").Entries.ToArray();
        byte[] headers = HeaderGen.Headers(table => table.AddArray("x-death", [(byte)'F', .. HeaderGen.Counted(death)]));

        Assert.Equal($"x-death=A:[{{queue=S:q count=l:{expected} reason=S:expired}}]", Show(Write(headers, new(DeathReason.Expired, "q", "", "k", 7))));
    }

    [Fact]
    public void ShouldCutTheOldestDeathsWhereThereIsNoRoom()
    {
        byte[] headers = HeaderGen.Headers(table => table.AddBytes("fill", new byte[60_000]));
        for (int i = 0; i < 500; i++)
            headers = Write(headers, new(DeathReason.Expired, $"queue-{i:000}", "x", "k", i));

        Assert.InRange(headers.Length, 65_400, 65_535);
        Assert.Contains("x-death=A:[{count=l:1 reason=S:expired queue=S:queue-499 ", Show(headers), StringComparison.Ordinal);
        Assert.Contains(" {count=l:1 reason=S:expired queue=S:queue-480 ", Show(headers), StringComparison.Ordinal);
        Assert.DoesNotContain("{count=l:1 reason=S:expired queue=S:queue-000 ", Show(headers), StringComparison.Ordinal);
        Assert.Contains("x-first-death-queue=S:queue-000 ", Show(headers), StringComparison.Ordinal);
    }

    // Every size from "all fits" to "nothing fits".
    [Fact]
    public void ShouldNeverPassTheLimitOfHeaders()
    {
        for (int fill = ContentHeader.MaxLength - 600; fill <= ContentHeader.MaxLength - 6 - 10; fill++)
        {
            byte[] headers = HeaderGen.Headers(table => table.AddBytes("fill", new byte[fill]));
            for (int i = 0; i < 3; i++)
            {
                byte[] written = Write(headers, new(DeathReason.Expired, $"q{i}", "x", "k", i));
                Assert.True(ContentHeader.TryRead(written, out _));
                headers = written;
            }
        }
    }

    [Fact]
    public void ShouldDoAsTheModelDoes()
    {
        Gen<(byte[] Headers, DeathModel.Told[] Deaths)> cases =
            from headers in AnyHeaders
            from deaths in AnyDeath.ArrayOf(4)
            select (headers, deaths);
        Prop.ForAll(cases.ToArbitrary(), each =>
        {
            byte[] headers = each.Headers;
            foreach (DeathModel.Told death in each.Deaths)
            {
                foreach (string queue in Queues)
                    Assert.Equal(DeathModel.IsCycle(headers, queue), DeathHistory.IsCycle(headers, Encoding.UTF8.GetBytes(queue)));
                byte[] expected = DeathModel.Write(headers, death);
                headers = Write(headers, death);
                Assert.Equal(Show(expected), Show(headers));
                Assert.Equal(expected, headers);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void ShouldTakeAnyValidHeadersWithoutHarm()
    {
        var random = new Random(3);
        int valid = 0;
        foreach (byte[] headers in AnyHeaders.Sample(20_000))
        {
            for (int i = 0; i < 2 && headers.Length > 0; i++)
                headers[random.Next(headers.Length)] = (byte)random.Next(256);
            if (!ContentHeader.TryRead(headers, out _))
                continue;
            valid++;
            Assert.True(ContentHeader.TryRead(Write(headers, new(DeathReason.Expired, "q1", "x", "k", 1)), out _));
            DeathHistory.IsCycle(headers, "q1"u8);
        }
        Assert.True(valid > 1000);
    }

    [Fact]
    public void ShouldFindACycleWithoutAReject()
    {
        byte[] headers = Write([], new(DeathReason.Expired, "q1", "x", "k", 1));
        headers = Write(headers, new(DeathReason.MaxLength, "q2", "x", "k", 2));
        Assert.True(DeathHistory.IsCycle(headers, "q1"u8));
        Assert.True(DeathHistory.IsCycle(headers, "q2"u8));
        Assert.False(DeathHistory.IsCycle(headers, "q3"u8));
        Assert.False(DeathHistory.IsCycle([], "q1"u8));
    }

    [Fact]
    public void ShouldNotTakeAReturnByRejectForACycle()
    {
        byte[] headers = Write([], new(DeathReason.Rejected, "work", "x", "k", 1));
        Assert.False(DeathHistory.IsCycle(headers, "work"u8));
        headers = Write(headers, new(DeathReason.Expired, "retry", "x", "k", 2));
        Assert.False(DeathHistory.IsCycle(headers, "work"u8));
        Assert.True(DeathHistory.IsCycle(headers, "retry"u8));
    }

    [Fact]
    public void ShouldNotAllocate()
    {
        byte[] headers = HeaderGen.Builder(table => table.Add("side", "buy")).Expiration("5").Build().ToArray();
        Cycle(headers);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Cycle(headers);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private readonly DeathHeaders _second = new();

    private void Cycle(byte[] headers)
    {
        var death = new Death { Reason = DeathReason.Expired, Queue = "q1"u8, Exchange = "x"u8, RoutingKey = "k"u8, TimeSeconds = 1 };
        ReadOnlySpan<byte> written = _second.Write(_writer.Write(headers, death), death);
        if (!DeathHistory.IsCycle(written, "q1"u8))
            throw new InvalidOperationException("No cycle.");
    }

    private byte[] Write(byte[] headers, DeathModel.Told death)
    {
        return _writer.Write(headers, new Death
        {
            Reason = death.Reason,
            Queue = Encoding.UTF8.GetBytes(death.Queue),
            Exchange = Encoding.UTF8.GetBytes(death.Exchange),
            RoutingKey = Encoding.UTF8.GetBytes(death.RoutingKey),
            TimeSeconds = death.TimeSeconds,
        }).ToArray();
    }

    private static Gen<DeathModel.Told> AnyDeath =>
        from reason in Gen.Elements(Enum.GetValues<DeathReason>())
        from queue in Gen.Elements(Queues)
        from exchange in Gen.Elements("", "x")
        from time in Gen.Choose(0, 9)
        select new DeathModel.Told(reason, queue, exchange, "k", time);

    /// <summary>Headers with an <c>x-death</c> such as a client might have made of it.</summary>
    private static Gen<byte[]> AnyHeaders =>
        from content in HeaderGen.Content
        from hasDeath in Gen.Choose(0, 3)
        from death in AnyHistory
        from other in Gen.Elements("x-first-death-queue", "n", "x-death")
        select hasDeath == 0 ? content : WithHeaders(content, death, other);

    private static byte[] WithHeaders(byte[] content, HeaderGen.Entry death, string other)
    {
        ContentHeader.TryRead(content, out ContentHeader header);
        var builder = new ContentHeaderBuilder();
        foreach (HeaderGen.Entry entry in (List<HeaderGen.Entry>)[.. DeathModel.Table(content), death, new(other, FieldType.UInt8, [7])])
            builder.Headers.AddRaw(entry.Name, entry.Type, entry.Value);
        if (header.Has(ContentProperty.Expiration))
            builder.Expiration("77").AppId("app");
        return builder.Build().ToArray();
    }

    private static Gen<HeaderGen.Entry> AnyHistory =>
        from tables in Gen.Choose(0, 5).SelectMany(count => AnyItem.ArrayOf(count))
        from isArray in Gen.Choose(0, 9)
        select isArray == 0
            ? new HeaderGen.Entry("x-death", FieldType.LongString, HeaderGen.Counted([1, 2, 3]))
            : new HeaderGen.Entry("x-death", FieldType.Array, HeaderGen.Counted([.. tables.SelectMany(item => item)]));

    private static Gen<byte[]> AnyItem =>
        from isTable in Gen.Choose(0, 9)
        from entries in Gen.Choose(0, 5).SelectMany(count => AnyField.ArrayOf(count))
        from queue in Gen.Elements(Queues)
        from reason in Gen.Elements("rejected", "expired", "maxlen")
        from isWhole in Gen.Choose(0, 2)
        let whole = (HeaderGen.Entry[])[Text("queue", queue), Text("reason", reason), .. entries]
        select isTable == 0 ? (byte[])[(byte)'t', 1] : [(byte)'F', .. HeaderGen.Counted(HeaderGen.Table(isWhole == 0 ? entries : whole))];

    private static Gen<HeaderGen.Entry> AnyField =>
        from name in Gen.Elements("count", "reason", "queue", "time", "exchange", "other")
        from kind in Gen.Choose(0, 3)
        from text in Gen.Elements("q1", "q2", "expired", "rejected")
        select kind switch
        {
            0 => new HeaderGen.Entry(name, FieldType.Int8, [5]),
            1 => new HeaderGen.Entry(name, FieldType.Bytes, HeaderGen.Counted(Encoding.UTF8.GetBytes(text))),
            _ => Text(name, text),
        };

    private static HeaderGen.Entry Text(string name, string text) => new(name, FieldType.LongString, HeaderGen.Counted(Encoding.UTF8.GetBytes(text)));

    private static string Show(byte[] headers) => Show(DeathModel.Table(headers));

    private static string Show(List<HeaderGen.Entry> entries) =>
        string.Join(' ', entries.Select(entry => $"{entry.Name}={(char)entry.Type}:{Show(entry.Type, entry.Value)}"));

    private static string Show(FieldType type, byte[] value) => type switch
    {
        FieldType.LongString => Encoding.UTF8.GetString(value.AsSpan(sizeof(uint))),
        FieldType.Int64 or FieldType.Timestamp => $"{BinaryPrimitives.ReadInt64BigEndian(value)}",
        FieldType.Int32 => $"{BinaryPrimitives.ReadInt32BigEndian(value)}",
        FieldType.Table => $"{{{Show(DeathModel.Entries(value[sizeof(uint)..]))}}}",
        FieldType.Array => $"[{ShowItems(value.AsSpan(sizeof(uint)))}]",
        _ => Convert.ToHexString(value),
    };

    private static string ShowItems(ReadOnlySpan<byte> items)
    {
        List<string> shown = [];
        for (; FieldValue.TryRead(items, out FieldValue item, out int length); items = items[length..])
            shown.Add(item.Type == FieldType.Table ? Show(item.Type, items[1..length].ToArray()) : $"{(char)item.Type}:{Show(item.Type, items[1..length].ToArray())}");
        return string.Join(' ', shown);
    }
}
