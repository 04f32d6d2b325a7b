using System.Text;
using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Ways to consume beside acknowledging what comes.</content>
public abstract partial class ClientContract
{
    [Theory, InlineData(ConnectionMode.Polled), InlineData(ConnectionMode.Background)]
    public void ShouldGiveCreditBackWithoutAcks(ConnectionMode mode)
    {
        const int Count = 2000;
        Connection connection = Connect(mode);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, mode, publication, 0, Count);
        int received = 0;
        connection.Subscribe(
            "q",
            (Subscription subscription, in Delivery delivery) =>
            {
                received++;
                subscription.Ack(delivery.Tag); // Settled already: nothing happens.
            },
            new SubscriptionOptions { NoAck = true, Credit = 10 });

        Until(connection, mode, () => received == Count, "all");
        Until(connection, mode, () => connection.DeclareQueue("q").Ready == 0, "nothing left");
        Assert.Equal(ConnectionState.Ready, connection.State);
    }

    [Fact]
    public async Task ShouldBrowseWithoutTaking()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, 300);
        Subscription browser = connection.Subscribe("q", new SubscriptionOptions { Browse = true, Credit = 16 });

        List<Message> seen = await Read(browser, 300);

        Assert.Equal(Enumerable.Range(1, 300).Select(i => (ulong)i), seen.Select(message => message.QueueSequence));
        Assert.Equal(300, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public void ShouldConflateByRoutingKeyAndByHeader()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareExchange("ticks", new ExchangeOptions { Type = ExchangeType.Fanout });
        connection.DeclareQueue("q");
        connection.Bind("ticks", "q");
        Publication publication = connection.OpenPublication(new PublicationOptions { Exchange = "ticks", Durability = DurabilityLevel.Process });
        var byKey = new List<(string Key, string Body, ulong First, ulong Last, ulong Elided)>();
        var bySide = new List<(string Body, ulong Elided)>();
        Subscription slow = connection.Subscribe(
            "q",
            (Subscription _, in Delivery delivery) => byKey.Add((
                Encoding.UTF8.GetString(delivery.RoutingKey), Encoding.UTF8.GetString(delivery.Body), delivery.FirstSequence, delivery.QueueSequence, delivery.Elided)),
            new SubscriptionOptions { Conflate = true, Credit = 1, ManualCredit = true });
        connection.Subscribe(
            "q", (Subscription _, in Delivery delivery) => bySide.Add((Encoding.UTF8.GetString(delivery.Body), delivery.Elided)),
            new SubscriptionOptions { Conflate = true, ConflationKey = "side" });
        var buy = new MessageProperties();
        buy.Table.Add("side", "buy");

        publication.TryPublish("1"u8, buy, "A"u8);
        Until(connection, ConnectionMode.Polled, () => byKey.Count == 1 && bySide.Count == 1, "the first");
        foreach ((string key, string body) in new[] { ("A", "2"), ("B", "3"), ("A", "4"), ("B", "5"), ("A", "6") })
            publication.TryPublish(Encoding.UTF8.GetBytes(body), buy, Encoding.UTF8.GetBytes(key));
        Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "confirms");
        slow.AckUpTo(1);
        Until(connection, ConnectionMode.Polled, () => byKey.Count == 2, "the newest A");
        slow.AckUpTo(2);
        Until(connection, ConnectionMode.Polled, () => byKey.Count == 3, "the newest B");

        Assert.Equal([("A", "1", 1UL, 1UL, 0UL), ("A", "6", 2UL, 6UL, 2UL), ("B", "5", 3UL, 5UL, 1UL)], byKey);
        Until(connection, ConnectionMode.Polled, () => bySide.Sum(seen => 1 + (long)seen.Elided) == 6, "all six");
        Assert.Equal("6", bySide[^1].Body);
        Assert.Equal(6, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public async Task ShouldSettleBeforeWhatIsAskedForAfterwards()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, 2);
        Eventually.True(() => publication.IsIdle, "confirms");
        Subscription pull = connection.Subscribe("q", new SubscriptionOptions { Credit = 0 });
        for (int i = 0; i < 3000; i++)
        {
            IReadOnlyList<Message> messages = await Eventually.Done(pull.GetAsync(2));
            Assert.Equal([Body(0), Body(1)], messages.Select(message => message.Body.ToArray()));
            messages[1].Requeue(); // Wakes the connection's thread, which may be anywhere when the next two come.
            messages[0].Requeue();
            if (i % 10 == 0)
                Assert.Equal(2, connection.DeclareQueue("q").Ready);
        }
    }

    [Fact]
    public async Task ShouldGetWhatIsReadyOrWaitForTheFirst()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, 5);
        Eventually.True(() => publication.IsIdle, "confirms");
        Subscription pull = connection.Subscribe("q", new SubscriptionOptions { Credit = 0 });

        Assert.Equal(3, (await Eventually.Done(pull.GetAsync(3))).Count);
        IReadOnlyList<Message> rest = await Eventually.Done(pull.GetAsync(10));
        Assert.Equal([Body(3), Body(4)], rest.Select(message => message.Body.ToArray()));
        rest[1].Ack();
        Assert.Empty(await Eventually.Done(pull.GetAsync(10)));
        Assert.Empty(await Eventually.Done(pull.GetAsync(10, TimeSpan.FromMilliseconds(20))));
        Task<IReadOnlyList<Message>> waiting = pull.GetAsync(10, TimeSpan.FromSeconds(30));
        await Assert.ThrowsAsync<InvalidOperationException>(() => pull.GetAsync());
        PublishAll(connection, ConnectionMode.Background, publication, 5, 1);
        Assert.Equal(Body(5), Assert.Single(await Eventually.Done(waiting)).Body.ToArray());
        Assert.Equal(Body(5), Body(5));
        pull.Close();
        Assert.Equal(5, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public void ShouldAllocateNothingForAGet()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        int received = 0;
        Subscription pull = connection.Subscribe(
            "q",
            (Subscription subscription, in Delivery delivery) =>
            {
                received++;
                subscription.Ack(delivery.Tag);
            },
            new SubscriptionOptions { Credit = 0 });
        byte[] body = new byte[64];
        Run(2000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(5000);
        long after = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(7000, received);
        Assert.Equal(0, after - before);

        void Run(int count)
        {
            int target = received + count;
            int published = 0;
            long deadline = Environment.TickCount64 + Eventually.DeadlineMs;
            while ((received < target || !publication.IsIdle) && Environment.TickCount64 < deadline)
            {
                if (published < count && publication.TryPublish(body) == PublishStatus.Accepted)
                    published++;
                if (received < target && !pull.IsGetting)
                    pull.TryGet(4, TimeSpan.FromMilliseconds(5));
                if (connection.Poll() == 0)
                    connection.WaitForWork(1);
            }
        }
    }

    [Fact]
    public void ShouldTellWhichOfSeveralConsumersIsActive()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q", new QueueOptions { SingleActiveConsumer = true });
        var told = new List<(string Who, bool IsActive)>();
        SubscriptionOptions As(string who) => new()
        {
            OnActive = (_, isActive) =>
            {
                lock (told)
                    told.Add((who, isActive));
            },
        };
        Subscription first = connection.Subscribe("q", (Subscription _, in Delivery _) => { }, As("first"));
        Subscription second = connection.Subscribe("q", (Subscription _, in Delivery _) => { }, As("second"));
        Eventually.True(() => first.IsActive, "the first");
        Assert.False(second.IsActive);
        Assert.Equal(ErrorCode.AccessRefused, CodeOf(() => connection.Subscribe("q", (Subscription _, in Delivery _) => { }, new SubscriptionOptions { Exclusive = true })));

        first.Close();
        Eventually.True(() => second.IsActive, "the second");
        Eventually.True(() => told.Contains(("second", true)), "told");
    }

    [Fact]
    public void ShouldRefuseOthersBesideAnExclusiveSubscription()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Subscription one = connection.Subscribe("q", (Subscription _, in Delivery _) => { }, new SubscriptionOptions { Exclusive = true });
        Assert.Equal(ErrorCode.AccessRefused, CodeOf(() => connection.Subscribe("q", (Subscription _, in Delivery _) => { })));
        one.Close();
        connection.Subscribe("q", (Subscription _, in Delivery _) => { });
    }

    [Theory, InlineData(ConnectionMode.Polled), InlineData(ConnectionMode.Background)]
    public void ShouldRecoverWhatIsUnsettled(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, mode, publication, 0, 10);
        var tags = new List<(ulong Tag, bool Redelivered)>();
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery delivery) =>
        {
            lock (tags)
                tags.Add((delivery.Tag, delivery.IsRedelivered));
        });
        Until(connection, mode, () => tags.Count == 10, "ten");
        subscription.AckUpTo(4);

        Assert.Equal(6, connection.Recover());
        Until(connection, mode, () => tags.Count == 16, "six again");
        subscription.Ack(5); // Of before: ignored.
        Assert.All(tags.Skip(10), seen => Assert.True(seen.Redelivered));
        subscription.AckUpTo(16);
        Until(connection, mode, () => connection.DeclareQueue("q").Ready == 0, "nothing left");
        subscription.Close();
        Assert.Equal(0, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public void ShouldBoundTheUnsettledOfAConnection()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("a");
        connection.DeclareQueue("b");
        foreach (string queue in new[] { "a", "b" })
        {
            Publication publication = connection.OpenPublication(To(queue));
            PublishAll(connection, ConnectionMode.Polled, publication, 0, 20);
            Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "confirms");
        }

        connection.SetMaxUnacked(5);
        int received = 0;
        Subscription one = connection.Subscribe("a", (Subscription _, in Delivery _) => received++, new SubscriptionOptions { MaxUnacked = 3 });
        Subscription two = connection.Subscribe("b", (Subscription _, in Delivery _) => received++);
        Until(connection, ConnectionMode.Polled, () => received == 5, "five");
        Assert.Equal(17 + 18, connection.DeclareQueue("a").Ready + connection.DeclareQueue("b").Ready);
        Assert.Equal((3UL, 2UL), (one.LastTag, two.LastTag));
    }

    [Fact]
    public async Task ShouldSettleAfterStopping()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Background, publication, 0, 4);
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery _) => { });
        Eventually.True(() => subscription.LastTag == 4, "four");

        await Eventually.Done(subscription.StopAsync());
        PublishAll(connection, ConnectionMode.Background, publication, 4, 1);
        Eventually.True(() => publication.IsIdle, "confirms");
        Assert.Equal(4UL, subscription.LastTag);
        subscription.AckRange(1, 3);
        subscription.Requeue(4);
        Eventually.True(() => connection.DeclareQueue("q").Ready == 2, "one back, one new");
        Subscription next = connection.Subscribe("q", (Subscription _, in Delivery _) => { }); // May have the same handle.
        Eventually.True(() => next.LastTag == 2, "two");
    }

    [Fact]
    public async Task ShouldAnswerRequests()
    {
        Connection connection = Connect(ConnectionMode.Background);
        Connection service = Connect(ConnectionMode.Background);
        service.DeclareQueue("prices");
        Publication replies = service.OpenPublication(new PublicationOptions { Durability = DurabilityLevel.Memory });
        Subscription requests = service.Subscribe("prices", new SubscriptionOptions { NoAck = true });
        _ = Task.Run(async () =>
        {
            await foreach (Message request in requests)
                await replies.ReplyAsync(request, Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(request.Body.Span)}=1"));
        });
        await using Requester requester = await Eventually.Done(connection.OpenRequesterAsync(new RequesterOptions { RoutingKey = "prices" }));

        Task<Message>[] asked = [.. Enumerable.Range(0, 50).Select(i => requester.RequestAsync(Encoding.UTF8.GetBytes($"{i}")))];
        Message[] answers = await Eventually.Done(Task.WhenAll(asked));

        Assert.StartsWith(Connection.ReplyQueue + ".", requester.Address, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}=1"), answers.Select(answer => Encoding.UTF8.GetString(answer.Body.Span)));
        Assert.Equal(0, requester.PendingCount);
        await Assert.ThrowsAsync<PublishRejectedException>(() => Eventually.Done(requester.RequestAsync("x"u8.ToArray(), "nobody")));
    }

    [Fact]
    public void ShouldCarryProperties()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        var properties = new MessageProperties
        {
            Priority = 7, MessageId = "m-1", CorrelationId = "c-1", ReplyTo = "back", ContentType = "text/plain", ContentEncoding = "none", Type = "order",
            AppId = "tests", UserId = "me", Timestamp = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000), Expiration = TimeSpan.FromMinutes(10),
        };
        properties.Table.Add("region", "EU").Add("shard", 7).Add("weight", 0.5).Add("urgent", true);
        bool isChecked = false;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            Properties read = delivery.Properties;
            Assert.Equal((7, "m-1", "c-1", "back"), (read.Priority, Text(read.MessageId), Text(read.CorrelationId), Text(read.ReplyTo)));
            Assert.Equal(("text/plain", "none", "order"), (Text(read.ContentType), Text(read.ContentEncoding), Text(read.Type)));
            Assert.Equal(("tests", "me", "600000"), (Text(read.AppId), Text(read.UserId), Text(read.Expiration)));
            Assert.Equal(properties.Timestamp, read.Timestamp);
            Assert.True(read.TryGetText("region"u8, out ReadOnlySpan<byte> region) && region.SequenceEqual("EU"u8));
            Assert.True(read.TryGetInteger("shard"u8, out long shard) && shard == 7);
            Assert.True(read.TryGetDouble("weight"u8, out double weight) && weight == 0.5);
            Assert.True(read.TryGetBoolean("urgent"u8, out bool urgent) && urgent);
            Assert.False(read.TryGetText("shard"u8, out _) || read.HasHeader("none"u8) || read.Deaths.MoveNext());
            subscription.Ack(delivery.Tag);
            isChecked = true;
        });

        Assert.Equal(PublishStatus.Accepted, publication.TryPublish("body"u8, properties));
        Until(connection, ConnectionMode.Polled, () => isChecked, "it came");
    }

    private static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
