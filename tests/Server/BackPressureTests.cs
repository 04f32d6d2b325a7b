using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class BackPressureTests
{
    // A small ring, four times the largest publish.
    private static readonly BrokerLimits Limits = new() { MaxBodyLength = 1024, IngressCapacity = 512 * 1024 };

    [Fact]
    public void ShouldStopReadingWhileTheIngressRingIsFullAndLoseNothing()
    {
        const int Count = 20_000;
        using ServerHarness harness = new(Limits);
        TestPeer publisher = harness.Open();
        TestPeer subscriber = harness.Open();
        subscriber.KeepsDeliveries = false;
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.Subscribe(subscriber, "q", 65_536);

        harness.RunsEngine = false;
        for (ulong sequence = 1; sequence <= Count; sequence++)
            publisher.SendPublish(publication, sequence, new byte[1000]);
        harness.Steps(300);
        Assert.NotEqual(0, publisher.UnsentLength); // 20 MB: more than ring, buffers and sockets take.
        Assert.NotEqual(0, harness.Agent.DoWork()); // The thread must not park: nobody tells it when there is room.

        harness.RunsEngine = true;
        harness.Until(() => subscriber.DeliveredCount == Count);
        harness.Until(() => publisher.Frames.Last(frame => frame.Type == FrameType.Confirm).Fields<ConfirmFrame>().Sequence == Count);
    }

    [Fact]
    public void ShouldGiveEveryConnectionRoomInAFullRing()
    {
        const int Connections = 6;
        const ulong Target = 1000;
        using ServerHarness harness = new(Limits with { EngineBatch = 16 });
        List<TestPeer> peers = [];
        uint publication = 0;
        for (int i = 0; i < Connections; i++)
        {
            TestPeer peer = harness.Open();
            harness.DeclareQueue(peer, "q");
            publication = harness.OpenPublication(peer, "q");
            peers.Add(peer);
        }

        // All keep the ring full all the time; when one has got far, each must have got on.
        while (!peers.Exists(peer => Confirmed(peer) >= Target))
        {
            foreach (TestPeer peer in peers)
            {
                while (peer.UnsentLength == 0)
                    peer.SendPublish(publication, (ulong)++peer.Published, new byte[1000]);
            }

            harness.Step();
        }

        Assert.All(peers, peer => Assert.InRange(Confirmed(peer), Target / 4, Target * 2));
    }

    private static ulong Confirmed(TestPeer peer)
        => peer.Frames.FindLast(frame => frame.Type == FrameType.Confirm)?.Fields<ConfirmFrame>().Sequence ?? 0;

    [Fact]
    public void ShouldKeepAHelloThatFindsTheRingFull()
    {
        using ServerHarness harness = new(Limits);
        harness.Open();
        harness.RunsEngine = false;
        while (CommandWriter.TryWrite(harness.Core.Ingress, CommandType.CloseSession, new CloseSessionCommand { Session = 5 }, default))
        {
            // The shortest commands, of a session that is not open: not even a Hello's fits any more.
        }

        TestPeer late = harness.Connect();
        late.SendHello();
        harness.Steps(100);
        Assert.Empty(late.Frames);
        Assert.Equal(1, harness.Core.SessionIds.Count);

        harness.RunsEngine = true;
        harness.Until(() => late.Count(FrameType.Welcome) == 1);
        Assert.Equal(2, harness.Core.SessionIds.Count);
    }

    [Fact]
    public void ShouldCloseTheSessionOfALostConnectionOnceTheRingHasRoom()
    {
        using ServerHarness harness = new(Limits);
        TestPeer publisher = harness.Open();
        TestPeer lost = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        harness.RunsEngine = false;
        for (ulong sequence = 1; sequence <= 2000; sequence++)
            publisher.SendPublish(publication, sequence, new byte[1000]);
        harness.Steps(200);

        harness.Forget(lost);
        lost.Reset();
        harness.Until(() => harness.Agent.ConnectionCount == 1);
        Assert.Equal(2, harness.Core.SessionIds.Count);

        harness.RunsEngine = true;
        harness.Until(() => harness.Core.SessionIds.Count == 1);
    }
}
