using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>What the client says over tcp, frame by frame, and how it takes what it should not hear.</summary>
public sealed partial class TcpProtocolTests : IDisposable
{
    private readonly FakeBroker _broker = new();
    private readonly List<(ConnectionState State, LowLatencyException? Reason)> _states = [];

    /// <summary>What the handler was told so far; it may be told more at any time.</summary>
    private (ConnectionState State, LowLatencyException? Reason)[] States
    {
        get
        {
            lock (_states)
                return [.. _states];
        }
    }

    private Connection? _connection;

    public void Dispose()
    {
        _broker.Dispose();
        _connection?.Dispose();
    }

    [Fact]
    public void ShouldSayWhoItIs()
    {
        Task<Connection> connecting = StartConnect(new ConnectionOptions { ClientName = "tester", HeartbeatInterval = TimeSpan.FromSeconds(3) });
        byte[] frame = _broker.Accept().Read(FrameType.Hello);

        HelloFrame hello = MemoryMarshal.Read<HelloFrame>(frame);
        Assert.Equal((1, 1, 3000U), (hello.Version, hello.MinVersion, hello.HeartbeatMs));
        Assert.Equal(["tester", "/"], TestFrames.PartsOf(frame));
        Assert.False(connecting.IsCompleted);
    }

    [Fact]
    public void ShouldSayThatNothingListens()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = $"tcp://{listener.LocalEndpoint}";
        listener.Stop();

        LowLatencyException refused = Assert.Throws<LowLatencyException>(() => Connection.Connect(address));

