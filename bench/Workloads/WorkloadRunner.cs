using LowLatency.Bench.Floors;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Workloads;

/// <summary>Runs one workload as often as asked, each run with its own floor and its own broker.</summary>
internal static class WorkloadRunner
{
    internal static IReadOnlyList<RunResult> Run(RunOptions options, Progress progress)
    {
        var results = new List<RunResult>();
        for (int run = 1; run <= options.Runs; run++)
        {
            progress.Say($"run {run} of {options.Runs}");
            results.Add(RunOnce(options, progress));
        }
        return results;
    }

    /// <remarks>The floor is measured before and after the broker, which may have moved meanwhile, never while it spins.</remarks>
    private static RunResult RunOnce(RunOptions options, Progress progress)
    {
        var floor = new Floor(FloorOf(options), options.Size, options.DataFolder);
        double floorSeconds = Math.Min(options.Seconds / 2, 1);
        double pacedSeconds = options.Workload == "latency" ? options.Seconds / 2 : 0;
        if (floor.Name is string name)
            progress.Say($"  floor: {name}");
        floor.Measure(floorSeconds, pacedSeconds, options.Rate);
        RunResult result = options switch
        {
            { Workload: "server" } => ServerWorkload.Run(options, progress),
            { Door: Door.Ring } => RingWorkload.Run(options, progress),
            _ => BrokerRun.Run(options, progress),
        };
        floor.Measure(floorSeconds, pacedSeconds, options.Rate);
        return WithFloor(result, floor);
    }

    private static FloorKind FloorOf(RunOptions options) => options.Workload switch
    {
        "throughput" or "server" => FloorKind.None,
        "confirm" when options.Durability == Core.Engine.DurabilityLevel.Disk => FloorKind.Sync,
        _ => options.Spin ? FloorKind.SpinningPingPong : FloorKind.BlockingPingPong,
    };

    private static RunResult WithFloor(RunResult result, Floor floor)
    {
        if (floor.Name is null)
            return result;
        double p50 = Quantiles.Us(floor.Results, 0.5);
        double p99 = Quantiles.Us(floor.Results, 0.99);
        return result with
        {
            Floor = floor.Name,
            FloorP50Us = p50,
            FloorP99Us = p99,
            FloorPacedP99Us = floor.Paced.Count == 0 ? null : Quantiles.Us(floor.Paced, 0.99),
            RatioP50 = Quantiles.Round(result.P50Us / p50 ?? 0),
            RatioP99 = Quantiles.Round(result.P99Us / p99 ?? 0),
            RatioPacedP99 = floor.Paced.Count == 0 ? null : Quantiles.Round(result.P99Us / Quantiles.Us(floor.Paced, 0.99) ?? 0),
        };
    }
}
