using System.Diagnostics;
using System.Net.Sockets;
using LowLatency.Transport.Sockets;
using Xunit;

namespace LowLatency.Tests.Sockets;

/// <summary>What every poller does.</summary>
public abstract class PollerTests : IDisposable
{
    private const int Key = 3;
    private const int TimeoutMs = 10_000;

    private readonly Poller _poller;
    private readonly TcpAcceptor _acceptor = TcpAcceptor.Listen(TransportAddress.Parse("tcp://127.0.0.1:0"));
    private readonly TcpSocket _client;
    private readonly TcpSocket _server;
    private readonly byte[] _buffer = new byte[256 * 1024];

    private protected PollerTests(Poller poller)
    {
        _poller = poller;
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(_acceptor.Endpoint);
        _client = new TcpSocket(socket);
        TcpSocket? server;
        while (_acceptor.TryAccept(out server) != AcceptStatus.Accepted)
            Thread.Yield();
        _server = server!;
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _acceptor.Dispose();
        _poller.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void ShouldReportBytesThatArriveAfterWouldBlock()
    {
        Watch();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, _poller.Wait(0));
            _client.Send("x"u8);
            AssertReported(PollReadiness.Readable);
            Assert.Equal(1, _server.Receive(_buffer));
            BlockReceive();
        }
    }

    [Fact]
    public void ShouldNotReportAgainWhatTheOwnerLeaves()
    {
        Watch();
        _client.Send("x"u8);
        AssertReported(PollReadiness.Readable);
        Assert.Equal(0, _poller.Wait(0));
        Assert.Equal(0, _poller.Wait(0));
    }

    [Fact]
    public void ShouldReportWhenThereIsRoomToSendAgain()
    {
        Watch();
        while (_server.Send(_buffer) != TcpSocket.WouldBlock)
        {
            // Fill it.
        }

        _poller.Await(Key, PollReadiness.Writable);
        Assert.Equal(0, _poller.Wait(0));
        long start = Stopwatch.GetTimestamp();
        while (_poller.Wait(0) == 0)
        {
            _client.Receive(_buffer);
            Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < TimeoutMs);
        }

        AssertReported(PollReadiness.Writable);
    }

    [Fact]
    public void ShouldReportThePeersEnd()
    {
        Watch();
        _client.Dispose();
        AssertReported(PollReadiness.Readable);
        Assert.Equal(0, _server.Receive(_buffer));
    }

    [Fact]
    public void ShouldReportAConnectionToAccept()
    {
        _poller.Add(_acceptor, 1);
        Assert.Equal(0, _poller.Wait(0));
        using Socket another = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        another.Connect(_acceptor.Endpoint);
        Assert.Equal(1, _poller.Wait(TimeoutMs));
        Assert.Equal(1, _poller.Events[0].Key);
        Assert.Equal(AcceptStatus.Accepted, _acceptor.TryAccept(out TcpSocket? accepted));
        Assert.Equal(AcceptStatus.NoneWaiting, _acceptor.TryAccept(out _));
        accepted!.Dispose();
        _poller.Remove(_acceptor, 1);
    }

    [Fact]
    public void ShouldKeepEventsUntilTheyAreTaken()
    {
        Watch();
        _client.Send("x"u8);
        Assert.Equal(1, _poller.Wait(TimeoutMs));
        Assert.Equal(1, _poller.Wait(TimeoutMs)); // At once: the event is held.
        Assert.True(_poller.HasEvents);
        _poller.Clear();
        Assert.False(_poller.HasEvents);
    }

    [Fact]
    public void ShouldEndAWaitWhenWoken()
    {
        Watch();
        int events = -1;
        Thread waiter = new(() => events = _poller.Wait(TimeoutMs));
        waiter.Start();
        Assert.False(waiter.Join(50));
        _poller.Wake();
        Assert.True(waiter.Join(TimeoutMs / 2));
        Assert.Equal(0, events);
    }

    [Fact]
    public void ShouldKeepAWakeForTheNextWait()
    {
        for (int i = 0; i < 3; i++)
        {
            _poller.Wake();
            long start = Stopwatch.GetTimestamp();
            _poller.Wait(TimeoutMs);
            Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < TimeoutMs / 2);
        }
    }

    [Fact]
    public void ShouldTimeOut()
    {
        long start = Stopwatch.GetTimestamp();
        Assert.Equal(0, _poller.Wait(30));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 25, TimeoutMs);
    }

    [Fact]
    public void ShouldForgetARemovedSocket()
    {
        Watch();
        _poller.Remove(_server, Key);
        _client.Send("x"u8);
        Assert.Equal(0, _poller.Wait(20));
    }

    [Fact]
    public void ShouldParkAndBeWokenThroughTheSignal()
    {
        using PollerWakeSignal signal = new(_poller);
        int wokenCount = 0;
        for (int i = 0; i < 20; i++)
        {
            signal.PreparePark();
            bool hasSignalled = false;
            Thread waker = new(() => hasSignalled = signal.Wake());
            waker.Start();
            long start = Stopwatch.GetTimestamp();
            bool isWoken = signal.Park(TimeoutMs);
            bool isLost = !isWoken && Stopwatch.GetElapsedTime(start).TotalMilliseconds >= TimeoutMs;
            waker.Join();
            // A park may end for nothing; then there is nobody to signal. Never may one last its whole time.
            Assert.False(isLost, $"round {i}");
            Assert.Equal(isWoken, hasSignalled);
            wokenCount += isWoken ? 1 : 0;
        }
        Assert.True(wokenCount > 10, $"{wokenCount} of 20");
    }

    [Fact]
    public void ShouldNotLoseASignalThatADutyCycleSwallowed()
    {
        using PollerWakeSignal signal = new(_poller);
        signal.PreparePark();
        Assert.True(signal.Wake());
        _poller.Wait(0); // The last look before the park.
        long start = Stopwatch.GetTimestamp();
        Assert.True(signal.Park(TimeoutMs));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < TimeoutMs / 2);
    }

    [Fact]
    public void ShouldAllocateNothingPerWait()
    {
        Watch();
        for (int i = 0; i < 100; i++)
            WaitOnce();
        long allocated = Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
                WaitOnce();
        });
        Assert.InRange(allocated, 0, AllowedBytes);
    }

    /// <summary>Bytes that a thousand waits may allocate.</summary>
    protected abstract long AllowedBytes { get; }

    private void WaitOnce()
    {
        _client.Send("x"u8);
        while (_poller.Wait(0) == 0)
            Thread.Yield();
        _poller.Clear();
        _server.Receive(_buffer);
        BlockReceive();
    }

    private void Watch()
    {
        _poller.Add(_server, Key);
        _poller.Wait(0); // It is writable from the start.
        _poller.Clear();
        BlockReceive();
    }

    private void BlockReceive()
    {
        if (_server.Receive(_buffer) != TcpSocket.WouldBlock) // No assertion: it would allocate.
            throw new InvalidOperationException("There is more to receive.");
        _poller.Await(Key, PollReadiness.Readable);
    }

    private void AssertReported(PollReadiness readiness)
    {
        Assert.Equal(1, _poller.Wait(TimeoutMs));
        Assert.Equal(Key, _poller.Events[0].Key);
        Assert.Equal(readiness, _poller.Events[0].Readiness & readiness);
        _poller.Clear();
    }
}
