using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;
using Transaction = LowLatency.Client.Transaction;

namespace LowLatency.Tests.Client;

/// <content>Transactions.</content>
public abstract partial class ClientContract
{
    [Theory, InlineData(ConnectionMode.Polled), InlineData(ConnectionMode.Background)]
    public void ShouldCarryOutATransactionAsOne(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("in");
        connection.DeclareQueue("out");
        Publication orders = connection.OpenPublication(To("in"));
        Publication fills = connection.OpenPublication(To("out"));
        PublishAll(connection, mode, orders, 0, 3);
        Subscription subscription = connection.Subscribe("in", (Subscription _, in Delivery _) => { }, new SubscriptionOptions { Credit = 4 });
        Until(connection, mode, () => subscription.LastTag == 3, "three");
        Transaction transaction = connection.BeginTransaction();

        transaction.Publish(fills, "a"u8);
        transaction.AckUpTo(subscription, 2);
        transaction.Rollback();
        Assert.Equal((0, 0L), (transaction.Count, connection.DeclareQueue("out").Ready));
        transaction.Publish(fills, "b"u8, new MessageProperties { MessageId = "b" });
        transaction.Publish(fills, "c"u8);
        transaction.AckUpTo(subscription, 2);
        Assert.Equal(0, connection.DeclareQueue("out").Ready);
        Assert.Equal(3, transaction.Commit());
        Assert.Equal(2, connection.DeclareQueue("out").Ready);
        transaction.Ack(subscription, 3);
        transaction.Publish(fills, "d"u8, routingKey: "nowhere"u8);
        Assert.Equal(ErrorCode.NoRoute, CodeOf(() => transaction.Commit()));
        Assert.Equal(2, connection.DeclareQueue("out").Ready);
        PublishAll(connection, mode, orders, 3, 20); // Credit of what the transaction settled has come back.
        Until(connection, mode, () => subscription.LastTag >= 6, "more");
        subscription.Close();
        Assert.Equal(21, connection.DeclareQueue("in").Ready);
    }

    [Fact]
    public void ShouldFailATransactionThatWasOpenWhenTheConnectionWasLost()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        Transaction transaction = connection.BeginTransaction();
        transaction.Publish(publication, "lost"u8);

        Broker.Stop();
        Eventually.True(() => connection.State == ConnectionState.Reconnecting, "lost");
        Broker.Start();
        Eventually.True(() => connection.State == ConnectionState.Ready, "ready");

        Assert.Equal(ErrorCode.NotConnected, CodeOf(() => transaction.Commit()));
        Assert.Equal(0, transaction.Count);
        transaction.Publish(publication, "anew"u8);
        Assert.Equal(1, transaction.Commit());
        Assert.Equal(1, connection.DeclareQueue("q").Ready);
    }
}
