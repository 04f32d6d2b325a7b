using System.CommandLine;
using LowLatency.Bench.Floors;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Cli;

/// <summary><c>floor</c>: what the machine itself needs.</summary>
internal static class FloorCommand
{
    internal static Command Create()
    {
        var options = new WorkloadOptions("floor");
        var command = new Command("floor",
            "What no broker on this machine can beat: TCP round trips, a durable append, a system call, a copy.")
        {
            options.Size, options.Seconds, options.Data, options.Json,
        };
        command.SetAction(parsed =>
        {
            using var data = new DataFolder(parsed.GetValue(options.Data));
            ResultPrinter.PrintHeader(Console.Out, "floors of this machine", data.Name);
            RunResult result = FloorWorkload.Run(parsed.GetValue(options.Size), data.Name, parsed.GetValue(options.Seconds),
                new Progress(Console.Error));
            Console.Out.WriteLine();
            ResultPrinter.PrintFloors(Console.Out, result);
            if (parsed.GetValue(options.Json))
                Console.Out.WriteLine(BenchJson.Write(result));
            return 0;
        });
        return command;
    }
}
