using LowLatency.Transport.Sockets;

namespace LowLatency.Tests.Sockets;

/// <summary>The portable poller runs on Linux too.</summary>
public sealed class SelectPollerTests() : PollerTests(new SelectPoller())
{
    // The runtime's select makes arrays of its own for each call on some systems.
    protected override long AllowedBytes => 1000 * 1024;
}
