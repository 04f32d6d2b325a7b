using LowLatency.Core.Engine;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Engine;
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
        using SimulatedDisk disk = new();
        using EngineHarness engine = new(disk);
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
                    backlog.Enqueue(new DeliverEvent { Subscription = subscription, Tag = tag }, engine.Reader);
                    model.Enqueue((subscription, tag));
                    break;
            }

            Assert.Equal(model.Count, backlog.Count);
        }
    }

    [Fact]
    public void ShouldKeepTheBytesOfADeliveryThatNobodySettles()
    {
        using SimulatedDisk disk = new();
        using EngineHarness engine = new(disk, new BrokerLimits { MaxBodyLength = 150_000 });
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "q", durable: false);
        engine.OpenPublication(session, "q", DurabilityLevel.Memory);
        engine.Subscribe(session, "q", new SubscribeCommand { CreditMessages = 1000, CreditBytes = ulong.MaxValue, Flags = (uint)SubscribeFlags.NoAck });
        engine.Run();
        engine.Publish(session, 1, 1, "kept");
        engine.Run();
        DeliverEvent delivery = engine.Single<DeliverEvent>(EventType.Deliver);
        using DeliverBacklog backlog = new();
        backlog.Enqueue(delivery, engine.Reader);
        for (ulong i = 2; i < 80; i++) // More than a segment of memory: its own is gone.
        {
            engine.Publish(session, 1, i, new string('x', 100_000));
            engine.Run();
        }
        Assert.False(engine.Reader.TryRead(delivery.Position, out _));
        Assert.True(CopiedMessage.Is(backlog.Oldest.Conflated.Deliver.Position));
        Assert.Equal("kept", System.Text.Encoding.UTF8.GetString(CopiedMessage.Read(backlog.Oldest.Conflated.Deliver.Position).Body));
        backlog.Enqueue(delivery, engine.Reader);
        Assert.Equal(1, backlog.Count);
        backlog.Dequeue();
        Assert.Equal(0, backlog.Count);
    }
}
