using LowLatency.Client;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Client;

/// <content>Requests, handlers that misbehave, the broker's restart, the end.</content>
public abstract partial class ClientContract
{
    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldFailRequestsWithTheBrokersCode(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("q", new QueueOptions { MaxLength = 5 });

        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.Subscribe("none", (Subscription _, in Delivery _) => { })));
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.DeclareQueue("none", new QueueOptions { Passive = true })));
        Assert.Equal(ErrorCode.NotFound, CodeOf(() => connection.OpenPublication(new PublicationOptions { Exchange = "none" })));
        Assert.Equal(ErrorCode.PreconditionFailed, CodeOf(() => connection.DeclareQueue("q", new QueueOptions { MaxLength = 6 })));
        Assert.Equal(ErrorCode.InvalidName, CodeOf(() => connection.DeclareQueue(new string('x', 256))));
        Assert.Equal(ErrorCode.InvalidName, CodeOf(() => connection.DeclareQueue("\ud800")));
        Assert.Equal(ErrorCode.UnknownLevel, CodeOf(() => connection.OpenPublication(new PublicationOptions { Durability = DurabilityLevel.None })));
        Assert.Equal(ErrorCode.InvalidArgument, CodeOf(() => connection.OpenPublication(new PublicationOptions { Window = 0 })));
        Assert.Equal(ConnectionState.Ready, connection.State);
        Assert.Equal(new QueueInfo("q", 0, 0), connection.DeclareQueue("q", new QueueOptions { Passive = true }));
    }

    [Fact]
    public void ShouldThrowOutOfPollWhatAHandlerThrowsAndGoOn()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        PublishAll(connection, ConnectionMode.Polled, publication, 0, 10);
        Until(connection, ConnectionMode.Polled, () => publication.IsIdle, "confirms");
        var tags = new List<ulong>();
        int thrown = 0;
        connection.SubscribeAsync("q", (Subscription subscription, in Delivery delivery) =>
        {
            tags.Add(delivery.Tag);
            if (delivery.Tag == 3)
                throw new FormatException("three");
            subscription.Ack(delivery.Tag);
        });

        Eventually.True(
            () =>
            {
                try
                {
                    connection.Poll();
                }
                catch (FormatException)
                {
                    thrown++;
                }

                return tags.Count == 10;
            },
            "all ten");

        Assert.Equal(1, thrown);
        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), tags);
        connection.Dispose();
        Connection after = Connect(ConnectionMode.Polled);
        Assert.Equal(1, after.DeclareQueue("q").Ready); // The one whose handler threw was not settled.
    }

    [Fact]
    public void ShouldCloseABackgroundConnectionWhoseHandlerThrows()
    {
        LowLatencyException? reason = null;
        Connection connection = Connect(ConnectionMode.Background, new ConnectionOptions
        {
            OnStateChanged = (_, state, why) => reason = state == ConnectionState.Closed ? why : reason,
        });
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery _) => throw new FormatException("handler"));

        publication.TryPublish(Body(0));

        Eventually.True(() => connection.State == ConnectionState.Closed && publication.Status == PublishStatus.Closed && subscription.IsClosed, "closed");
        Assert.IsType<FormatException>(connection.Error?.InnerException);
        Assert.Same(connection.Error, reason);
        Assert.Equal(ErrorCode.InternalError, CodeOf(() => connection.DeclareQueue("q")));
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldNotWaitInAHandler(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        Exception? waiting = null;
        Exception? polling = null;
        Task<QueueInfo>? asked = null;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            subscription.Ack(delivery.Tag);
            polling = Record.Exception(() => connection.Poll());
            waiting = Record.Exception(() => connection.DeclareQueue("other"));
            Volatile.Write(ref asked, connection.DeclareQueueAsync("other"));
        });

        PublishAll(connection, mode, publication, 0, 1);

        Until(connection, mode, () => Volatile.Read(ref asked) is { IsCompletedSuccessfully: true }, "the async request");
        Assert.IsType<InvalidOperationException>(waiting);
        Assert.IsType<InvalidOperationException>(polling);
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldCloseFromAHandler(ConnectionMode mode)
    {
        Connection connection = Connect(mode);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));
        int handled = 0;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            handled++;
            subscription.Ack(delivery.Tag);
            connection.Dispose();
        });

        PublishAll(connection, mode, publication, 0, 1);

        Until(connection, mode, () => connection.State == ConnectionState.Closed, "closed");
        Assert.Equal(1, handled);
        Assert.Equal(PublishStatus.Closed, publication.TryPublish(Body(1)));
        Connection after = Connect(mode);
        Eventually.True(() => after.DeclareQueue("q") is { Ready: 0, Consumers: 0 }, "the ack went out");
    }

    [Fact]
    public async Task ShouldFailWhatWaitsWhenClosed()
    {
        Connection connection = Connect(ConnectionMode.Polled);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Window = 1 });
        Task<Confirmation> sent = publication.PublishAsync(Body(0)).AsTask();
        Task<Confirmation> pending = publication.PublishAsync(Body(1)).AsTask();
        Task flush = publication.FlushAsync();
        Task<QueueInfo> request = connection.DeclareQueueAsync("q");

        connection.Dispose();
        connection.Dispose();

        Assert.Equal(ErrorCode.NotConnected, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(sent))).Code);
        Assert.Equal(ErrorCode.NotConnected, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(pending))).Code);
        Assert.Equal(ErrorCode.NotConnected, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(flush))).Code);
        Assert.Equal(ErrorCode.NotConnected, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(request))).Code);
        Assert.Equal(ErrorCode.NotConnected, CodeOf(() => connection.DeclareQueue("q")));
        Assert.Equal(0, connection.Poll());
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public void ShouldGoOnAfterARestartOfTheBroker(ConnectionMode mode)
    {
        var states = new List<ConnectionState>();
        var rejected = new HashSet<ulong>();
        Connection connection = Connect(mode, new ConnectionOptions
        {
            OnStateChanged = (_, state, _) =>
            {
                lock (states)
                    states.Add(state);
            },
        });
        connection.DeclareQueue("q");
        connection.DeclareQueue("passing", new QueueOptions { Durable = false });
        Publication publication = connection.OpenPublication(To("q") with
        {
            OnReject = (Publication _, in Rejection rejection) =>
            {
                Assert.True(rejection.Code is ErrorCode.NotConnected or ErrorCode.ShuttingDown, rejection.Reason);
                rejected.Add(rejection.Sequence);
            },
        });
        var seen = new SortedDictionary<ulong, byte[]>();
        bool inOrder = true;
        ulong last = 0;
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            inOrder &= delivery.IsRedelivered || delivery.QueueSequence == last + 1;
            last = Math.Max(last, delivery.QueueSequence);
            seen[delivery.QueueSequence] = delivery.Body.ToArray();
            subscription.Ack(delivery.Tag);
        });
        PublishAll(connection, mode, publication, 0, 2000);

        // A polled connection must be polled for the broker to end in good order: another thread stops it.
        Task stop = Task.Run(Broker.Stop);
        Until(connection, mode, () => stop.IsCompleted && connection.State == ConnectionState.Reconnecting, "gone");
        Assert.Equal(PublishStatus.NotConnected, publication.TryPublish(Body(2000)));
        Broker.Start();
        Until(connection, mode, () => publication.Status == PublishStatus.Accepted, "back");
        PublishAll(connection, mode, publication, 2000, 2000);
        Until(connection, mode, () => publication.IsIdle && seen.Count == 4000 - rejected.Count, "all");

        Assert.True(inOrder);
        Assert.True(rejected.Count == 0 || !KeepsCopies);
        byte[][] expected = Enumerable.Range(0, 4000).Where(i => !rejected.Contains((ulong)i + 1)).Select(Body).ToArray();
        Assert.Equal(expected, seen.Values);
        Assert.Equal([ConnectionState.Ready, ConnectionState.Reconnecting, ConnectionState.Ready], states);
        Assert.Equal(0, connection.DeclareQueue("passing", new QueueOptions { Passive = true }).Consumers); // Declared again.
    }

    [Fact]
    public async Task ShouldIgnoreSettlementsOfALostConnection()
    {
        Connection connection = Connect(ConnectionMode.Background);
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q") with { Durability = DurabilityLevel.Disk });
        for (int i = 0; i < 4; i++)
            await Eventually.Done(publication.PublishAsync(Body(i)));
        Subscription subscription = connection.Subscribe("q", (Subscription _, in Delivery _) => { });
        Eventually.True(() => subscription.LastTag == 4, "four");

        Broker.Stop();
        Broker.Start();
        Eventually.True(() => subscription.LastTag == 8, "four again, tags going on");
        subscription.AckUpTo(4);
        subscription.AckRange(1, 6); // Two of this connection.
        subscription.Close();

        Assert.Equal(2, connection.DeclareQueue("q").Ready);
        Assert.Equal(ConnectionState.Ready, connection.State);
    }

    [Fact]
    public void ShouldNotReconnectWhenToldNotTo()
    {
        Connection connection = Connect(ConnectionMode.Background, new ConnectionOptions { Reconnect = false });
        connection.DeclareQueue("q");
        Publication publication = connection.OpenPublication(To("q"));

        Broker.Stop();

        Eventually.True(() => connection.State == ConnectionState.Closed, "closed");
        Assert.Equal(PublishStatus.Closed, publication.TryPublish(Body(0)));
        Assert.NotNull(publication.Error);
    }

    [Theory]
    [InlineData(ConnectionMode.Polled)]
    [InlineData(ConnectionMode.Background)]
    public async Task ShouldWaitForTheBrokerOnlyWhenToldTo(ConnectionMode mode)
    {
        Broker.Stop();
        LowLatencyException refused = Assert.Throws<LowLatencyException>(() => Connect(mode));
        Assert.Equal(ErrorCode.NotConnected, refused.Code);
        Assert.Contains("open", refused.Message + " lowlatency serve --listen opens", StringComparison.Ordinal);

        Task<Connection> connecting = Task.Run(() => Connect(mode, new ConnectionOptions
        {
            RetryInitialConnect = true, ConnectTimeout = TimeSpan.FromMilliseconds(Eventually.DeadlineMs),
        }));
        Broker.Start();

        Connection connection = await connecting.WaitAsync(TimeSpan.FromMilliseconds(Eventually.DeadlineMs));
        Assert.Equal(ConnectionState.Ready, connection.State);
    }

    private static ErrorCode CodeOf(Action action) => Assert.ThrowsAny<LowLatencyException>(action).Code;
}
