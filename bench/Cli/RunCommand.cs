using System.CommandLine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Cli;

/// <summary><c>latency</c>, <c>throughput</c>, <c>confirm</c> and <c>server</c>: a workload, so many runs, tables, JSON.</summary>
internal static class RunCommand
{
    internal static Command Latency() => Create(
        "latency", "One-way latency at a fixed rate that does not wait for the broker (open loop), from the intended send to the handler.");

    internal static Command Throughput() => Create(
        "throughput", "Messages per second from one publisher to one subscription that acknowledges.");

    internal static Command Confirm() => Create(
        "confirm", "Time from publish to confirm, one message at a time unless --window says more.");

    internal static Command Server() => Create(
        "server", "What the server costs before any message: start, idle memory, size, and the CPU of ten idle connections.");

    /// <summary>The options of a command line that names a workload and its options.</summary>
    /// <param name="arguments">As on the command line.</param>
    /// <param name="dataFolder">Folder for journals and floor files.</param>
    internal static RunOptions Parse(string arguments, string dataFolder)
    {
        string workload = arguments.Split(' ')[0];
        var options = new WorkloadOptions(workload);
        ParseResult parsed = CommandOf(options, "").Parse(arguments[workload.Length..]);
        return parsed.Errors.Count == 0
            ? options.Bind(parsed, dataFolder)
            : throw new ArgumentException($"{arguments}: {parsed.Errors[0].Message}", nameof(arguments));
    }

    private static Command Create(string workload, string description)
    {
        var options = new WorkloadOptions(workload);
        Command command = CommandOf(options, description);
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(options.Data));
            return Run(options.Bind(parsed, data.Name));
        });
        return command;
    }

    private static Command CommandOf(WorkloadOptions options, string description)
    {
        var command = new Command(options.Workload, description);
        if (options.Workload == "latency")
            command.Add(options.Rate);
        if (options.Workload == "throughput")
        {
            command.Add(options.Content);
            command.Add(options.Compress);
        }
        if (options.Workload != "server")
        {
            foreach (Option option in new Option[] { options.DoorOption, options.Connect, options.Size, options.Warmup, options.Durability, options.Client, options.Window, options.Credit, options.Backlog })
                command.Add(option);
        }
        foreach (Option option in new Option[] { options.Idle, options.Seconds, options.Runs, options.Data, options.Server, options.Json })
            command.Add(option);
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

    private static string Title(RunOptions options) => options.Workload == "server"
        ? $"server, idle {options.IdleName}"
        : options.Door == Door.Ring
        ? $"{options.Workload}, one ring between two threads, {options.Size} B"
        : $"{options.Workload}, {options.DoorName}, {options.Size} B, durability {options.DurabilityName}, idle {options.IdleName}, "
            + $"client {(options.Polled ? "polled" : "background")}, window {options.Window}"
            + (options.Content == BodyContent.Zeros ? "" : $", {options.Content.ToString().ToLowerInvariant()}")
            + (options.Compress ? ", compressed" : "")
            + (options.Workload == "latency" ? $", {options.Rate} messages/s" : "");
}
