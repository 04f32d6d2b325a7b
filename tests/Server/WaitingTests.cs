using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class WaitingTests
{
    [Fact]
    public void ShouldKeepTheLatestConfirmOfEachPublicationAndLevel()
    {
        WaitingConfirms confirms = new();
        foreach ((uint publication, ulong sequence, byte level) in new (uint, ulong, byte)[] { (1, 1, 2), (2, 9, 2), (1, 5, 2), (1, 6, 0), (1, 8, 0), (2, 10, 2), (1, 9, 2) })
            Assert.True(confirms.TryAdd(new ConfirmEvent { Publication = publication, Sequence = sequence, Level = level }));

        List<(uint, ulong, byte)> kept = [];
        for (int i = 0; i < confirms.Count; i++)
            kept.Add((confirms[i].Publication, confirms[i].Sequence, confirms[i].Level));
        Assert.Equal([(1u, 5ul, (byte)2), (2u, 10ul, (byte)2), (1u, 8ul, (byte)0), (1u, 9ul, (byte)2)], kept);

        confirms.RemoveFirst(2);
        Assert.Equal(2, confirms.Count);
        Assert.Equal(8ul, confirms[0].Sequence);
    }

    [Fact]
    public void ShouldBoundConfirmsThatCannotBeOne()
    {
        WaitingConfirms confirms = new();
        for (int i = 0; i < WaitingConfirms.MaxCount; i++)
            Assert.True(confirms.TryAdd(new ConfirmEvent { Publication = 1, Sequence = (ulong)i, Level = (byte)(i & 1) }));
        Assert.False(confirms.TryAdd(new ConfirmEvent { Publication = 1, Sequence = ulong.MaxValue, Level = 0 }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ShouldBehaveAsAQueueOfDeliveries(int seed)
    {
        Random random = new(seed);
        using DeliverBacklog backlog = new();
        Queue<(uint Subscription, ulong Tag)> model = new();
        for (ulong tag = 1; tag <= 20_000; tag++)
        {
            uint subscription = (uint)random.Next(4);
            switch (random.Next(500))
            {
                case 0:
                    backlog.Remove(subscription);
                    model = new Queue<(uint, ulong)>(model.Where(delivery => delivery.Subscription != subscription));
                    break;
                case < 240 when model.Count > 0:
                    Assert.Equal(model.Dequeue(), (backlog.Oldest.Conflated.Deliver.Subscription, backlog.Oldest.Conflated.Deliver.Tag));
                    backlog.Dequeue();
                    break;
                default:
                    backlog.Enqueue(new DeliverEvent { Subscription = subscription, Tag = tag });
                    model.Enqueue((subscription, tag));
                    break;
            }

            Assert.Equal(model.Count, backlog.Count);
        }
    }
}
