using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Engine;

public sealed class PublishAndDeliverTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lowlatency-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(DurabilityLevel.Memory)]
    [InlineData(DurabilityLevel.Process)]
    [InlineData(DurabilityLevel.Disk)]
    public void ShouldDeliverInOrderAndConfirmAtTheLevelAsked(DurabilityLevel level)
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "orders");
        engine.Run();
        engine.OpenPublication(session, "orders", level, "p");
        engine.Subscribe(session, "orders", credit: 2);
        engine.Run();
        uint publication = engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).Publication;
        uint subscription = engine.Single<SubscribedEvent>(EventType.Subscribed).Subscription;
        for (ulong i = 1; i <= 5; i++)
            engine.Publish(session, publication, i, $"m{i}");
        engine.Run();

        Assert.Equal(["m1", "m2"], engine.Bodies());
        ConfirmEvent confirm = engine.All<ConfirmEvent>(EventType.Confirm)[^1];
        Assert.Equal(5ul, confirm.Sequence);
        Assert.Equal((byte)level, confirm.Level);

        engine.Settle(session, subscription, 0, 2, SettleKind.Ack, credit: 10);
        engine.Run();
        Assert.Equal(["m1", "m2", "m3", "m4", "m5"], engine.Bodies());
        Assert.Equal([1, 2, 3, 4, 5], engine.All<DeliverEvent>(EventType.Deliver).Select(d => (int)d.QueueSequence));
    }

    [Fact]
    public void ShouldReturnUnsettledMessagesToTheirPlacesWhenASessionCloses()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        int other = engine.OpenSession();
        engine.DeclareQueue(session, "orders");
        engine.OpenPublication(session, "orders", DurabilityLevel.Process);
        engine.Subscribe(other, "orders", credit: 3);
        engine.Run();
        for (ulong i = 1; i <= 5; i++)
            engine.Publish(session, 1, i, $"m{i}");
        engine.Run();
        engine.Settle(other, 1, 2, 2);
        engine.CloseSession(other);
        engine.Run();
        engine.Single<SessionClosedEvent>(EventType.SessionClosed);
        engine.Events.Clear();

        engine.Subscribe(session, "orders", credit: 10);
        engine.Run();
        Assert.Equal(["m1", "m3", "m4", "m5"], engine.Bodies());
        Assert.Equal([1, 1, 0, 0], engine.All<DeliverEvent>(EventType.Deliver).Select(d => (int)d.DeliveryCount));
    }

    [Fact]
    public void ShouldRecogniseResendsAfterARestart()
    {
        ulong hash;
        using (var engine = new EngineHarness(_directory))
        {
            int session = engine.OpenSession();
            engine.DeclareQueue(session, "orders", maxLength: 4);
            engine.OpenPublication(session, "orders", DurabilityLevel.Disk, "p");
            engine.Run();
            for (ulong i = 1; i <= 3; i++)
                engine.Publish(session, 1, i, $"m{i}");
            engine.Run();
            hash = engine.Core.Engine.StateHash();
        }
        using (var engine = new EngineHarness(_directory))
        {
            Assert.Equal(hash, engine.Core.Engine.StateHash());
            int session = engine.OpenSession();
            engine.OpenPublication(session, "orders", DurabilityLevel.Disk, "p");
            engine.Subscribe(session, "orders", credit: 10);
            engine.Run();
            Assert.Equal(3ul, engine.Single<PublicationOpenedEvent>(EventType.PublicationOpened).LastSequence);
            for (ulong i = 2; i <= 4; i++)
                engine.Publish(session, 1, i, $"m{i}");
            engine.Run();
            Assert.Equal(["m1", "m2", "m3", "m4"], engine.Bodies());
            Assert.Equal(4ul, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
            Assert.Equal(2, engine.Core.Engine.DuplicateCount);
        }
    }

    [Fact]
    public void ShouldNeverConfirmAResendOfAMessageThatWasRejected()
    {
        using var engine = new EngineHarness(_directory);
        int session = engine.OpenSession();
        engine.DeclareQueue(session, "orders", maxLength: 1);
        engine.OpenPublication(session, "orders", DurabilityLevel.Process, "p");
        engine.Subscribe(session, "orders", credit: 0);
        engine.Run();
        engine.Publish(session, 1, 1, "m1");
        engine.Publish(session, 1, 2, "rejected");
        engine.Run();
        RejectedEvent rejected = engine.Single<RejectedEvent>(EventType.Rejected);
        Assert.Equal((2ul, (ushort)ErrorCode.QueueFull), (rejected.Sequence, rejected.Code));
        engine.Send(CommandType.Credit, new CreditCommand { Session = session, Subscription = 1, Messages = 1, Bytes = ulong.MaxValue });
        engine.Run();
        engine.Settle(session, 1, 1, 1);
        engine.Run();
        engine.Single<PublicationReadyEvent>(EventType.PublicationReady);
        engine.Publish(session, 1, 3, "m3");
        engine.Run();
        Assert.Equal(3ul, engine.All<ConfirmEvent>(EventType.Confirm)[^1].Sequence);
        engine.Events.Clear();

        int again = engine.OpenSession();
        engine.OpenPublication(again, "orders", DurabilityLevel.Process, "p");
        engine.Run();
        engine.Publish(again, 1, 2, "rejected");
        engine.Publish(again, 1, 3, "m3");
        engine.Run();
        Assert.Equal(2ul, engine.Single<RejectedEvent>(EventType.Rejected).Sequence);
        Assert.Equal(3ul, engine.Single<ConfirmEvent>(EventType.Confirm).Sequence);
        Assert.Equal((ushort)ErrorCode.TakenOver, engine.Single<SubscriptionEndedEvent>(EventType.SubscriptionEnded).Code);
    }
}
