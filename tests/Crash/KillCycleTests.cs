using System.Globalization;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;
using LowLatency.Server.Torture;
using LowLatency.Tests.Cli;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Crash;

/// <summary>Kills a real broker with SIGKILL at random times under load, again and again, and holds it to its word: <c>lowlatency torture</c>.</summary>
/// <remarks>LOWLATENCY_KILLS sets the number of kills of each run, LOWLATENCY_KILL_SEED the seed, LOWLATENCY_BINARY the program.</remarks>
public sealed class KillCycleTests(ITestOutputHelper output)
{
    private const int DefaultKills = 10;

    [Theory]
    [InlineData(DurabilityLevel.Process)]
    [InlineData(DurabilityLevel.Disk)]
    public void ShouldLoseReorderAndInventNothingWhenKilled(DurabilityLevel level)
    {
        var options = new TortureOptions
        {
            Kills = Setting("LOWLATENCY_KILLS", DefaultKills),
            Seed = Setting("LOWLATENCY_KILL_SEED", Environment.TickCount & int.MaxValue),
            Levels = [level],
            Streams = 2,
            SegmentSize = 1024 * 1024,
            MinPublished = 30_000, // Some segments full, however slow the machine: the oldest ones have to be emptied.
            Program = Tool.ProgramPath,
        };
        using var run = new TortureRun(options);
        TortureReport report = run.Run();
        output.WriteLine(report.Format());
        Assert.True(report.ExitCode == ExitCode.Done, report.Format());
        Assert.True(run.MovedRecords > 0, "the load did not make the broker empty a segment");
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
