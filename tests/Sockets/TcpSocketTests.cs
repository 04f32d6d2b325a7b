using System.Net.Sockets;
using System.Security.Cryptography;
using LowLatency.Transport.Sockets;
using Xunit;

namespace LowLatency.Tests.Sockets;

public sealed unsafe class TcpSocketTests : IDisposable
{
    private readonly TcpAcceptor _acceptor = TcpAcceptor.Listen(TransportAddress.Parse("tcp://127.0.0.1:0"));
    private readonly TcpSocket _client;
    private readonly TcpSocket _server;

    public TcpSocketTests()
    {
        _client = TcpSocket.Connect(_acceptor.Endpoint, out bool connected);
        TcpSocket? server;
        while (_acceptor.TryAccept(out server) != AcceptStatus.Accepted)
            Thread.Yield();
        _server = server!;
        if (!connected)
            Assert.Equal(SocketError.Success, _client.ConnectResult());
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _acceptor.Dispose();
    }

    [Fact]
    public void ShouldNotDelaySmallSendsOrBlock()
    {
        foreach (TcpSocket socket in new[] { _client, _server })
        {
            Assert.True(socket.Socket.NoDelay);
            Assert.False(socket.Socket.Blocking);
            Assert.Equal(TcpSocket.WouldBlock, socket.Receive(new byte[10]));
        }
    }

    [Fact]
    public void ShouldTellEndFromFailure()
    {
        _client.EndSending();
        Assert.Equal(0, Receive(_server, new byte[1]));

        _client.Socket.LingerState = new LingerOption(true, 0);
        _client.Dispose();
        int result = Receive(_server, new byte[1]);
        Assert.True(result is 0 or TcpSocket.Failed);
        while (result >= 0)
            result = _server.Send("x"u8);
        Assert.Equal(TcpSocket.Failed, result);
        Assert.True(_server.LastError is SocketError.ConnectionReset or SocketError.Shutdown, _server.LastError.ToString());
    }

    [Fact]
    public void ShouldSendPiecesInOrderAndSayHowMuchWasTaken()
    {
        byte[] first = RandomNumberGenerator.GetBytes(1000);
        byte[] second = RandomNumberGenerator.GetBytes(8 * 1024 * 1024);
        byte[] third = RandomNumberGenerator.GetBytes(77);
        byte[] all = [.. first, .. second, .. third];
        byte[] received = new byte[all.Length];
        int sent = 0;
        int got = 0;
        fixed (byte* firstStart = first, secondStart = second, thirdStart = third, allStart = all)
        {
            IoVector* vectors = stackalloc IoVector[3];
            vectors[0] = new IoVector { Start = firstStart, Length = (nuint)first.Length };
            vectors[1] = new IoVector { Start = secondStart, Length = (nuint)second.Length };
            vectors[2] = new IoVector { Start = thirdStart, Length = (nuint)third.Length };
            sent = _client.SendGather(vectors, 3);
            Assert.InRange(sent, first.Length + 1, all.Length - 1); // More than a socket buffer holds.
            while (got < all.Length)
            {
                if (sent < all.Length)
                    sent += Math.Max(0, _client.Send(allStart + sent, all.Length - sent));
                got += Math.Max(0, _server.Receive(received.AsSpan(got)));
            }
        }

        Assert.Equal(all, received);
    }

    [Fact]
    public void ShouldSayThatNobodyListens()
    {
        using TcpAcceptor closed = TcpAcceptor.Listen(TransportAddress.Parse("tcp://127.0.0.1:0"));
        System.Net.IPEndPoint endpoint = closed.Endpoint;
        closed.Dispose();
        try
        {
            using TcpSocket socket = TcpSocket.Connect(endpoint, out bool connected);
            Assert.False(connected);
            SocketError result = SocketError.Success;
            Assert.True(SpinWait.SpinUntil(() => (result = socket.ConnectResult()) != SocketError.Success, 5000));
            Assert.Equal(SocketError.ConnectionRefused, result);
        }
        catch (SocketException refused)
        {
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }
    }

    private static int Receive(TcpSocket socket, byte[] target)
    {
        int received = TcpSocket.WouldBlock;
        Assert.True(SpinWait.SpinUntil(() => (received = socket.Receive(target)) != TcpSocket.WouldBlock, 5000));
        return received;
    }
}
