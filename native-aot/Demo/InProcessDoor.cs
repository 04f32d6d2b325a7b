using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;
using LowLatency.Server.Commands;
using LowLatency.Transport.Server;

namespace LowLatency.Server.Demo;

/// <summary>A broker inside this process, with a journal and without a network.</summary>
internal sealed class InProcessDoor : IDisposable
{
    /// <summary>How clients in this process reach it.</summary>
    internal const string Address = "inproc://" + Name;

    private const string Name = "demo";
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private readonly Broker _broker;
    private HotThreadMeter? _meter;

    /// <param name="folder">Of its journal; made.</param>
    internal InProcessDoor(string folder)
    {
        DataFolder.Make(folder);
        _broker = Broker.Open(new ServerOptions
        {
            Broker = new BrokerOptions { DataDirectory = folder },
            Listen = [],
            InprocName = Name,
            Idle = IdleMode.Adaptive,
            Companion = core => _meter = new HotThreadMeter(core),
        });
        _broker.Start();
    }

    /// <summary>Stops the broker and reads its figures.</summary>
    internal BrokerStats Stop()
    {
        if (!_broker.Stop(StopTimeout) || _broker.Error != null)
            throw new CliException(ExitCode.ProofFailed, $"The broker in this process did not stop in order. {_broker.Error?.Message}".TrimEnd());
        return _meter!.Read();
    }

    public void Dispose() => _broker.Dispose();
}
