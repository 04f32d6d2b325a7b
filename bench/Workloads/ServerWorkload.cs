using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Client;

namespace LowLatency.Bench.Workloads;

/// <summary>What the server costs before any message: start, memory, size, and the CPU of connections that say nothing.</summary>
internal static class ServerWorkload
{
    private const int Connections = 10;
    private const int SettleMs = 1_000;

    internal static RunResult Run(RunOptions options, Progress progress)
    {
        using ServerProcess server = ServerProcess.Start(options);
        progress.Say($"  listening at {server.Address} ({server.Kind}) after {server.StartMs:0.0} ms");
        Thread.Sleep(SettleMs); // Nothing to wait for: what a start leaves behind is to end by itself.
        double? memory = ProcessCounters.ReadAnonymousBytes(server.ProcessId);
        var connections = new List<Connection>();
        for (int i = 0; i < Connections; i++)
            connections.Add(Connection.Connect(server.Address, new ConnectionOptions { ClientName = $"idle {i}" }));
        Thread.Sleep(SettleMs);
        progress.Say($"  {Connections} idle connections for {options.Seconds} s");
        long startNs = MonotonicClock.NowNs;
        long runStartNs = ProcessCounters.ReadRunNs(server.ProcessId);
        Thread.Sleep(TimeSpan.FromSeconds(options.Seconds));
        double busy = (ProcessCounters.ReadRunNs(server.ProcessId) - runStartNs) / (double)(MonotonicClock.NowNs - startNs);
        foreach (Connection connection in connections)
            connection.Dispose();
        return new RunResult
        {
            Workload = options.Workload,
            Door = options.DoorName,
            Idle = options.IdleName,
            Server = server.Kind,
            Seconds = options.Seconds,
            StartMs = Quantiles.Round(server.StartMs),
            AnonymousBytes = memory,
            BinaryBytes = server.ProgramBytes,
            IdleCpuPercent = Quantiles.Round(100 * busy),
        };
    }
}
