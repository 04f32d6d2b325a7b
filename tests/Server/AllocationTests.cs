using System.Diagnostics;
using LowLatency.Core.Engine;
using LowLatency.Tests.Sockets;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class AllocationTests
{
    private const int BodyLength = 128;
    private const int Batch = 20;

    [Fact]
    public void ShouldAllocateNothingPerMessageInTheAgent()
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        uint subscription = harness.Subscribe(subscriber, "q", 1000);
        harness.Steps(50);
        harness.Forget(publisher);
        harness.Forget(subscriber);

        using RawTraffic traffic = new(harness, publisher, subscriber, publication, subscription);
        for (int i = 0; i < 300; i++)
            traffic.Round();
        long allocated = Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
                traffic.Round();
        });

        Assert.Equal(0, allocated);
        Assert.Equal(traffic.Published, traffic.Delivered);
    }

    /// <summary>Publishes, receives and acknowledges with buffers of its own, so that only the broker can allocate.</summary>
    private sealed class RawTraffic(ServerHarness harness, TestPeer publisher, TestPeer subscriber, uint publication, uint subscription) : IDisposable
    {
        private static readonly int DeliverLength = FrameWriter.DeliverLength(BodyLength);

        private readonly TcpSocket _out = new(publisher.Socket);
        private readonly TcpSocket _in = new(subscriber.Socket);
        private readonly byte[] _publishes = new byte[Batch * FrameWriter.PublishLength(0, 0, BodyLength)];
        private readonly byte[] _received = new byte[256 * 1024];
        private readonly byte[] _body = new byte[BodyLength];
        private ulong _sequence;

        internal long Published => (long)_sequence;

        internal long Delivered { get; private set; }

        internal void Round()
        {
            int length = 0;
            for (int i = 0; i < Batch; i++)
                length += FrameWriter.WritePublish(_publishes.AsSpan(length), publication, ++_sequence, 0, _body);
            if (_out.Send(_publishes) != length)
                throw new InvalidOperationException("The socket took only a part.");

            long start = Stopwatch.GetTimestamp();
            int received = 0;
            while (received < Batch * DeliverLength)
            {
                harness.Agent.DoWork();
                harness.Core.EngineAgent.DoWork();
                received += Math.Max(0, _in.Receive(_received));
                if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(10))
                    throw new TimeoutException("A message did not arrive.");
            }

            Delivered += received / DeliverLength;
            int ack = FrameWriter.WriteSettle(_received, subscription, SettleKind.Ack, 0, _sequence, Batch, 0);
            _in.Send(_received.AsSpan(0, ack));
            _out.Receive(_received); // Confirms.
        }

        public void Dispose()
        {
            _out.Dispose();
            _in.Dispose();
        }
    }
}
