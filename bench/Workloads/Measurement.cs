using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Workloads;

/// <summary>What this process, the server and the machine did between start and stop of the measured phase.</summary>
internal sealed class Measurement
{
    private readonly int _serverProcessId;
    private readonly ProcessCounters _clientStart;
    private readonly ProcessCounters _serverStart;
    private readonly (long Total, long Steal) _cpuStart;
    private readonly int _collectionsStart;
    private readonly long _startNs;
    private ProcessCounters _client;
    private ProcessCounters _server;
    private double _stealPercent;
    private int _collections;
    private double _seconds;

    private Measurement(int serverProcessId)
    {
        _serverProcessId = serverProcessId;
        _serverStart = ReadServer();
        _cpuStart = MachineReport.ReadCpuTicks();
        _collectionsStart = Collections();
        _clientStart = ProcessCounters.Read(0);
        _startNs = MonotonicClock.NowNs;
    }

    /// <param name="serverProcessId">The server's process; 0 when it is this one, or not on this machine.</param>
    internal static Measurement Start(int serverProcessId) => new(serverProcessId);

    internal void Stop()
    {
        _seconds = (MonotonicClock.NowNs - _startNs) / 1e9;
        _client = ProcessCounters.Read(0) - _clientStart;
        _server = ReadServer() - _serverStart;
        _collections = Collections() - _collectionsStart;
        (long total, long steal) = MachineReport.ReadCpuTicks();
        _stealPercent = total == _cpuStart.Total ? 0 : 100.0 * (steal - _cpuStart.Steal) / (total - _cpuStart.Total);
    }

    internal RunResult AddTo(RunResult result)
    {
        RunResult own = result with
        {
            GcCount = _collections,
            StealPercent = Quantiles.Round(_stealPercent),
            ClientVoluntarySwitches = _client.VoluntarySwitches,
            ClientInvoluntarySwitches = _client.InvoluntarySwitches,
            ClientPageFaults = _client.MinorFaults + _client.MajorFaults,
            ClientCpuPercent = Quantiles.Round(100 * _client.CpuSeconds / _seconds),
        };
        if (_serverProcessId == 0)
            return own;
        return own with
        {
            ServerVoluntarySwitches = _server.VoluntarySwitches,
            ServerInvoluntarySwitches = _server.InvoluntarySwitches,
            ServerPageFaults = _server.MinorFaults + _server.MajorFaults,
            ServerCpuPercent = Quantiles.Round(100 * _server.CpuSeconds / _seconds),
        };
    }

    private ProcessCounters ReadServer() => _serverProcessId == 0 ? default : ProcessCounters.Read(_serverProcessId);

    private static int Collections() => GC.CollectionCount(0); // A collection of an older generation counts in the younger ones too.
}
