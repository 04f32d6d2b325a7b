using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Queues with arguments, exchanges, bindings, virtual hosts.</content>
public abstract partial class ClientContract
{
    [Theory, InlineData(ConnectionMode.Polled), InlineData(ConnectionMode.Background)]
    public void ShouldRouteByTopicHeadersAndExchangeBindings(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareExchange("ticks", new ExchangeOptions { Type = ExchangeType.Topic, AlternateExchange = "rest" });
        connection.DeclareExchange("by-region", new ExchangeOptions { Type = ExchangeType.Headers });
        connection.DeclareExchange("rest", new ExchangeOptions { Type = ExchangeType.Fanout, Durable = false });
        foreach (string queue in new[] { "acme", "eu", "others" })
            connection.DeclareQueue(queue);
        connection.Bind("ticks", "acme", "*.ACME.#");
        connection.BindExchange("ticks", "by-region", "#");
        FieldTable arguments = BindingArguments.All(new FieldTable().Add("region", "EU").AddVoid("urgent"));
        connection.Bind("by-region", "eu", "", arguments);
        connection.Bind("rest", "others");
        Publication publication = connection.OpenPublication(new PublicationOptions { Exchange = "ticks", Durability = DurabilityLevel.Process, Mandatory = false });
        var urgent = new MessageProperties();
        urgent.Table.Add("region", "EU").Add("urgent", true);

        Assert.Equal(PublishStatus.Accepted, publication.TryPublish("1"u8, urgent, "eu.ACME.bid.1"u8));
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish("2"u8, new MessageProperties(), "us.OTHER"u8));
        Until(connection, mode, () => publication.IsIdle, "confirms");
        Assert.Equal((1L, 1L, 0L), (Ready("acme"), Ready("eu"), Ready("others"))); // The other exchange was a destination, though it led nowhere.

        connection.UnbindExchange("ticks", "by-region", "#");
        connection.Unbind("by-region", "eu", "", arguments);
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.Unbind("ticks", "acme", "none")));
        publication.TryPublish("3"u8, urgent, "x"u8);
        Until(connection, mode, () => publication.IsIdle, "confirms");
        Assert.Equal((1L, 1L, 1L), (Ready("acme"), Ready("eu"), Ready("others")));
        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareExchange("ticks")));
        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeleteExchange("ticks", ifUnused: true)));
        connection.DeleteExchange("ticks");
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.DeclareExchange("ticks", new ExchangeOptions { Passive = true })));

        long Ready(string queue) => connection.DeclareQueue(queue, new QueueOptions { Passive = true }).Ready;
    }

    [Fact]
    public void ShouldDeclareAQueueWithEveryArgument()
    {
        Connection connection = Connect(ConnectionMode.Background);
        var options = new QueueOptions
        {
            AutoDelete = true, MaxLength = 100, MaxBytes = 10_000, Overflow = Overflow.DropHead, MessageTtl = TimeSpan.FromSeconds(60),
            Expires = TimeSpan.FromMinutes(60), DeadLetterExchange = "", DeadLetterRoutingKey = "dead", MaxPriority = 10, SingleActiveConsumer = true,
            DeliveryLimit = 3, RedeliveryDelay = TimeSpan.FromMilliseconds(50), RedeliveryDelayMax = TimeSpan.FromSeconds(5),
            Arguments = new FieldTable().Add("x-note", "ours"),
        };
        connection.DeclareQueue("all", options);
        connection.DeclareQueue("all", options);
        connection.DeclareQueue("values", new QueueOptions { LastValueKey = "symbol" });

        foreach (QueueOptions other in new[]
        {
            options with { AutoDelete = false }, options with { MaxLength = 101 }, options with { MaxBytes = null }, options with { Overflow = Overflow.Block },
            options with { MessageTtl = TimeSpan.FromSeconds(61) }, options with { Expires = null }, options with { DeadLetterRoutingKey = "x" },
            options with { MaxPriority = 9 }, options with { SingleActiveConsumer = false }, options with { DeliveryLimit = 4 },
            options with { RedeliveryDelay = null }, options with { RedeliveryDelayMax = TimeSpan.FromSeconds(6) },
        })
        {
            Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareQueue("all", other)));
        }

        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareQueue("bad", new QueueOptions { Arguments = new FieldTable().Add("x-overflow", "none") })));
        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareQueue("bad", new QueueOptions { DeadLetterRoutingKey = "alone" })));
        Assert.Equal(ErrorCode.InvalidArgument, CodeOf(() => connection.DeclareQueue("bad", new QueueOptions { MaxLength = -1 })));
    }

    [Fact]
    public void ShouldNameKeepAndLockExclusiveQueues()
    {
        Connection connection = Connect(ConnectionMode.Background);
        Connection other = Connect(ConnectionMode.Background);
        QueueInfo mine = connection.DeclareQueue("", new QueueOptions { Exclusive = true });
        QueueInfo second = connection.DeclareQueue("", new QueueOptions { Durable = false });

        Assert.StartsWith("amq.gen-", mine.Name, StringComparison.Ordinal);
        Assert.NotEqual(mine.Name, second.Name);
        Assert.Equal(ErrorCode.ResourceLocked, CodeOf(() => other.DeclareQueue(mine.Name, new QueueOptions { Passive = true })));
        Assert.Equal(ErrorCode.ResourceLocked, CodeOf(() => other.Subscribe(mine.Name, (Subscription _, in Delivery _) => { })));
        connection.Dispose();
        Eventually.True(() => CodeOf(() => other.DeclareQueue(mine.Name, new QueueOptions { Passive = true })) == ErrorCode.NotFound, "gone with its connection");
    }

    [Fact]
    public void ShouldKeepVirtualHostsApart()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareVirtualHost("desk 7", new VirtualHostOptions { MaxQueues = 1 });
        connection.DeclareVirtualHost("desk 7", new VirtualHostOptions { Passive = true });
        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareVirtualHost("desk 7", new VirtualHostOptions { MaxQueues = 2 })));
        Assert.Equal(ErrorCode.NotAllowed, CodeOf(() => Connect(ConnectionMode.Background, new ConnectionOptions { VirtualHost = "none" })));
        Assert.Equal(ErrorCode.NotAllowed, CodeOf(() => Connect(ConnectionMode.Polled, new ConnectionOptions { VirtualHost = "none" })));

        Connection desk = Connect(ConnectionMode.Background, new ConnectionOptions { VirtualHost = "desk 7", Reconnect = false });
        desk.DeclareQueue("q");
        Assert.Equal(ErrorCode.LimitReached, CodeOf(() => desk.DeclareQueue("q2")));
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.DeclareQueue("q", new QueueOptions { Passive = true })));
        connection.DeleteVirtualHost("desk 7");
        Eventually.True(() => desk.State == ConnectionState.Closed, "its connections end");
        Assert.Equal(ErrorCode.ConnectionForced, desk.Error!.Code);
        Assert.Equal(ErrorCode.AccessRefused, CodeOf(() => connection.DeleteVirtualHost("/")));
    }
}
