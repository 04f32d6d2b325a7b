using LowLatency.Server.Torture;
using Xunit;

namespace LowLatency.Tests.Crash;

/// <summary>The ledger notices every way in which a promise can be broken.</summary>
public sealed class StreamLedgerTests
{
    private readonly StreamLedger _ledger = new(5);
    private readonly byte[] _body = new byte[StreamLedger.MaxLength];

    public StreamLedgerTests() => _ledger.OnPublished(100);

    [Fact]
    public void ShouldBeContentWithEverythingOnceInOrder()
    {
        for (long number = 1; number <= 100; number++)
            Deliver(number);
        Deliver(7, isRedelivered: true);
        _ledger.OnConfirmed(100);
        _ledger.Close();
        Assert.True(_ledger.HasHeld);
        Assert.Empty(_ledger.Findings);
        Assert.Equal((100, 1), (_ledger.Delivered, _ledger.Repeats));
    }

    [Fact]
    public void ShouldNoticeALostMessageThatWasConfirmed()
    {
        Deliver(1);
        _ledger.OnConfirmed(2);
        _ledger.Close();
        Assert.Equal(1, _ledger.Lost);
        Assert.False(_ledger.HasHeld);
    }

    [Fact]
    public void ShouldLetAnUnconfirmedMessageGo()
    {
        Deliver(1);
        _ledger.OnConfirmed(1);
        _ledger.Close();
        Assert.True(_ledger.HasHeld);
    }

    [Fact]
    public void ShouldNoticeAMessageBeforeItsTime()
    {
        Deliver(2);
        Deliver(1);
        Assert.Equal(2, _ledger.Reordered);
        Assert.False(_ledger.HasHeld);
    }

    [Fact]
    public void ShouldNoticeARepeatWithoutTheMark()
    {
        Deliver(1);
        Deliver(1);
        Assert.Equal(1, _ledger.UnmarkedRepeats);
        Assert.False(_ledger.HasHeld);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(16)]
    public void ShouldNoticeAChangedByte(int at)
    {
        int length = _ledger.Write(3, _body);
        _body[Math.Min(at, length - 1)] ^= 1;
        _ledger.OnDelivered(_body.AsSpan(0, length), isRedelivered: false);
        Assert.Equal(1, _ledger.Phantoms);
    }

    [Fact]
    public void ShouldNoticeWhatWasNeverPublished()
    {
        for (long number = 1; number <= 101; number++)
            Deliver(number);
        _ledger.OnDelivered([1, 2, 3], isRedelivered: false);
        _ledger.OnDelivered(_body.AsSpan(0, new StreamLedger(6).Write(1, _body)), isRedelivered: false);
        _ledger.Close();
        Assert.Equal(3, _ledger.Phantoms);
    }

    private void Deliver(long number, bool isRedelivered = false) => _ledger.OnDelivered(_body.AsSpan(0, _ledger.Write(number, _body)), isRedelivered);
}