        Assert.Equal(ErrorCode.NotConnected, refused.Code);
        Assert.Contains($"lowlatency serve --listen {address}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp:/localhost", ErrorCode.InvalidArgument)]
    [InlineData("amqp://localhost", ErrorCode.InvalidArgument)]
    [InlineData("inproc://no-such-broker", ErrorCode.NotConnected)]
    [InlineData("tcp://no-such-host.invalid:1", ErrorCode.NotConnected)]
    public void ShouldSayWhatIsWrongWithAnAddress(string address, ErrorCode code)
        => Assert.Equal(code, Assert.Throws<LowLatencyException>(() => Connection.Connect(address)).Code);

    [Fact]
    public async Task ShouldConnectByName()
    {
        Task<Connection> connecting = StartConnect(null, _broker.Address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        using FakeSession session = _broker.AcceptAndWelcome();
        Assert.Equal(ConnectionState.Ready, (await Eventually.Done(connecting)).State);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", ErrorCode.NotThisProtocol)]
    [InlineData("AMQP\0\0\x9\x1AMQP", ErrorCode.NotThisProtocol)]
    public async Task ShouldNameAPeerOfAnotherProtocol(string bytes, ErrorCode code)
    {
        Task<Connection> connecting = StartConnect();
        _broker.Accept().Send(Encoding.Latin1.GetBytes(bytes));
        Assert.Equal(code, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(connecting))).Code);
    }

    [Fact]
    public async Task ShouldGiveUpConnectingToASilentPeer()
    {
        Task<Connection> connecting = StartConnect(new ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(200) });
        _broker.Accept();
        Assert.Equal(ErrorCode.Timeout, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(connecting))).Code);
    }

    [Theory]
    [InlineData(ErrorCode.UnsupportedVersion)]
    [InlineData(ErrorCode.AccessRefused)]
    [InlineData(ErrorCode.WindowExceeded)]
    public async Task ShouldStayClosedAfterAFinalError(ErrorCode code)
    {
        FakeSession session = await Connect();

        session.Send(buffer => FrameWriter.WriteError(buffer, code, "no more"));

        Eventually.True(() => _connection!.State == ConnectionState.Closed, "closed");
        Assert.Equal(code, _connection!.Error!.Code);
        Assert.Contains("no more", _connection.Error.Message, StringComparison.Ordinal);
        Assert.Equal(code, Assert.Throws<LowLatencyException>(() => _connection.DeclareQueue("q")).Code);
        Assert.False(_broker.HasCaller);
    }

    [Theory]
    [InlineData(ErrorCode.ShuttingDown)]
    [InlineData(ErrorCode.Timeout)]
    [InlineData(ErrorCode.LimitReached)]
    public async Task ShouldComeBackAfterAPassingError(ErrorCode code)
    {
        FakeSession session = await Connect();

        session.Send(buffer => FrameWriter.WriteError(buffer, code, "later"));

        _broker.AcceptAndWelcome();
        Eventually.True(() => _connection!.State == ConnectionState.Ready, "ready");
        Assert.Contains(States, seen => seen.State == ConnectionState.Reconnecting && seen.Reason!.Code == code);
    }

    [Fact]
    public async Task ShouldSayThatItIsThereAndNoticeADeadPeer()
    {
        FakeSession session = await Connect(heartbeatMs: 400);

        session.Read(FrameType.Heartbeat);
        session.ReadToEnd(); // It hears nothing for 800 ms.

        _broker.AcceptAndWelcome();
        Eventually.True(() => States.Any(seen => seen.Reason?.Code == ErrorCode.Timeout), "noticed");
    }

    [Fact]
    public async Task ShouldSendTheAcksOfATurnAsOneFrameWithTheCredit()
    {
        FakeSession session = await Connect();
        Subscription subscription = await Subscribe(session, 16, (Subscription sub, in Delivery delivery) => sub.Ack(delivery.Tag));

        session.Send(Deliveries(1, 10));

        Assert.True(FrameParser.TryParseSettle(session.Read(FrameType.Settle), out SettleFrame settle, out _));
        Assert.Equal((3U, (byte)SettleKind.Ack, 1UL, 10UL, 10U), (settle.Subscription, settle.Kind, settle.FirstTag, settle.LastTag, settle.CreditMessages));
        session.Send(Deliveries(11, 11));
        Assert.True(FrameParser.TryParseSettle(session.Read(FrameType.Settle), out settle, out _));
        Assert.Equal((11UL, 11UL, 0U), (settle.FirstTag, settle.LastTag, settle.CreditMessages)); // Less than half: later.
        subscription.Dispose();
    }

    [Fact]
    public async Task ShouldTakeFramesInAnyPieces()
    {
        var bodies = new List<byte[]>();
        FakeSession session = await Connect();
        await Subscribe(session, 100, (Subscription sub, in Delivery delivery) =>
        {
            lock (bodies)
                bodies.Add(delivery.Body.ToArray());
            sub.Ack(delivery.Tag);
        });
        byte[] bytes = Deliveries(1, 5);

        foreach (byte one in bytes)
            session.Send([one]);

        Eventually.True(() => bodies.Count == 5, "five");
        Assert.All(bodies, body => Assert.Equal("body"u8.ToArray(), body));
    }

    [Fact]
    public async Task ShouldFailARequestThatIsNotAnswered()
    {
        FakeSession session = await Connect(new ConnectionOptions { RequestTimeout = TimeSpan.FromMilliseconds(100) });
        Task<QueueInfo> declaring = _connection!.DeclareQueueAsync("q");
        uint late = RequestOf(session.Read(FrameType.DeclareQueue));

        Assert.Equal(ErrorCode.Timeout, (await Assert.ThrowsAsync<LowLatencyException>(() => Eventually.Done(declaring))).Code);
        session.Send(buffer => TestFrames.WriteQueueDeclared(buffer, late, 0, 0)); // Its answer is no surprise.

        declaring = _connection.DeclareQueueAsync("q");
        uint request = RequestOf(session.Read(FrameType.DeclareQueue));
        session.Send(buffer => TestFrames.WriteQueueDeclared(buffer, request, 2, 9));
        Assert.Equal(new QueueInfo("q", 9, 2), await Eventually.Done(declaring));
    }

    [Fact]
    public async Task ShouldNotSpinWhileThePeerDoesNotRead()
    {
        Task<FakeSession> accepting = Task.Run(() => _broker.AcceptAndWelcome());
        using Connection connection = Connection.Connect(_broker.Address, new ConnectionOptions { Mode = ConnectionMode.Polled, SendBufferLength = 4096 });
        FakeSession session = await Eventually.Done(accepting);
        Task<Publication> opening = connection.OpenPublicationAsync(new PublicationOptions { WindowBytes = 1 << 24 });
        Task answering = Task.Run(() => AnswerOpen(session, handle: 1, window: 1000, lastSequence: 0));
        Eventually.True(() => connection.Poll() >= 0 && opening.IsCompleted, "opened");
        await answering;
        Publication publication = await opening;
        const int Count = 170; // More than the system takes for a peer that does not read.
        byte[] body = new byte[90_000];
        int published = 0;
        Eventually.True(
            () =>
            {
                if (published < Count && publication.TryPublish(body) == PublishStatus.Accepted)
                    published++;
                return connection.Poll() == 0 && published == Count;
            },
            "the socket is full");

        Assert.False(connection.WaitForWork(20)); // Blocks: there is work, and no room for it.

        Task reading = Task.Run(() =>
        {
            for (int i = 0; i < published; i++)
                session.Read(FrameType.Publish);
        });
        Eventually.True(
            () =>
            {
                if (connection.Poll() == 0)
                    connection.WaitForWork(1000);
                return reading.IsCompleted;
            },
            "all is read");
        await reading;
    }

    private Task<Connection> StartConnect(ConnectionOptions? options = null, string? address = null)
    {
        return Run();

        async Task<Connection> Run()
        {
            Connection connection = await Connection.ConnectAsync(address ?? _broker.Address, (options ?? new ConnectionOptions()) with
            {
                OnStateChanged = (_, state, reason) =>
                {
                    lock (_states)
                        _states.Add((state, reason));
                },
            });
            _connection = connection;
            return connection;
        }
    }

    private async Task<FakeSession> Connect(ConnectionOptions? options = null, uint heartbeatMs = 10_000)
    {
        Task<Connection> connecting = StartConnect(options);
        FakeSession session = _broker.AcceptAndWelcome(heartbeatMs);
        await Eventually.Done(connecting);
        return session;
    }

    private async Task<Subscription> Subscribe(FakeSession session, int credit, DeliveryHandler handler)
    {
        Task<Subscription> subscribing = _connection!.SubscribeAsync("q", handler, new SubscriptionOptions { Credit = credit });
        byte[] frame = session.Read(FrameType.Subscribe);
        SubscribeCommand subscribe = MemoryMarshal.Read<SubscribeCommand>(frame);
        Assert.Equal((uint)credit, subscribe.CreditMessages);
        Assert.Equal(FrameLayout.NoByteLimit, subscribe.CreditBytes);
        session.Send(buffer => TestFrames.WriteSubscribed(buffer, RequestOf(frame), 3));
        return await Eventually.Done(subscribing);
    }

    /// <summary>The request number of any request: it comes first behind the header.</summary>
    private static uint RequestOf(byte[] frame) => MemoryMarshal.Read<uint>(frame.AsSpan(FrameLayout.HeaderLength));

    private static unsafe byte[] Deliveries(ulong first, ulong last, uint subscription = 3)
    {
        byte[] buffer = new byte[1 << 16];
        int length = 0;
        byte* block = stackalloc byte[MessageLayout.DeliveredBlockLength];
        new Span<byte>(block, MessageLayout.DeliveredBlockLength).Clear();
        for (ulong tag = first; tag <= last; tag++)
            length += FrameWriter.WriteDeliver(buffer.AsSpan(length), subscription, tag, tag, false, 0, 0, block, "body"u8);
        return buffer[..length];
    }
}
