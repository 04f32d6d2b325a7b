using LowLatency.Server.Demo;
using Xunit;

namespace LowLatency.Tests.Cli;

public class DeliveryLedgerTests
{
    private const ulong Seed = 42;
    private const int Count = 50;
    private static readonly OrderEvents Events = new(Seed);

    [Fact]
    public void ShouldProveACompleteStream()
    {
        DeliveryLedger ledger = Published();
        for (long number = 0; number < Count; number++)
            Assert.True(ledger.OnDelivered(Event(number), false, out _));
        Assert.True(ledger.IsProven);
    }

    [Fact]
    public void ShouldAllowARepeatThatIsMarked()
    {
        DeliveryLedger ledger = Published();
        for (long number = 0; number < Count; number++)
        {
            ledger.OnDelivered(Event(number), false, out _);
            Assert.False(ledger.OnDelivered(Event(number / 2), true, out _));
        }
        Assert.True(ledger.IsProven);
        Assert.Equal(Count, ledger.Redelivered);
    }

    [Fact]
    public void ShouldNoticeALostEvent()
    {
        DeliveryLedger ledger = Published();
        for (long number = 0; number < Count; number++)
        {
            if (number != 7)
                ledger.OnDelivered(Event(number), false, out _);
        }
        Assert.Equal(1, ledger.Lost);
        Assert.False(ledger.IsProven);
    }

    [Fact]
    public void ShouldNoticeEventsThatChangedPlaces()
    {
        DeliveryLedger ledger = Published();
        for (long number = 0; number < Count; number++)
            ledger.OnDelivered(Event(number is 7 or 8 ? 15 - number : number), false, out _);
        Assert.Equal(0, ledger.Lost);
        Assert.True(ledger.Reordered > 0);
        Assert.False(ledger.IsProven);
    }

    [Fact]
    public void ShouldNoticeARepeatWithoutMark()
    {
        DeliveryLedger ledger = Published();
        for (long number = 0; number < Count; number++)
            ledger.OnDelivered(Event(number), false, out _);
        ledger.OnDelivered(Event(3), false, out _);
        Assert.Equal(1, ledger.UnmarkedRepeats);
        Assert.False(ledger.IsProven);
    }

    [Fact]
    public void ShouldNoticeAnyChangedByteAndAnythingNeverPublished()
    {
        byte[] body = Event(3);
        for (int at = 0; at < body.Length; at++)
        {
            DeliveryLedger ledger = Published();
            body[at] ^= 1;
            ledger.OnDelivered(body, false, out _);
            body[at] ^= 1;
            Assert.Equal(1, ledger.Phantoms);
        }
        DeliveryLedger other = Published();
        other.OnDelivered(Event(Count), false, out _);
        other.OnDelivered(body.AsSpan(0, body.Length - 1), false, out _);
        other.OnDelivered([], false, out _);
        Assert.Equal(3, other.Phantoms);
    }

    [Fact]
    public void ShouldNotBeCompleteBeforeEverythingIsConfirmed()
    {
        var ledger = new DeliveryLedger(Events, Count);
        ledger.OnPublished(Event(0));
        ledger.OnDelivered(Event(0), false, out _);
        Assert.False(ledger.IsComplete);
        ledger.OnConfirmed(1);
        Assert.True(ledger.IsComplete);
    }

    [Fact]
    public void ShouldGenerateEventsOfAllSizesAndTheSameAgain()
    {
        var lengths = new HashSet<int>();
        byte[] one = new byte[OrderEvents.MaxLength];
        byte[] other = new byte[OrderEvents.MaxLength];
        for (long number = 0; number < 20_000; number++)
        {
            int length = Events.Write(number, one);
            lengths.Add(length);
            Assert.Equal(length, new OrderEvents(Seed).Write(number, other));
            Assert.True(one.AsSpan(0, length).SequenceEqual(other.AsSpan(0, length)));
            Assert.Equal(number, OrderEvents.NumberOf(one));
        }
        Assert.Equal(OrderEvents.MinLength, lengths.Min());
        Assert.Equal(OrderEvents.MaxLength, lengths.Max());
    }

    private static DeliveryLedger Published()
    {
        var ledger = new DeliveryLedger(Events, Count);
        for (long number = 0; number < Count; number++)
            ledger.OnPublished(Event(number));
        ledger.OnConfirmed(Count);
        return ledger;
    }

    private static byte[] Event(long number)
    {
        byte[] body = new byte[OrderEvents.MaxLength];
        return body[..Events.Write(number, body)];
    }
}
