using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Messages;

public class HeaderKeyTests
{
    [Fact]
    public void ShouldTellValuesOfOtherTypesApart()
    {
        byte[] number = Key(table => table.Add("key", 5))!;
        byte[] text = Key(table => table.Add("other", 1).Add("key", "5"))!;

        Assert.Equal("4900000005", Convert.ToHexString(number));
        Assert.Equal("530000000135", Convert.ToHexString(text));
    }

    [Fact]
    public void ShouldFindTheKeyBehindOtherProperties()
    {
        ContentHeaderBuilder builder = HeaderGen.Builder(table => table.Add("key", true)).ContentType("text/plain").ContentEncoding("gzip").Priority(1);
        Assert.True(HeaderKey.TryGet(builder.Build(), "key"u8, out ReadOnlySpan<byte> key));
        Assert.Equal("7401", Convert.ToHexString(key));
    }

    [Fact]
    public void ShouldFindNoKeyWhereThereIsNone()
    {
        Assert.Null(Key(table => table.Add("Key", 5)));
        Assert.False(HeaderKey.TryGet([], "key"u8, out _));
        Assert.False(HeaderKey.TryGet(new ContentHeaderBuilder().Priority(1).ContentType("key").Build(), "key"u8, out _));
    }

    private static byte[]? Key(Action<FieldTableWriter> headers) =>
        HeaderKey.TryGet(HeaderGen.Headers(headers), "key"u8, out ReadOnlySpan<byte> key) ? key.ToArray() : null;
}
