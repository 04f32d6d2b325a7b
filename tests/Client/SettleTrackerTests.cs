using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>Settlements as the broker would see them, against a plain list of deliveries.</summary>
public sealed class SettleTrackerTests
{
    public static TheoryData<int> Seeds => new(Enumerable.Range(1, 200));

    /// <summary>The broker's side of the rules: no tag is named twice, none before it was delivered, credit never passes what was asked for.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void ShouldTellEverySettlementOnceAndGiveBackCreditForIt(int seed)
    {
        const int PayloadLength = 10;
        var random = new Random(seed);
        int credit = random.Next(1, 40);
        bool isLimited = random.Next(2) == 0;
        ulong creditBytes = (ulong)credit * PayloadLength;
        var tracker = new SettleTracker();
        var wanted = new SortedDictionary<ulong, SettleKind?>(); // By the user.
        var told = new SortedDictionary<ulong, SettleKind?>(); // To the broker.
        long brokerCredit = credit;
        long brokerBytes = (long)creditBytes;
        ulong last = 0;
        for (int step = 0; step < 400; step++)
        {
            switch (random.Next(6))
            {
                case 0 or 1:
                    for (int i = random.Next(5); i > 0 && brokerCredit > 0 && brokerBytes >= PayloadLength; i--)
                    {
                        Assert.True(tracker.TryAdd(PayloadLength));
                        wanted[++last] = null;
                        told[last] = null;
                        brokerCredit--;
                        brokerBytes -= isLimited ? PayloadLength : 0;
                    }

                    break;
                case 2 when last > 0:
                    ulong upTo = (ulong)random.NextInt64((long)last) + 1;
                    tracker.AckUpTo(upTo);
                    Note(1, upTo, SettleKind.Ack);
                    break;
                case 3 or 4 when last > 0:
                    ulong from = (ulong)random.NextInt64((long)last) + 1;
                    ulong to = Math.Min(last, from + (ulong)random.Next(4));
                    var kind = (SettleKind)random.Next(1, 4);
                    tracker.Settle(kind, from, to);
                    Note(from, to, kind);
                    break;
                default:
                    Flush(random.Next(3));
                    break;
            }
        }

        tracker.AckUpTo(Math.Max(last, 1) <= last ? last : 0);
        Note(1, last, SettleKind.Ack);
        Flush(int.MaxValue);

        Assert.Equal(wanted, told);
        Assert.Equal((last, 0), (tracker.Floor, tracker.UnsettledCount));
        Assert.True(brokerCredit * 2 > credit, $"seed {seed}: the broker has {brokerCredit} of {credit}");
        Assert.True(!isLimited || brokerBytes == (long)creditBytes, $"seed {seed}: the broker has {brokerBytes} of {creditBytes} bytes");

        void Note(ulong first, ulong end, SettleKind kind)
        {
            for (ulong tag = first; tag <= end; tag++)
                wanted[tag] ??= kind;
        }

        void Flush(int limit)
        {
            for (; limit > 0 && tracker.TryPeek(credit, isLimited, creditBytes, out Settlement settlement, out uint messages, out ulong bytes); limit--)
            {
                tracker.Sent(messages);
                for (ulong tag = Math.Max(settlement.First, 1); tag <= settlement.Last; tag++)
                {
                    Assert.True(settlement.First == 0 || told[tag] == null, $"seed {seed}: tag {tag} is told twice");
                    told[tag] ??= settlement.Kind;
                }

                brokerCredit += messages;
                brokerBytes += (long)bytes;
                int unsettled = told.Values.Count(one => one == null);
                Assert.True(brokerCredit + unsettled <= credit, $"seed {seed}: {brokerCredit} credit beside {unsettled} unsettled, of {credit}");
                Assert.True(brokerBytes + unsettled * PayloadLength <= (long)creditBytes || !isLimited);
            }
        }
    }

    [Fact]
    public void ShouldMergeWhatFollowsOn()
    {
        var tracker = new SettleTracker();
        for (int i = 0; i < 20; i++)
            tracker.TryAdd(1);
        for (ulong tag = 1; tag <= 5; tag++)
            tracker.Settle(SettleKind.Ack, tag, tag);
        tracker.AckUpTo(8);
        tracker.Settle(SettleKind.Ack, 9, 9);
        tracker.Settle(SettleKind.Requeue, 10, 11);
        tracker.Settle(SettleKind.Requeue, 12, 12);
        tracker.Settle(SettleKind.Ack, 14, 14);
        tracker.Settle(SettleKind.Ack, 13, 13);

        var all = new List<Settlement>();
        while (tracker.TryPeek(1000, false, 0, out Settlement one, out _, out _))
        {
            all.Add(one);
            tracker.Sent(0);
        }

        Assert.Equal(
            [new(SettleKind.Ack, 0, 9), new(SettleKind.Requeue, 10, 12), new(SettleKind.Ack, 14, 14), new(SettleKind.Ack, 13, 13)], all);
        Assert.Equal(14UL, tracker.Floor);
    }

    [Fact]
    public void ShouldRefuseABrokerThatDeliversWithoutEnd()
    {
        var tracker = new SettleTracker();
        int added = 0;
        while (tracker.TryAdd(1) && added < 10_000_000)
        {
            added++;
            if (added > 1)
                tracker.Settle(SettleKind.Ack, (ulong)added, (ulong)added); // The first stays.
        }

        Assert.Equal(1 << 21, added);
    }
}
