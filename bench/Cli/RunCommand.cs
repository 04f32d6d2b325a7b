using System.CommandLine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Cli;

/// <summary><c>latency</c>, <c>throughput</c> and <c>confirm</c>: a workload, so many runs, tables, JSON.</summary>
internal static class RunCommand
{
    internal static Command Latency()
    {
        var options = new WorkloadOptions("latency");
        return Create(options,
            "One-way latency at a fixed rate that does not wait for the broker (open loop), from the intended send to the handler.",
            options.Rate);
    }

    internal static Command Throughput()
    {
        var options = new WorkloadOptions("throughput");
        return Create(options,
            "Messages per second from one publisher to one subscription that acknowledges.");
    }

    internal static Command Confirm()
    {
        var options = new WorkloadOptions("confirm");
        return Create(options,
            "Time from publish to confirm, one message at a time unless --window says more.");
    }

    private static Command Create(WorkloadOptions options, string description, params Option[] own)
    {
        var command = new Command(options.Workload, description)
        {
            options.DoorOption, options.Connect, options.Size, options.Seconds, options.Warmup, options.Durability,
            options.Idle, options.Client, options.Window, options.Credit, options.Runs, options.Data, options.Server, options.Json,
        };
        foreach (Option option in own)
            command.Add(option);
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(options.Data));
            return Run(options.Bind(parsed, data.Name));
        });
        return command;
    }

    private static int Run(RunOptions options)
    {
        ResultPrinter.PrintHeader(Console.Out, Title(options), options.DataFolder);
        try
        {
            IReadOnlyList<RunResult> runs = WorkloadRunner.Run(options, new Progress(Console.Error));
            Console.Out.WriteLine();
            ResultPrinter.PrintRuns(Console.Out, runs);
            RunResult median = RunResult.MedianOf(runs);
            if (options.Json)
                Console.Out.WriteLine(BenchJson.Write(median));
            return median.Verified == false ? 1 : 0;
        }
        catch (BenchException error)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }

    private static string Title(RunOptions options) => options.Door == Door.Ring
        ? $"{options.Workload}, one ring between two threads, {options.Size} B"
        : $"{options.Workload}, {options.DoorName}, {options.Size} B, durability {options.DurabilityName}, idle {options.IdleName}, "
            + $"client {(options.Polled ? "polled" : "background")}, window {options.Window}"
            + (options.Workload == "latency" ? $", {options.Rate} messages/s" : "");
}
