using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;

namespace LowLatency.Tests.Client;

/// <summary>A real broker on a folder of its own, which can be restarted under the same addresses.</summary>
internal sealed class TestBroker : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lowlatency-client-");
    private readonly BrokerLimits _limits;
    private Broker? _broker;
    private string _listen = "tcp://127.0.0.1:0";

    internal TestBroker(BrokerLimits? limits = null)
    {
        _limits = limits ?? new BrokerLimits { MaxBodyLength = 256 * 1024, IngressCapacity = 4 * 1024 * 1024 };
        Start();
    }

    internal string TcpAddress => _listen;

    internal string InprocName { get; } = $"test-{Guid.NewGuid():N}";

    internal string InprocAddress => "inproc://" + InprocName;

    internal Broker Broker => _broker!;

    internal void Start()
    {
        var broker = Broker.Open(new ServerOptions
        {
            Broker = new BrokerOptions { DataDirectory = _folder.FullName, SegmentSize = 8 * 1024 * 1024, Limits = _limits },
            Listen = [_listen],
            InprocName = InprocName,
            Threading = ThreadingMode.Shared,
        });
        _listen = broker.Addresses[0];
        broker.Start();
        _broker = broker;
    }

    internal void Stop()
    {
        _broker?.Dispose();
        _broker = null;
    }

    public void Dispose()
    {
        Stop();
        _folder.Delete(recursive: true);
    }
}
