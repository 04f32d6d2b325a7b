using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using LowLatency.Bench.Micro;

namespace LowLatency.Bench.Cli;

/// <summary><c>micro</c>: parts by themselves, by BenchmarkDotNet.</summary>
internal static class MicroCommand
{
    private static readonly (string Name, Type Type)[] Groups =
    [
        ("rings", typeof(RingBenchmarks)),
        ("journal", typeof(JournalBenchmarks)),
        ("codec", typeof(CodecBenchmarks)),
        ("headers", typeof(HeaderBenchmarks)),
        ("engine", typeof(EngineBenchmarks)),
        ("routing", typeof(RoutingBenchmarks)),
    ];

    internal static IEnumerable<Type> BenchmarkTypes => Groups.Select(g => g.Type);

    internal static Command Create()
    {
        var what = new Argument<string[]>("what")
        {
            Description = $"Which: {string.Join(", ", Groups.Select(g => g.Name))}. Default: all.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        what.AcceptOnlyFromAmong([.. Groups.Select(g => g.Name)]);
        var quick = new Option<bool>("--quick") { Description = "One iteration each: only to see that they work." };
        var command = new Command("micro", "Time and allocated bytes of parts by themselves, on one thread, by BenchmarkDotNet.")
        {
            what, quick,
        };
        command.SetAction(parsed => Run(parsed.GetValue(what) ?? [], parsed.GetValue(quick)));
        return command;
    }

    private static int Run(string[] chosen, bool quick)
    {
        Type[] types = [.. Groups.Where(g => chosen.Length == 0 || chosen.Contains(g.Name)).Select(g => g.Type)];
        using var data = new DataFolder(null);
        IConfig config = MicroConfig.Create(quick, data.Name);
        Summary[] summaries = BenchmarkRunner.Run(types, config);
        bool failed = summaries.Any(s => s.HasCriticalValidationErrors || s.Reports.Any(r => !r.Success));
        return failed || summaries.Length == 0 ? 1 : 0;
    }
}
