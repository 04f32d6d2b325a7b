using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Deliveries, credit, settlements.</content>
public abstract partial class ClientContract
{
    [Fact]
    public async Task ShouldReadWithAwaitForeachFromManyMessages()
    {
        const int Count = 5000;
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, Count);
        Subscription subscription = connection.Subscribe("q", new SubscriptionOptions { Credit = 50 });

        List<Message> messages = await Read(subscription, Count);

        for (int i = 0; i < Count; i++)
            Assert.True(messages[i].Body.Span.SequenceEqual(Body(i)));
        await Eventually.Done(subscription.CloseAsync());
        Assert.Equal(new QueueInfo("q", 0, 0), connection.DeclareQueue("q"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)] // Raised to the longest message, which the small ones here do not fill.
    public void ShouldNotDeliverBeyondTheCredit(long creditBytes)
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Polled, publication, 0, 100);
        var tags = new List<ulong>();
        Subscription subscription = connection.Subscribe(
            "q", (Subscription _, in Delivery delivery) => tags.Add(delivery.Tag), new SubscriptionOptions { Credit = 10, CreditBytes = creditBytes });

        Until(connection, ConnectionMode.Polled, () => tags.Count == 10, "the credit");
        Assert.Equal(90, connection.DeclareQueue("q").Ready); // The request's answer comes behind any delivery.
        Assert.Equal(10, tags.Count);
        subscription.AckRange(2, 4);
        Assert.Equal(90, connection.DeclareQueue("q").Ready); // Less than half is not given back yet.
        subscription.AckUpTo(5);
        Until(connection, ConnectionMode.Polled, () => tags.Count == 15, "five more");
        Assert.Equal(85, connection.DeclareQueue("q").Ready);
        Assert.Equal(15, tags.Count);
    }

    [Fact]
    public void ShouldDeliverTheLargestMessageUnderASmallCreditInBytes()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        byte[] large = new byte[256 * 1024];
        for (int i = 0; i < 20; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish(i % 2 == 0 ? large : Body(i)));
        int received = 0;
        connection.Subscribe(
            "q",
            (Subscription subscription, in Delivery delivery) =>
            {
                received++;
                subscription.Ack(delivery.Tag);
            },
            new SubscriptionOptions { CreditBytes = 1000 });

        Until(connection, ConnectionMode.Polled, () => received == 20, "all");
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldRequeueToTheOriginalPlaceAndForgetWhatIsRejected(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, mode, publication, 0, 4);
        var seen = new List<(ulong Sequence, bool Redelivered, int Count)>();
        connection.Subscribe(
            "q",
            (Subscription subscription, in Delivery delivery) =>
            {
                lock (seen)
                    seen.Add((delivery.QueueSequence, delivery.IsRedelivered, delivery.DeliveryCount));
                switch (delivery.Tag)
                {
                    case 1:
                        subscription.Requeue(delivery.Tag);
                        break;
                    case 3:
                        subscription.Reject(delivery.Tag);
                        break;
                    default:
                        subscription.Ack(delivery.Tag);
                        break;
                }
            },
            new SubscriptionOptions { Credit = 1 });

        Until(connection, mode, () => seen.Count == 5, "four and one again");
        Assert.Equal([(1UL, false, 0), (1UL, true, 1), (2UL, false, 0), (3UL, false, 0), (4UL, false, 0)], seen);
        Until(connection, mode, () => connection.DeclareQueue("q").Ready == 0, "nothing left");
    }

    [Fact]
    public void ShouldSettleFromAnotherThread()
    {
        const int Count = 3000;
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery _) => { }, new SubscriptionOptions { Credit = 64 });
        PublishAll(connection, ConnectionMode.Background, publication, 0, Count);

        ulong next = 1;
        while (next <= Count)
        {
            ulong last = subscription.LastTag;
            if (last < next)
            {
                Eventually.True(() => subscription.LastTag >= next, "more");
                continue;
            }

            if (next % 3 == 0)
                subscription.AckUpTo(last);
            else if (next % 3 == 1)
                subscription.AckRange(next, last);
            else
                subscription.Ack(last = next);
            next = last + 1;
        }

        subscription.Close();
        Assert.Equal(new QueueInfo("q", 0, 0), connection.DeclareQueue("q"));
    }

    [Fact]
    public void ShouldIgnoreSecondSettlementsAndRefuseUnknownTags()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Polled, publication, 0, 4);
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery _) => { });
        Until(connection, ConnectionMode.Polled, () => subscription.LastTag == 4, "four");

        subscription.Ack(2);
        subscription.Ack(2);
        subscription.Requeue(2);
        subscription.AckRange(1, 3);
        connection.Poll();
        subscription.AckUpTo(3);
        Assert.Throws<ArgumentOutOfRangeException>(() => subscription.Ack(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => subscription.Ack(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => subscription.AckRange(3, 2));

        subscription.Close();
        Assert.Equal(1, connection.DeclareQueue("q").Ready); // The one not settled came back.
        Assert.Equal(ConnectionState.Ready, connection.State);
    }

    [Fact]
    public async Task ShouldEndASubscriptionWhoseQueueIsDeleted()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Subscription reading = connection.Subscribe("q");
        Subscription handling = connection.Subscribe("q", (Subscription _, in Delivery _) => { });

        connection.DeleteQueue("q");

        LowLatencyException ended = await Assert.ThrowsAsync<LowLatencyException>(() => Read(reading, 1));
        Assert.Equal(ErrorCode.NotFound, ended.Code);
        Eventually.True(() => handling.IsClosed, "ended");
        handling.Close();
        Assert.Equal(ConnectionState.Ready, connection.State);
    }

    [Fact]
    public void ShouldShareAQueueAmongSubscriptions()
    {
        const int Count = 1000;
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        int one = 0;
        int two = 0;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) => { one++; subscription.Ack(delivery.Tag); });
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) => { two++; subscription.Ack(delivery.Tag); });
        Publication publication = connection.OpenPublication(To("q"));

        PublishAll(connection, ConnectionMode.Polled, publication, 0, Count);

        Until(connection, ConnectionMode.Polled, () => one + two == Count, "all");
        Assert.InRange(one, Count / 4, Count * 3 / 4);
    }

    private protected static async Task<List<Message>> Read(Subscription subscription, int count)
    {
        using var deadline = new CancellationTokenSource(Eventually.DeadlineMs);
        var messages = new List<Message>();
        await foreach (Message message in subscription.ReadAllAsync(deadline.Token))
        {
            messages.Add(message);
            message.Ack();
            if (messages.Count == count)
                break;
        }

        return messages;
    }
}
