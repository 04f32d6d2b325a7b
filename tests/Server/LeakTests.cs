using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Server;

// Counts what the process has open, so nothing else may run beside it.
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
[Collection(nameof(LeakTests))]
public sealed class LeakTests
{
    private const int Rounds = 1000;

    /// <summary>Descriptors that come and go with the runtime itself.</summary>
    private const int SpareDescriptors = 20;

    [Fact]
    public void ShouldKeepNoSessionOrSocketAfterManyRefusals()
    {
        using ServerHarness harness = new();
        TestPeer other = harness.Open();
        int before = CountDescriptors();
        for (int i = 0; i < Rounds; i++)
        {
            TestPeer peer = harness.Connect();
            peer.Send(i % 2 == 0 ? Frames.Hello(hello => hello with { Version = 9, MinVersion = 9 }) : "GET / HTTP/1.1\r\n\r\n"u8);
            harness.Until(() => peer.IsEnded);
            harness.Forget(peer);
            peer.Dispose();
        }

        harness.Until(() => harness.Agent.ConnectionCount == 1);
        Assert.Equal(1, harness.Core.SessionIds.Count);
        Assert.Equal(0, harness.Agent.RentedBlockCount);
        Assert.InRange(CountDescriptors(), 0, before + SpareDescriptors);
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
