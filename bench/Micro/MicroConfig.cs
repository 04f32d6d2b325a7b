using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace LowLatency.Bench.Micro;

/// <summary>Short runs in this process, with allocated bytes beside the times.</summary>
/// <remarks>In this process, because a generated project would have to repeat how this repository builds.</remarks>
internal static class MicroConfig
{
    /// <param name="quick">One iteration each: only to see that it works.</param>
    /// <param name="artifacts">Folder for the reports.</param>
    internal static IConfig Create(bool quick, string artifacts)
    {
        Job job = (quick ? Job.Dry : Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance);
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddLogger(ConsoleLogger.Default)
            .WithArtifactsPath(artifacts)
            .WithOptions(ConfigOptions.DisableLogFile);
    }
}
