using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>What queues do with messages.</content>
public abstract partial class ClientContract
{
    [Fact]
    public void ShouldCountWhatIsPurgedAndDeleted()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, 7);
        Eventually.True(() => publication.IsIdle, "confirms");

        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeleteQueue("q", ifEmpty: true)));
        Assert.Equal(7, connection.PurgeQueue("q"));
        Assert.Equal(0, connection.PurgeQueue("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 7, 3);
        Eventually.True(() => publication.IsIdle, "confirms");
        using (connection.Subscribe("q", (Subscription _, in Delivery _) => { }, new SubscriptionOptions { Credit = 0 }))
            Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeleteQueue("q", ifUnused: true)));
        Eventually.True(() => connection.DeclareQueue("q").Consumers == 0, "unsubscribed");
        Assert.Equal(3, connection.DeleteQueue("q", ifUnused: true));
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.PurgeQueue("q")));
    }

    [Fact]
    public async Task ShouldRejectMalformedHeaders()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishRejectedException error = await Assert.ThrowsAsync<PublishRejectedException>(
            () => Eventually.Done(publication.PublishAsync(new byte[] { 1 }, (ReadOnlyMemory<byte>)new byte[] { 1, 2, 3 }, default(ReadOnlyMemory<byte>)).AsTask()));
        Assert.Equal(ErrorCode.MalformedHeaders, error.Code);
    }

    [Fact]
    public void ShouldDeliverByPriorityAndAfterItsDelay()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q", new QueueOptions { MaxPriority = 10 });
        Publication publication = connection.OpenPublication(To("q"));
        publication.TryPublish("late"u8, new MessageProperties { Delay = TimeSpan.FromMilliseconds(150), Priority = 9 });
        publication.TryPublish("at"u8, new MessageProperties { DeliverAt = DateTimeOffset.UtcNow.AddMilliseconds(100) });
        publication.TryPublish("low"u8, new MessageProperties { Priority = 1 });
        publication.TryPublish("high"u8, new MessageProperties { Priority = 8 });
        Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "confirms");
        Assert.Equal(2, connection.DeclareQueue("q", new QueueOptions { Passive = true }).Ready);
        var bodies = new List<string>();
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            bodies.Add(Text(delivery.Body));
            subscription.Ack(delivery.Tag);
        });
        Until(connection, ConnectionMode.Polled, () => bodies.Count == 4, "all");
        Assert.Equal(["high", "low", "at", "late"], bodies);
    }

    [Fact]
    public void ShouldTellHowAMessageDied()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("dead");
        connection.DeclareQueue("q", new QueueOptions { DeadLetterExchange = "", DeadLetterRoutingKey = "dead" });
        connection.DeclareQueue("brief", new QueueOptions { DeadLetterExchange = "", DeadLetterRoutingKey = "dead", MessageTtl = TimeSpan.FromMilliseconds(20) });
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) => subscription.Reject(delivery.Tag));
        var deaths = new List<(string Body, string Reason, string Queue, long Count)>();
        connection.Subscribe("dead", (Subscription subscription, in Delivery delivery) =>
        {
            foreach (DeathInfo death in delivery.Properties.Deaths)
                deaths.Add((Text(delivery.Body), Text(death.Reason), Text(death.Queue), death.Count));
            subscription.Ack(delivery.Tag);
        });
        Assert.Equal(PublishStatus.Accepted, connection.OpenPublication(To("q")).TryPublish("1"u8));
        Assert.Equal(PublishStatus.Accepted, connection.OpenPublication(To("brief")).TryPublish("2"u8));
        Until(connection, ConnectionMode.Polled, () => deaths.Count == 2, "both");
        Assert.Equal([("1", "rejected", "q", 1L), ("2", "expired", "brief", 1L)], deaths.Order());
    }
}
