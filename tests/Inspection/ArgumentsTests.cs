using LowLatency.Core.Journal;
using LowLatency.Server.Inspection;
using Xunit;

namespace LowLatency.Tests.Inspection;

public sealed class ArgumentsTests
{
    private const long Now = 1_753_797_900_000_000_000;

    [Theory]
    [InlineData("2025-07-29T14:05:00Z", Now)]
    [InlineData("2025-07-29T16:05:00.5+02:00", Now + 500_000_000)]
    [InlineData("-5m", Now - 300_000_000_000)]
    [InlineData("-90s", Now - 90_000_000_000)]
    [InlineData("-1d", Now - 86_400_000_000_000)]
    public void ShouldReadTimes(string text, long expected)
    {
        Assert.Null(JournalTime.TryParse(text, Now, out long ns));
        Assert.Equal(expected, ns);
    }

    [Theory]
    [InlineData("2025-07-29T14:05:00.5Z", 500_000_000)]
    [InlineData("2025-07-29T16:05:00.1234567891+02:00", 123_456_789)]
    [InlineData("2025-07-29T14:05:00.000000001Z", 1)]
    public void ShouldReadTimesToTheNanosecond(string text, long afterNow)
    {
        Assert.Null(JournalTime.TryParse(text, 0, out long ns));
        Assert.Equal(Now + afterNow, ns);
    }

    [Fact]
    public void ShouldReadTheTimesThatItWrites()
    {
        var random = new Random(5);
        for (int i = 0; i < 10_000; i++)
        {
            long time = Now + random.NextInt64(1_000_000_000_000_000);
            Assert.Null(JournalTime.TryParse(JournalTime.Format(time), 0, out long ns));
            Assert.Equal(time, ns);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-m")]
    [InlineData("-5")]
    [InlineData("-5x")]
    [InlineData("-99999999999999d")]
    [InlineData("yesterday")]
    [InlineData("9999-01-01T00:00:00Z")]
    public void ShouldSayHowATimeIsWritten(string text) => Assert.Contains("-5m", JournalTime.TryParse(text, Now, out _)!, StringComparison.Ordinal);

    [Theory]
    [InlineData(0, "1970-01-01T00:00:00.000000000Z")]
    [InlineData(Now + 123_456_789, "2025-07-29T14:05:00.123456789Z")]
    [InlineData(-1, "1969-12-31T23:59:59.999999999Z")]
    public void ShouldWriteTimesToTheNanosecond(long ns, string expected) => Assert.Equal(expected, JournalTime.Format(ns));

    [Theory]
    [InlineData("4096", "4096")]
    [InlineData("4,100", "4096")]
    [InlineData("4128", "4128")]
    [InlineData("4161", "4128 4160")]
    [InlineData("4096..4128", "4096 4128")]
    [InlineData("4097..", "4128 4160")]
    [InlineData("..4127", "4096")]
    public void ShouldSelectByPosition(string text, string expected)
    {
        // The record at 4128 is a group, the one at 4160 is in it.
        Assert.True(PositionRange.TryParse(text, out PositionRange range));
        var found = new List<long>();
        foreach ((long position, int length) in new[] { (4096L, 32), (4128, 96), (4160, 64) })
        {
            if (range.Contains(new JournalRecord(RecordType.Pad, 0, position, 1, []) { AlignedLength = length }))
                found.Add(position);
        }
        Assert.Equal(expected, string.Join(' ', found));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("5..4")]
    [InlineData("-1")]
    public void ShouldRefuseWhatIsNoPosition(string text) => Assert.False(PositionRange.TryParse(text, out _));

    [Fact]
    public void ShouldKnowAQueueByItsNameWithAndWithoutTheDefaultHost()
    {
        Assert.True(JournalNames.IsNamed("orders", "orders"));
        Assert.True(JournalNames.IsNamed("orders", "//orders"));
        Assert.True(JournalNames.IsNamed("desk/orders", "desk/orders"));
        Assert.False(JournalNames.IsNamed("desk/orders", "orders"));
    }
}
