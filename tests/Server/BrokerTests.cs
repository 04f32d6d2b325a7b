using System.Diagnostics;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class BrokerTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(ThreadingMode.Shared, IdleMode.Adaptive)]
    [InlineData(ThreadingMode.Shared, IdleMode.Yield)]
    [InlineData(ThreadingMode.Dedicated, IdleMode.Adaptive)]
    public void ShouldServeClientsAndStopInGoodOrder(ThreadingMode threading, IdleMode idle)
    {
        using Broker broker = Open(threading, idle);
        broker.Start();
        using TestPeer peer = new(broker.Endpoints[0]);
        peer.SendHello();
        Until(peer, () => peer.Count(FrameType.Welcome) == 1);
        peer.SendDeclareQueue("q");
        Until(peer, () => peer.Count(FrameType.QueueDeclared) == 1);
        peer.SendOpenPublication("q");
        Until(peer, () => peer.Count(FrameType.PublicationOpened) == 1);
        uint publication = peer.First(FrameType.PublicationOpened)!.Fields<PublicationOpenedEvent>().Publication;
        peer.SendSubscribe("q", 1000);
        for (ulong sequence = 1; sequence <= 500; sequence++)
            peer.SendPublish(publication, sequence, new byte[200]);
        Until(peer, () => peer.Count(FrameType.Deliver) == 500);

        bool isClean = false;
        Thread stop = new(() => isClean = broker.Stop(Timeout));
        stop.Start();
        Until(peer, () => peer.IsEnded);
        Assert.Equal(ErrorCode.ShuttingDown, peer.First(FrameType.Close)!.Ending().Code);
        peer.Dispose();
        Assert.True(stop.Join(Timeout));
        Assert.True(isClean);
        Assert.Null(broker.Error);
    }

    [Theory]
    [InlineData(ThreadingMode.Shared)]
    [InlineData(ThreadingMode.Dedicated)]
    public void ShouldWakeParkedThreadsForEveryMessage(ThreadingMode threading)
    {
        // Threads that park at once and stay parked for longer than the test waits.
        using Broker broker = Broker.Open(new ServerOptions
        {
            Listen = ["tcp://127.0.0.1:0"],
            Threading = threading,
            Adaptive = new AdaptiveIdle { SpinUs = 0, ParkTimeoutMs = 60_000 },
        });
        broker.Start();
        using TestPeer peer = new(broker.Endpoints[0]);
        peer.SendHello();
        Until(peer, () => peer.Count(FrameType.Welcome) == 1);
        for (int i = 1; i <= 100; i++)
        {
            peer.SendDeclareQueue("q");
            Until(peer, () => peer.Count(FrameType.QueueDeclared) == i);
        }
    }

    [Fact]
    public void ShouldSayWhichPortIsInUseAndWhatToDo()
    {
        using Broker broker = Open(ThreadingMode.Shared, IdleMode.Adaptive);
        string address = broker.Addresses[0];
        TransportException refused = Assert.Throws<TransportException>(() => Broker.Open(new ServerOptions { Listen = [address] }));
        Assert.Contains(address, refused.Message, StringComparison.Ordinal);
        Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldListenOnSeveralAddresses()
    {
        using Broker broker = Broker.Open(new ServerOptions { Listen = ["tcp://127.0.0.1:0", "tcp://localhost:0"] });
        broker.Start();
        Assert.Equal(2, broker.Endpoints.Count);
        foreach (System.Net.IPEndPoint endpoint in broker.Endpoints)
        {
            using TestPeer peer = new(endpoint);
            peer.SendHello();
            Until(peer, () => peer.Count(FrameType.Welcome) == 1);
        }
    }

    [Fact]
    public void ShouldBeFoundInTheProcessUntilItStops()
    {
        ServerOptions options = new() { Listen = [], InprocName = "broker-tests" };
        using (Broker broker = Broker.Open(options))
        {
            Assert.True(InprocRegistry.TryGet("broker-tests", out BrokerCore? core, out CancellationToken stopping));
            Assert.Same(broker.Core, core);
            Assert.Throws<TransportException>(() => Broker.Open(options));
            broker.Start();
            Assert.True(broker.Stop(Timeout));
            Assert.True(stopping.IsCancellationRequested);
            Assert.False(InprocRegistry.TryGet("broker-tests", out _));
        }

        using Broker again = Broker.Open(options);
    }

    [Fact]
    public void ShouldKeepDurableMessagesOverAStop()
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-broker").FullName;
        try
        {
            ServerOptions options = new()
            {
                Listen = ["tcp://127.0.0.1:0"],
                Broker = new BrokerOptions { DataDirectory = folder, SegmentSize = 4 * 1024 * 1024, MinFreeDiskBytes = 0, DiskHighWatermark = 0 },
            };
            using (Broker broker = Broker.Open(options))
            {
                Assert.Contains("New journal", broker.RecoveryText, StringComparison.Ordinal);
                broker.Start();
                using TestPeer peer = new(broker.Endpoints[0]);
                PublishDurable(peer, 100);
            }

            using Broker again = Broker.Open(options);
            Assert.Contains("100 messages", again.RecoveryText, StringComparison.Ordinal);
            Assert.Contains("clean", again.RecoveryText, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void PublishDurable(TestPeer peer, int count)
    {
        byte[] frame = new byte[FrameWriter.MaxControlLength];
        peer.SendHello();
        peer.Send(frame.AsSpan(0, TestFrames.WriteDeclareQueue(frame, 1000, QueueFlags.Durable, 0, "durable"u8)));
        peer.Send(frame.AsSpan(0, TestFrames.WriteOpenPublication(
            frame, 1001, 1000, DurabilityLevel.Disk, PublicationFlags.Mandatory, "tests"u8, ""u8, "durable"u8)));
        Until(peer, () => peer.Count(FrameType.PublicationOpened) == 1);
        uint publication = peer.First(FrameType.PublicationOpened)!.Fields<PublicationOpenedEvent>().Publication;
        for (int i = 1; i <= count; i++)
            peer.SendPublish(publication, (ulong)i, new byte[50]);
        Until(peer, () => peer.Frames.Exists(received => received.Type == FrameType.Confirm && received.Fields<ConfirmFrame>().Sequence == (ulong)count));
        Assert.Equal((byte)DurabilityLevel.Disk, peer.Frames.Last(received => received.Type == FrameType.Confirm).Fields<ConfirmFrame>().Level);
    }

    private static Broker Open(ThreadingMode threading, IdleMode idle)
        => Broker.Open(new ServerOptions { Listen = ["tcp://127.0.0.1:0"], Threading = threading, Idle = idle });

    private static void Until(TestPeer peer, Func<bool> condition)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            peer.Pump();
            Thread.Yield();
            Assert.True(Stopwatch.GetElapsedTime(start) < Timeout, "Not in time.");
        }
    }
}
