using LowLatency.Transport.Sockets;

namespace LowLatency.Tests.Sockets;

public sealed class EpollPollerTests() : PollerTests(new EpollPoller())
{
    protected override long AllowedBytes => 0;
}
