using LowLatency.Bench.Machine;
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

    private readonly EngineThreadMeter _meter;

    private InprocBroker(Broker broker, EngineThreadMeter meter, string journal, string address)
    {
        _broker = broker;
        _meter = meter;
        _journal = journal;
        _address = address;
    }

    internal override string Address => _address;

    internal override string Kind => "inproc";

    internal override double? AllocBytesPerMessage => _meter.BytesPerMessage;

    internal static new InprocBroker Start(RunOptions options)
    {
        string name = $"bench-{Guid.NewGuid():N}";
        string journal = Path.Combine(options.DataFolder, $"journal-{Guid.NewGuid():N}");
        Directory.CreateDirectory(journal);
        EngineThreadMeter? meter = null;
        Broker broker = Broker.Open(new ServerOptions
        {
            Broker = new BrokerOptions { DataDirectory = journal },
            Listen = [],
            InprocName = name,
            Idle = options.Spin ? IdleMode.Spin : IdleMode.Adaptive,
            Processors = options.Spin && Environment.ProcessorCount > 1 ? [PinnedThread.BrokerProcessor] : [],
            Companion = core => meter = new EngineThreadMeter(core),
        });
        broker.Start();
        return new InprocBroker(broker, meter!, journal, $"inproc://{name}");
    }

    internal override void OnMeasuring() => _meter.Begin();

    internal override void OnMeasured() => _meter.End();

    public override void Dispose()
    {
        _broker.Dispose();
        Directory.Delete(_journal, recursive: true);
    }
}
