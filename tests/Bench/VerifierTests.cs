using LowLatency.Bench.Workloads;
using Xunit;

namespace LowLatency.Tests.Bench;

public class VerifierTests
{
    private const int Length = 40;

    [Fact]
    public void ShouldAcceptMessagesInOrder()
    {
        var verifier = new Verifier(Length);
        for (long sequence = 1; sequence <= 1_000; sequence++)
        {
            verifier.Accept(Body(sequence), out long intendedNs);
            Assert.Equal(sequence * 10, intendedNs);
        }
        Assert.Equal(1_000, verifier.Received);
        Assert.Null(verifier.FirstFault);
    }

    [Theory]
    [InlineData(1, 1, 2)] // Repeated.
    [InlineData(1, 3, 2)] // Lost.
    [InlineData(2, 1, 1)] // Out of order.
    public void ShouldNoticeWrongOrder(long first, long second, long firstWrongPlace)
    {
        var verifier = new Verifier(Length);
        verifier.Accept(Body(first), out _);
        verifier.Accept(Body(second), out _);
        Assert.Contains($"expected message {firstWrongPlace} ", verifier.FirstFault, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldNoticeAlteredBody()
    {
        var verifier = new Verifier(Length);
        byte[] body = Body(1);
        body[^1] ^= 1;
        verifier.Accept(body, out _);
        Assert.NotNull(verifier.FirstFault);
    }

    [Fact]
    public void ShouldNoticeWrongLength()
    {
        var verifier = new Verifier(Length);
        verifier.Accept(Body(1).AsSpan(1), out _);
        Assert.NotNull(verifier.FirstFault);
    }

    private static byte[] Body(long sequence)
    {
        var body = new byte[Length];
        MessageBody.Write(body, sequence, sequence * 10);
        return body;
    }
}
