using LowLatency.Core.Engine;
using LowLatency.Core.Messages;
using Xunit;

namespace LowLatency.Tests.Messages;

public class MessageTraitsTests
{
    private const long NowMs = 1_700_000_000_123;
    private const long NowNs = NowMs * 1_000_000 + 456;

    [Fact]
    public void ShouldHaveNoTraitsWithoutHeaders()
    {
        MessageTraits traits = Read([]);
        Assert.Equal(((byte)0, -1L, 0L), (traits.Priority, traits.TtlMs, traits.DeliverAtNs));
    }

    [Fact]
    public void ShouldReadPriorityAndExpiration()
    {
        MessageTraits traits = Read(new ContentHeaderBuilder().Priority(7).Expiration("0042").Build());
        Assert.Equal(((byte)7, 42L, 0L), (traits.Priority, traits.TtlMs, traits.DeliverAtNs));
        Assert.Equal(0, Read(new ContentHeaderBuilder().Expiration("0").Build()).TtlMs);
    }

    [Theory]
    [InlineData("9223372036854775807")]
    [InlineData("99999999999999999999999999999999999999999999")]
    public void ShouldCountAnEnormousExpirationAsAHundredYears(string expiration)
    {
        Assert.Equal(MessageTraits.MaxTtlMs, Read(new ContentHeaderBuilder().Expiration(expiration).Build()).TtlMs);
        _ = checked(NowNs + MessageTraits.MaxTtlMs * 1_000_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1.5")]
    [InlineData("1s")]
    [InlineData("٣")]
    public void ShouldRefuseAnExpirationThatIsNotDigits(string expiration)
    {
        Refuse(MessageProblem.Expiration, ErrorCode.PreconditionFailed, new ContentHeaderBuilder().Expiration(expiration).Build());
    }

    [Theory]
    [InlineData(1000, NowNs + 1_000_000_000)]
    [InlineData(0, 0)]
    [InlineData(-5, 0)]
    [InlineData(MessageTraits.MaxDelayMs, NowNs + MessageTraits.MaxDelayMs * 1_000_000)]
    public void ShouldScheduleAfterADelay(long delayMs, long expectedNs)
    {
        Assert.Equal(expectedNs, Read(HeaderGen.Headers(table => table.Add("x-delay", delayMs))).DeliverAtNs);
    }

    [Theory]
    [InlineData(NowMs + 1, (NowMs + 1) * 1_000_000)]
    [InlineData(NowMs, 0)]
    [InlineData(0, 0)]
    [InlineData(long.MinValue, 0)]
    public void ShouldScheduleAtATime(long deliverAtMs, long expectedNs)
    {
        Assert.Equal(expectedNs, Read(HeaderGen.Headers(table => table.Add("x-deliver-at", deliverAtMs))).DeliverAtNs);
    }

    [Theory]
    [InlineData(NowMs / 1000 + 1, (NowMs / 1000 + 1) * 1_000_000_000)]
    [InlineData(NowMs / 1000, 0)]
    public void ShouldScheduleAtATimestampInSeconds(long seconds, long expectedNs)
    {
        Assert.Equal(expectedNs, Read(HeaderGen.Headers(table => table.AddTimestamp("x-deliver-at", seconds))).DeliverAtNs);
    }

    [Fact]
    public void ShouldScheduleByTheTimeRatherThanTheDelay()
    {
        byte[] headers = HeaderGen.Headers(table => table.Add("x-delay", 1).Add("x-deliver-at", NowMs + 5).Add("x-delay", 2));
        Assert.Equal((NowMs + 5) * 1_000_000, Read(headers).DeliverAtNs);
    }

    [Fact]
    public void ShouldRefuseMoreThanTenYearsAhead()
    {
        TooFar(table => table.Add("x-delay", MessageTraits.MaxDelayMs + 1));
        TooFar(table => table.Add("x-delay", long.MaxValue));
        TooFar(table => table.Add("x-deliver-at", NowMs + MessageTraits.MaxDelayMs + 1));
        TooFar(table => table.Add("x-deliver-at", long.MaxValue));
        TooFar(table => table.AddTimestamp("x-deliver-at", NowMs / 1000 + MessageTraits.MaxDelayMs / 1000 + 1));
        TooFar(table => table.AddTimestamp("x-deliver-at", long.MaxValue));
        TooFar(table => table.AddTimestamp("x-deliver-at", -1));
    }

    [Fact]
    public void ShouldRefuseASchedulingOfAnotherType()
    {
        Refuse(MessageProblem.Delay, ErrorCode.PreconditionFailed, HeaderGen.Headers(table => table.Add("x-delay", "5")));
        Refuse(MessageProblem.Delay, ErrorCode.PreconditionFailed, HeaderGen.Headers(table => table.AddTimestamp("x-delay", 5)));
        Refuse(MessageProblem.Delay, ErrorCode.PreconditionFailed, HeaderGen.Headers(table => table.Add("x-deliver-at", NowMs).AddVoid("x-delay")));
        Refuse(MessageProblem.DeliverAt, ErrorCode.PreconditionFailed, HeaderGen.Headers(table => table.Add("x-deliver-at", 5.0)));
    }

    [Fact]
    public void ShouldRefuseMalformedHeaders()
    {
        Refuse(MessageProblem.Malformed, ErrorCode.MalformedHeaders, [0, 0, 0]);
        Refuse(MessageProblem.Malformed, ErrorCode.MalformedHeaders, HeaderGen.Headers(table => table.AddRaw("x-delay", (FieldType)1, [])));
    }

    [Fact]
    public void ShouldSayWhatIsWrongInASentence()
    {
        foreach (MessageProblem problem in Enum.GetValues<MessageProblem>())
            Assert.Equal(problem == MessageProblem.None, problem.Sentence().Length == 0);
    }

    private static void TooFar(Action<FieldTableWriter> headers) =>
        Refuse(MessageProblem.TooFarAhead, ErrorCode.PreconditionFailed, HeaderGen.Headers(headers));

    private static MessageTraits Read(ReadOnlySpan<byte> headers)
    {
        Assert.True(MessageTraits.TryRead(headers, NowNs, out MessageTraits traits, out MessageProblem problem), problem.ToString());
        Assert.Equal(MessageProblem.None, problem);
        return traits;
    }

    private static void Refuse(MessageProblem expected, ErrorCode code, ReadOnlySpan<byte> headers)
    {
        Assert.False(MessageTraits.TryRead(headers, NowNs, out MessageTraits traits, out MessageProblem problem));
        Assert.Equal(expected, problem);
        Assert.Equal(code, problem.Code());
        Assert.Equal(((byte)0, -1L, 0L), (traits.Priority, traits.TtlMs, traits.DeliverAtNs));
    }
}
