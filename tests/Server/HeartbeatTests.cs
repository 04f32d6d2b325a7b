using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class HeartbeatTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(4);

    [Fact]
    public void ShouldSendAHeartbeatWhenNothingElseWasSentForHalfAnInterval()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open((uint)Interval.TotalMilliseconds);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(30));
        harness.Steps(20); // Now it is known when the Welcome was sent.

        harness.Clock.Advance((Interval / 2) - TimeSpan.FromMilliseconds(10));
        harness.Steps(50);
        Assert.Equal(0, peer.Count(FrameType.Heartbeat));

        harness.Clock.Advance(TimeSpan.FromMilliseconds(20));
        harness.Until(() => peer.Count(FrameType.Heartbeat) == 1);
        harness.Steps(50);
        Assert.Equal(1, peer.Count(FrameType.Heartbeat));
    }

    [Fact]
    public void ShouldEndASilentConnectionAfterTwoIntervals()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open((uint)Interval.TotalMilliseconds);
        harness.Clock.Advance(2 * Interval);
        harness.Steps(50);
        Assert.False(peer.IsEnded);

        harness.Clock.Advance(TimeSpan.FromMilliseconds(1));
        harness.Until(() => peer.IsEnded);
        (ErrorCode code, string sentence) = peer.First(FrameType.Error)!.Ending();
        Assert.Equal(ErrorCode.Timeout, code);
        Assert.Contains("4000", sentence, StringComparison.Ordinal);
        peer.Dispose();
        harness.Until(() => harness.Agent.ConnectionCount == 0 && harness.Core.SessionIds.Count == 0);
    }

    [Fact]
    public void ShouldKeepAConnectionThatSendsHeartbeats()
    {
        using ServerHarness harness = new();
        TestPeer peer = harness.Open((uint)Interval.TotalMilliseconds);
        for (int i = 0; i < 10; i++)
        {
            harness.Clock.Advance(Interval);
            peer.SendHeartbeat();
            harness.Steps(100);
        }

        Assert.False(peer.IsEnded);
        harness.DeclareQueue(peer, "alive");
    }

    [Fact]
    public void ShouldEndAConnectionThatNeverReads()
    {
        using ServerHarness harness = new();
        TestPeer publisher = harness.Open();
        harness.DeclareQueue(publisher, "q");
        uint publication = harness.OpenPublication(publisher, "q");
        TestPeer peer = harness.Open((uint)Interval.TotalMilliseconds, receiveBufferLength: 4096);
        harness.Subscribe(peer, "q", 10_000);
        peer.IsReading = false;

        byte[] body = new byte[100_000];
        for (ulong sequence = 1; sequence <= 100; sequence++)
            publisher.SendPublish(publication, sequence, body);
        harness.Until(() => publisher.UnsentLength == 0 && harness.Agent.RentedBlockCount > 0);
        harness.Steps(200);
        harness.Clock.Advance(TimeSpan.FromMilliseconds(30));
        harness.Steps(20); // Now it is known when the last bytes were taken.

        harness.Clock.Advance((2 * Interval) + TimeSpan.FromMilliseconds(30));
        publisher.SendHeartbeat();
        harness.Steps(100);
        harness.Clock.Advance(TimeSpan.FromSeconds(1.1)); // It has no room for the error either: dropped after the linger.
        harness.Until(() => harness.Agent.ConnectionCount == 1);
        Assert.False(publisher.IsEnded);
        Assert.Equal(0, harness.Agent.RentedBlockCount);
    }
}
