using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Server;

public sealed class LeakTests
{
    private const int Rounds = 1000;

    [Fact]
    public void ShouldKeepNoSessionOrSocketAfterManyRefusals()
    {
        using ServerHarness harness = new();
        TestPeer other = harness.Open();
        int before = 0;
        for (int i = 0; i < Rounds + 50; i++)
        {
            // The first rounds fill pools and caches.
            if (i == 50)
                before = CountDescriptors();
            TestPeer peer = harness.Connect();
            peer.Send(i % 2 == 0 ? Frames.Hello(hello => hello with { Version = 9, MinVersion = 9 }) : "GET / HTTP/1.1\r\n\r\n"u8);
            harness.Until(() => peer.IsEnded);
            harness.Forget(peer);
            peer.Dispose();
        }

        harness.Until(() => harness.Agent.ConnectionCount == 1);
        Assert.Equal(1, harness.Core.SessionIds.Count);
        Assert.Equal(0, harness.Agent.RentedBlockCount);
        Assert.InRange(CountDescriptors(), 0, before + 20); // Other tests of the process open some, too.
        harness.DeclareQueue(other, "still-there");
    }

    [Fact]
    public void ShouldKeepNoSessionAfterManyConnectionsThatBreakOff()
    {
        using ServerHarness harness = new(new BrokerLimits { MaxSessions = 16 });
        for (int i = 0; i < Rounds; i++)
        {
            TestPeer peer = harness.Open();
            harness.Forget(peer);
            if (i % 2 == 0)
                peer.Reset();
            else
                peer.Dispose();
            if (i % 8 == 7)
                harness.Until(() => harness.Agent.ConnectionCount == 0 && harness.Core.SessionIds.Count == 0);
        }

        Assert.Equal(0, harness.Agent.RentedBlockCount);
    }

    private static int CountDescriptors()
        => OperatingSystem.IsLinux() ? Directory.GetFiles("/proc/self/fd").Length : 0;
}
