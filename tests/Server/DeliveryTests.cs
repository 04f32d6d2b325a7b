using System.Security.Cryptography;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class DeliveryTests
{
    [Fact]
    public void ShouldCarryAMessageFromPublisherToSubscriberAndConfirmIt()
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open();
        harness.DeclareQueue(publisher, "orders");
        uint publication = harness.OpenPublication(publisher, "orders");
        uint subscription = harness.Subscribe(subscriber, "orders", 10);

        harness.Clock.Advance(TimeSpan.FromSeconds(1));
        publisher.SendPublish(publication, 1, "hello"u8);
        harness.Until(() => subscriber.Count(FrameType.Deliver) == 1 && publisher.Count(FrameType.Confirm) == 1);

        ReceivedFrame deliver = subscriber.First(FrameType.Deliver)!;
        DeliverFrame fields = deliver.Fields<DeliverFrame>();
        Assert.Equal("hello"u8.ToArray(), deliver.Body());
        Assert.Equal(subscription, fields.Subscription);
        Assert.Equal(1ul, fields.Tag);
        Assert.Equal(harness.Clock.Read().UnixNs, fields.ReceivedNs);
        Assert.Equal(0, deliver.Bytes[5]);
        ConfirmFrame confirm = publisher.First(FrameType.Confirm)!.Fields<ConfirmFrame>();
        Assert.Equal(1ul, confirm.Sequence);
        Assert.Equal((byte)DurabilityLevel.Memory, confirm.Level);

        subscriber.SendAck(subscription, 1, 1);
        publisher.SendPublish(publication, 2, "again"u8);
        harness.Until(() => subscriber.Count(FrameType.Deliver) == 2);
    }

    [Fact]
    public void ShouldTakeFramesByteByByte()
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.Subscribe(subscriber, "q", 10);

        byte[] frame = new byte[FrameWriter.PublishLength(0, 0, 21)];
        for (ulong sequence = 1; sequence <= 3; sequence++)
        {
            FrameWriter.WritePublish(frame, publication, sequence, 0, new byte[21]);
            foreach (byte one in frame)
            {
                publisher.Send([one]);
                harness.Step();
            }
        }

        harness.Until(() => subscriber.Count(FrameType.Deliver) == 3);
    }

    // Around the limit between copied and gathered, and over what a block holds.
    [Theory]
    [InlineData(ConnectionOutput.GatherLength - 1, 0)]
    [InlineData(ConnectionOutput.GatherLength, 0)]
    [InlineData(ConnectionOutput.GatherLength + 3, 2048)]
    [InlineData(300_001, 2048)]
    [InlineData(1024 * 1024, 2048)]
    [InlineData(1024 * 1024, 0)]
    public void ShouldDeliverLargeBodiesInTurnWithSmallOnes(int length, int receiveBufferLength)
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open(receiveBufferLength: receiveBufferLength);
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.Subscribe(subscriber, "q", 100);

        const int Count = 12;
        byte[][] bodies = new byte[Count][];
        for (int i = 0; i < Count; i++)
        {
            bodies[i] = RandomNumberGenerator.GetBytes(i % 3 == 1 ? 37 : length);
            publisher.SendPublish(publication, (ulong)i + 1, bodies[i]);
        }

        harness.Until(() => subscriber.Count(FrameType.Deliver) == Count);
        Assert.Equal(bodies, subscriber.Frames.Where(frame => frame.Type == FrameType.Deliver).Select(frame => frame.Body()));
        harness.Until(() => harness.Agent.RentedBlockCount == 0);
    }

    [Fact]
    public void ShouldNotLetASlowReaderHurtOthersOrFillMemory()
    {
        const int Count = 3000;
        const int Length = 4000;
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer slow = harness.Open(receiveBufferLength: 4096);
        TestPeer fast = harness.Open();
        harness.DeclareQueue(publisher, "slow");
        publisher.SendDeclareQueue("fast");
        uint toSlow = harness.OpenPublication(publisher, "slow");
        TestPeer second = harness.Open();
        uint toFast = harness.OpenPublication(second, "fast");
        harness.Subscribe(slow, "slow", 65_536);
        uint subscription = harness.Subscribe(fast, "fast", 100);
        fast.KeepsDeliveries = false;
        slow.IsReading = false;

        byte[] body = new byte[Length];
        for (ulong sequence = 1; sequence <= Count; sequence++)
        {
            publisher.SendPublish(toSlow, sequence, body);
            second.SendPublish(toFast, sequence, body);
            fast.SendAck(subscription, (ulong)fast.DeliveredCount, 0);
            if (sequence % 50 == 0)
            {
                fast.SendAck(subscription, (ulong)fast.DeliveredCount, 50);
                harness.Step();
                // One block waits for the slow reader, however much was published; others hold theirs during a cycle only.
                Assert.InRange(harness.Agent.RentedBlockCount, 0, 2);
            }
        }

        harness.Until(() => fast.DeliveredCount >= Count - 100, "fast");
        Assert.Equal(0, slow.Count(FrameType.Deliver));

        // When it reads after all, everything is there, in order.
        slow.IsReading = true;
        harness.Until(() => slow.Count(FrameType.Deliver) == Count, "slow");
        ulong tag = 0;
        foreach (ReceivedFrame frame in slow.Frames.Where(frame => frame.Type == FrameType.Deliver))
            Assert.Equal(++tag, frame.Fields<DeliverFrame>().Tag);
        harness.Until(() => harness.Agent.RentedBlockCount == 0);
    }

    [Fact]
    public void ShouldKeepTheOrderWhileABacklogIsSentInTurns()
    {
        const int Length = 8000;
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer reader = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.Subscribe(reader, "q", 65_536);
        reader.IsReading = false;
        byte[] body = new byte[Length];
        ulong sequence = 0;

        // More than the sockets take, which may be many megabytes.
        while (harness.Agent.RentedBlockCount == 0 || publisher.UnsentLength > 0 || sequence < 4000)
        {
            if (publisher.UnsentLength == 0)
                publisher.SendPublish(publication, ++sequence, body);
            harness.Step();
        }

        // The reader empties its socket at once: the backlog follows in turns, with new deliveries between them.
        reader.IsReading = true;
        ulong more = sequence + 1000;
        while (sequence < more)
        {
            for (int i = 0; i < 100; i++)
                reader.Pump();
            publisher.SendPublish(publication, ++sequence, body);
            harness.Step();
        }

        harness.Until(() => reader.DeliveredCount == (long)more);
        ulong tag = 0;
        foreach (ReceivedFrame frame in reader.Frames.Where(frame => frame.Type == FrameType.Deliver))
            Assert.Equal(++tag, frame.Fields<DeliverFrame>().Tag);
    }

    [Fact]
    public void ShouldCloseAClientThatAsksAndNeverReads()
    {
        using ServerHarness harness = new();
        TestPeer other = harness.Open();
        TestPeer peer = harness.Open(receiveBufferLength: 4096);
        peer.IsReading = false;
        byte[] declare = Frames.DeclareQueue("q"u8);
        byte[] many = new byte[declare.Length * 1000];
        for (int i = 0; i < 1000; i++)
            declare.CopyTo(many, i * declare.Length);

        // Without the engine the ring takes what the client asks for; the answers come all at once then.
        harness.RunsEngine = false;
        for (int i = 0; i < 200; i++)
        {
            peer.Send(many);
            harness.Steps(3);
        }

        harness.RunsEngine = true;
        harness.Until(() => harness.Core.SessionIds.Count == 1, "its session ends");
        harness.Clock.Advance(TimeSpan.FromSeconds(2));
        harness.Until(() => harness.Agent.ConnectionCount == 1);
        harness.DeclareQueue(other, "q");
    }

    [Fact]
    public void ShouldReturnUnsettledMessagesWhenAConnectionIsReset()
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        TestPeer first = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.Subscribe(first, "q", 10);
        publisher.SendPublish(publication, 1, "one"u8);
        harness.Until(() => first.Count(FrameType.Deliver) == 1);

        harness.Forget(first);
        first.Reset();
        TestPeer second = harness.Open();
        harness.Subscribe(second, "q", 10);
        harness.Until(() => second.Count(FrameType.Deliver) == 1);
        Assert.Equal(DeliverFrame.RedeliveredFlag, second.First(FrameType.Deliver)!.Bytes[5]);
        harness.Until(() => harness.Core.SessionIds.Count == 2);
    }

    [Fact]
    public void ShouldServeManyBusyConnectionsInTurn()
    {
        const int Connections = 40;
        const int Messages = 50;
        using ServerHarness harness = new();
        TestPeer subscriber = harness.Open();
        subscriber.KeepsDeliveries = false;
        harness.DeclareQueue(subscriber, "q");
        harness.Subscribe(subscriber, "q", 65_536);
        List<(TestPeer Peer, uint Publication)> publishers = [];
        for (int i = 0; i < Connections; i++)
        {
            TestPeer peer = harness.Open();
            publishers.Add((peer, harness.OpenPublication(peer, "q")));
        }

        for (ulong sequence = 1; sequence <= Messages; sequence++)
        {
            foreach ((TestPeer peer, uint publication) in publishers)
                peer.SendPublish(publication, sequence, new byte[100]);
            harness.Step();
        }

        harness.Until(() => subscriber.DeliveredCount == Connections * Messages);
        foreach ((TestPeer peer, _) in publishers)
            harness.Until(() => peer.Frames.Last(frame => frame.Type == FrameType.Confirm).Fields<ConfirmFrame>().Sequence == Messages);
    }
}
