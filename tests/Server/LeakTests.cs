using LowLatency.Core.Engine;
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
        if (OperatingSystem.IsLinux())
            Assert.Equal(1, CountOpenSockets(harness.Endpoint.Port));
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

    // Rows of the kernel's table: local address, state (0A listens) and inode (0: nobody has it open) are columns 1, 3 and 9.
    private static int CountOpenSockets(int port)
    {
        string suffix = $":{port:X4}";
        return File.ReadLines("/proc/net/tcp")
            .Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Count(row => row[1].EndsWith(suffix, StringComparison.Ordinal) && row[3] != "0A" && row[9] != "0");
    }
}
