using LowLatency.Bench.Workloads;
using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;

namespace LowLatency.Bench.Brokers;

/// <summary>A broker in this process, with no listener.</summary>
internal sealed class InprocBroker : BrokerUnderTest
{
    private readonly Broker _broker;
    private readonly string _journal;
    private readonly string _address;

    private InprocBroker(Broker broker, string journal, string address)
    {
        _broker = broker;
        _journal = journal;
        _address = address;
    }

    internal override string Address => _address;

    internal override string Kind => "inproc";

    internal static new InprocBroker Start(RunOptions options)
    {
        string name = $"bench-{Guid.NewGuid():N}";
        string journal = Path.Combine(options.DataFolder, $"journal-{Guid.NewGuid():N}");
        Directory.CreateDirectory(journal);
        Broker broker = Broker.Open(new ServerOptions
        {
            Broker = new BrokerOptions { DataDirectory = journal },
            Listen = [],
            InprocName = name,
            Idle = options.Spin ? IdleMode.Spin : IdleMode.Adaptive,
        });
        broker.Start();
        return new InprocBroker(broker, journal, $"inproc://{name}");
    }

    public override void Dispose()
    {
        _broker.Dispose();
        Directory.Delete(_journal, recursive: true);
    }
}
