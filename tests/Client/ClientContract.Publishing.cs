using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Publish, confirm, reject.</content>
public abstract partial class ClientContract
{
    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldConfirmAndDeliverEverythingInOrder(ConnectionMode mode)
    {
        const int Count = 20_000;
        Connection connection = Connect(mode);
        connection.DeclareQueue("orders");
        int received = 0;
        bool inOrder = true;
        connection.Subscribe("orders", (Subscription subscription, in Delivery delivery) =>
        {
            inOrder &= delivery.Body.SequenceEqual(Body(received)) && delivery.Tag == (ulong)(received + 1);
            Volatile.Write(ref received, received + 1);
            subscription.Ack(delivery.Tag);
        });
        Publication publication = connection.OpenPublication(To("orders"));

        PublishAll(connection, mode, publication, 0, Count);

        Until(connection, mode, () => Volatile.Read(ref received) == Count && publication.IsIdle, "all delivered and confirmed");
        Assert.True(inOrder);
        Assert.Equal((ulong)Count, publication.ConfirmedSequence);
        Assert.Equal(DurabilityLevel.Process, publication.ConfirmedLevel);
        Until(connection, mode, () => connection.DeclareQueue("orders") is { Ready: 0, Consumers: 1 }, "queue empty");
    }

    [Theory]
    [InlineData(DurabilityLevel.Memory)]
    [InlineData(DurabilityLevel.Process)]
    [InlineData(DurabilityLevel.Disk)]
    public async Task ShouldNameTheLevelInTheConfirm(DurabilityLevel level)
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Durability = level });

        Confirmation confirmation = await Eventually.Done(publication.PublishAsync(Body(1)));

        Assert.Equal(new Confirmation(1, level), confirmation);
    }

    [Fact]
    public void ShouldSayWhenTheWindowIsFullAndTakeMoreAfterConfirms()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Window = 4 });
        for (int i = 0; i < 4; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish(Body(i)));

        Assert.Equal(PublishStatus.WindowFull, publication.TryPublish(Body(4), out ulong sequence));
        Assert.Equal(0UL, sequence);
        Assert.Equal(4, publication.InFlight);

        Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "confirms");
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish(Body(4), out sequence));
        Assert.Equal(5UL, sequence);
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldNameTheFullQueueAndPublishAgainWhenThereIsRoom(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("small", new QueueOptions { MaxLength = 3 });
        var rejections = new List<Rejection>();
        Publication publication = connection.OpenPublication(To("small") with
        {
            OnReject = (Publication _, in Rejection rejection) =>
            {
                lock (rejections)
                    rejections.Add(rejection);
            },
        });
        for (int i = 0; i < 4; i++)
            Assert.Equal(PublishStatus.Accepted, publication.TryPublish(Body(i)));

        Until(connection, mode, () => publication.IsIdle, "three confirms and a rejection");
        Rejection only = Assert.Single(rejections);
        Assert.Equal((4UL, ErrorCode.QueueFull, "small"), (only.Sequence, only.Code, only.Queue));
        Assert.NotEmpty(only.Reason);
        Assert.Equal(PublishStatus.QueueFull, publication.TryPublish(Body(5)));
        Assert.Equal("small", publication.FullQueue);

        var received = new List<byte[]>();
        connection.Subscribe("small", (Subscription subscription, in Delivery delivery) =>
        {
            lock (received)
                received.Add(delivery.Body.ToArray());
            subscription.Ack(delivery.Tag);
        });
        Until(connection, mode, () => publication.Status == PublishStatus.Accepted, "ready again");
        Assert.Null(publication.FullQueue);
        PublishAll(connection, mode, publication, 6, 1);
        Until(connection, mode, () => publication.IsIdle && received.Count == 4, "the rest");
        Assert.Equal([Body(0), Body(1), Body(2), Body(6)], received);
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldSayWhyAndForHowLongItIsHeldBack(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("held", new QueueOptions { MaxLength = 3, Overflow = Overflow.Block });
        Blocking? blocked = null;
        TimeSpan? unblocked = null;
        Publication publication = connection.OpenPublication(To("held") with
        {
            OnBlocked = (_, blocking) => Volatile.Write(ref blocked, blocking),
            OnUnblocked = (_, lasted) => unblocked = lasted,
        });
        long before = UnixClock.NowNs();
        PublishAll(connection, mode, publication, 0, 5);

        Until(connection, mode, () => Volatile.Read(ref blocked) != null && publication.ConfirmedSequence == 3, "it is held back");
        Assert.Same(blocked, publication.Blocking);
        Assert.Equal((ErrorCode.QueueFull, "held"), (blocked!.Code, blocked.Queue));
        Assert.StartsWith("Queue 'held' holds 4 messages, its limit is 3: it has no consumer.", blocked.Reason, StringComparison.Ordinal);
        Assert.InRange(blocked.SinceNs, before, UnixClock.NowNs());
        Assert.Equal(PublishStatus.Accepted, publication.Status);
        Assert.Equal(2, publication.InFlight);

        connection.Subscribe("held", (Subscription subscription, in Delivery delivery) => subscription.Ack(delivery.Tag));
        Until(connection, mode, () => publication is { IsIdle: true, Blocking: null }, "it goes on");
        Until(connection, mode, () => unblocked != null, "it was told");
        Assert.InRange(unblocked!.Value.Ticks, 1, (UnixClock.NowNs() - before) / 100);
    }

    [Fact]
    public async Task ShouldRejectWhatReachesNoQueueUnlessTold()
    {
        Connection connection = Connect(ConnectionMode.Background);
        Publication strict = connection.OpenPublication(To("nowhere"));
        Publication lax = connection.OpenPublication(To("nowhere") with { Mandatory = false });

        PublishRejectedException rejected = await Assert.ThrowsAsync<PublishRejectedException>(() => Eventually.Done(strict.PublishAsync(Body(0))));
        Confirmation confirmation = await Eventually.Done(lax.PublishAsync(Body(0)));

        Assert.Equal((ErrorCode.NoRoute, 1UL), (rejected.Code, rejected.Sequence));
        Assert.Equal(DurabilityLevel.None, confirmation.Level);
        Assert.True(strict.IsIdle);
    }

    [Fact]
    public async Task ShouldTakeBodiesUpToTheLimitAndNoneAbove()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Subscription subscription = connection.Subscribe("q");
        Publication publication = connection.OpenPublication(To("q"));
        byte[] largest = new byte[256 * 1024];
        new Random(1).NextBytes(largest);

        Assert.Equal(PublishStatus.Accepted, publication.TryPublish([]));
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish(largest));
        Assert.Equal(PublishStatus.BodyTooLarge, publication.TryPublish(new byte[largest.Length + 1]));
        PublishRejectedException refused = await Assert.ThrowsAsync<PublishRejectedException>(
            () => Eventually.Done(publication.PublishAsync(new byte[largest.Length + 1])));

        Assert.Equal(ErrorCode.ContentTooLarge, refused.Code);
        List<Message> messages = await Read(subscription, 2);
        Assert.True(messages[0].Body.IsEmpty);
        Assert.True(messages[1].Body.Span.SequenceEqual(largest));
    }

    [Fact]
    public async Task ShouldCarryHeadersKeysAndTimesThroughAnExchange()
    {
        byte[] headers = [0x10, 0x00, 2]; // Property flags, delivery mode.
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("fills");
        connection.DeclareExchange("trades");
        connection.Bind("trades", "fills", "eur");
        Subscription subscription = connection.Subscribe("fills");
        Publication publication = connection.OpenPublication(new PublicationOptions { Exchange = "trades", RoutingKey = "usd" });
        long before = (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * 100;

        Assert.Equal(PublishStatus.Accepted, publication.TryPublish("body"u8, headers, "eur"u8, publishedNs: 42, out _));
        Confirmation confirmed = await Eventually.Done(publication.PublishAsync("two"u8.ToArray(), default, "eur"u8.ToArray()));
        PublishRejectedException unbound = await Assert.ThrowsAsync<PublishRejectedException>(() => Eventually.Done(publication.PublishAsync(Body(0))));

        Assert.Equal(2UL, confirmed.Sequence);
        Assert.Equal(ErrorCode.NoRoute, unbound.Code);
        List<Message> messages = await Read(subscription, 2);
        Assert.True(messages[0].Body.Span.SequenceEqual("body"u8));
        Assert.True(messages[0].Headers.Span.SequenceEqual(headers));
        Assert.True(messages[0].RoutingKey.Span.SequenceEqual("eur"u8));
        Assert.Equal(42, messages[0].PublishedNs);
        Assert.InRange(messages[1].PublishedNs, before, before + 60_000_000_000);
        Assert.InRange(messages[1].ReceivedNs, before, messages[1].JournaledNs);
        Assert.InRange(messages[1].DispatchedNs, messages[1].ReceivedNs, before + 60_000_000_000);
        Assert.Equal((1UL, 2UL), (messages[0].QueueSequence, messages[1].QueueSequence));
        connection.Unbind("trades", "fills", "eur");
        connection.DeleteExchange("trades");
        connection.DeleteQueue("fills");
    }

    [Fact]
    public async Task ShouldPublishAsyncFromSeveralThreadsThroughASmallWindow()
    {
        const int Threads = 4;
        const int Each = 2000;
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Window = 16 });

        Task<List<Confirmation>>[] publishers = Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            var waiting = new List<Task<Confirmation>>();
            for (int i = 0; i < Each; i++)
                waiting.Add(publication.PublishAsync(Body(thread * Each + i)).AsTask());
            var done = new List<Confirmation>();
            foreach (Task<Confirmation> task in waiting)
                done.Add(await task);
            return done;
        })).ToArray();
        await Eventually.Done(publication.FlushAsync());
        List<Confirmation>[] all = await Task.WhenAll(publishers).WaitAsync(TimeSpan.FromMilliseconds(Eventually.DeadlineMs));

        Assert.Equal(Enumerable.Range(1, Threads * Each).Select(i => (ulong)i), all.SelectMany(one => one).Select(one => one.Sequence).Order());
        Assert.All(all, one => Assert.Equal(one.Select(c => c.Sequence).Order(), one.Select(c => c.Sequence)));
        Assert.True(publication.IsIdle);
        Assert.Equal(Threads * Each, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public async Task ShouldEndTheWaitingWhenCancelled()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Window = 1 });
        using var cancellation = new CancellationTokenSource();
        Task<Confirmation> sent = publication.PublishAsync(Body(0)).AsTask();
        Task<Confirmation> waiting = publication.PublishAsync(Body(1), cancellation.Token).AsTask();
        Task<Confirmation> behind = publication.PublishAsync(Body(2)).AsTask();
        Assert.Equal(PublishStatus.WindowFull, publication.TryPublish(Body(3)));

        cancellation.Cancel();
        Until(connection, ConnectionMode.Polled, () => behind.IsCompleted, "the one behind");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1UL, (await sent).Sequence);
        Assert.Equal(2UL, (await behind).Sequence);
    }

    [Fact]
    public void ShouldRefuseHeadersAndKeysThatAreTooLong()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Window = 1 });
        byte[] headers = new byte[ushort.MaxValue + 1];
        byte[] key = new byte[byte.MaxValue + 1];
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish(Body(0)));

        // Also where they would have to wait.
        Assert.Throws<ArgumentException>(() => { _ = publication.PublishAsync(Body(1), headers, default).AsTask(); });
        Assert.Throws<ArgumentException>(() => { _ = publication.PublishAsync(Body(1), default, key).AsTask(); });
        Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "the confirm");
        Assert.Throws<ArgumentException>(() => publication.TryPublish(Body(1), headers, default, out _));
        Assert.Throws<ArgumentException>(() => publication.TryPublish(Body(1), default, key, out _));
        Assert.Equal(PublishStatus.Accepted, publication.TryPublish(Body(1), headers.AsSpan(1), default, out ulong sequence));
        Assert.Equal(2UL, sequence);
    }

    [Fact]
    public void ShouldContinueANamedPublisherBehindItsLastSequence()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication first = connection.OpenPublication(To("q") with { PublisherName = "me" });
        PublishAll(connection, ConnectionMode.Background, first, 0, 3);
        Until(connection, ConnectionMode.Background, () => first.IsIdle, "confirms");
        first.Close();
        Assert.Equal(PublishStatus.Closed, first.TryPublish(Body(3)));

        Publication second = connection.OpenPublication(To("q") with { PublisherName = "me" });

        Assert.Equal((3UL, 3UL), (second.LastSequence, second.ConfirmedSequence));
        Assert.Equal(PublishStatus.Accepted, second.TryPublish(Body(3), out ulong sequence));
        Assert.Equal(4UL, sequence);
        Until(connection, ConnectionMode.Background, () => second.IsIdle, "confirm");
        Assert.Equal(4, connection.DeclareQueue("q").Ready);
    }

    [Fact]
    public async Task ShouldCloseAPublicationWhoseNameIsTakenOver()
    {
        Connection older = Connect(ConnectionMode.Background);
        Connection newer = Connect(ConnectionMode.Background);
        older.DeclareQueue("q");
        Publication first = older.OpenPublication(To("q") with { PublisherName = "me" });

        Publication second = newer.OpenPublication(To("q") with { PublisherName = "me" });

        Eventually.True(() => first.Status == PublishStatus.Closed, "taken over");
        Assert.Equal(ErrorCode.TakenOver, first.Error?.Code);
        LowLatencyException closed = await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(first.PublishAsync(Body(0))));
        Assert.Equal(ErrorCode.TakenOver, closed.Code);
        await Eventually.Done(second.PublishAsync(Body(0)));
        Assert.Equal(ConnectionState.Ready, older.State);
    }
}
