using LowLatency.Bench.Cli;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Suite;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Engine;
using Xunit;

namespace LowLatency.Tests.Bench;

public class SuiteTests
{
    public static TheoryData<string> Ids()
    {
        var data = new TheoryData<string>();
        foreach (SuiteRow row in SuiteRow.All)
            data.Add(row.Id);
        return data;
    }

    [Theory, MemberData(nameof(Ids))]
    public void ShouldParseTheCommandOfEachRow(string id)
    {
        SuiteRow row = SuiteRow.All.Single(r => r.Id == id);
        RunOptions options = RunCommand.Parse(row.Arguments, "/data");
        Assert.Equal(row.Arguments.Split(' ')[0], options.Workload);
        if (options.Workload != "server")
            Assert.Equal(128, options.Size);
        Assert.Equal(row.Arguments.Contains("--idle spin", StringComparison.Ordinal), options.Spin);
        Assert.Equal("/data", options.DataFolder);
    }

    [Fact]
    public void ShouldParseWhatRowsSay()
    {
        RunOptions disk = RunCommand.Parse(SuiteRow.All.Single(r => r.Id == "throughput-disk").Arguments, "");
        Assert.Equal(DurabilityLevel.Disk, disk.Durability);
        Assert.Equal(1000, disk.Window);
        RunOptions spin = RunCommand.Parse(SuiteRow.All.Single(r => r.Id == "latency-spin").Arguments, "");
        Assert.True(spin.Polled);
        Assert.Equal(10_000, spin.Rate);
        RunOptions adaptive = RunCommand.Parse(SuiteRow.All.Single(r => r.Id == "latency-adaptive").Arguments, "");
        Assert.False(adaptive.Polled);
        Assert.Equal(Door.Inproc, RunCommand.Parse(SuiteRow.All.Single(r => r.Id == "throughput-inproc").Arguments, "").Door);
    }

    [Theory]
    [InlineData("latency --rate fast")]
    [InlineData("latency --rate 0")]
    [InlineData("latency --size 23")]
    [InlineData("throughput --door shm")]
    [InlineData("throughput --durability quorum")]
    [InlineData("confirm --seconds 0")]
    [InlineData("confirm --seconds -1")]
    [InlineData("confirm --seconds soon")]
    [InlineData("confirm --door ring")]
    [InlineData("server --size 128")]
    public void ShouldRefuseWhatMakesNoSense(string arguments) => Assert.Throws<ArgumentException>(() => RunCommand.Parse(arguments, ""));

    [Fact]
    public void ShouldMakeTheTable()
    {
        SuiteRow ring = SuiteRow.All.Single(r => r.Id == "ring");
        TextTable table = SuiteRunner.Run([ring, ring], o => o with { Seconds = 0.05, WarmupSeconds = 0.05, Runs = 2 }, "", Progress.Silent, out var results);
        string[] lines = table.ToMarkdown().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2 + 2 + 1, lines.Length);
        Assert.Equal(lines[2], lines[3]); // One command line is measured once.
        Assert.Contains("records, two threads", lines[2], StringComparison.Ordinal);
        Assert.Contains("allocated per message", lines[4], StringComparison.Ordinal);
        Assert.Equal(2, results[0].Result.Runs);
    }

    [Fact]
    public void ShouldGoOnWhenARowFails()
    {
        SuiteRow server = SuiteRow.All.Single(r => r.Id == "server");
        TextTable table = SuiteRunner.Run([server], o => o with { ServerProgram = "/no/such/server" }, "", Progress.Silent, out var results);
        Assert.Contains("failed", table.ToMarkdown(), StringComparison.Ordinal);
        Assert.Empty(results);
    }

    [Theory]
    [InlineData("latency-spin", 1.5, 3.0, true)]
    [InlineData("latency-spin", 1.6, 3.0, false)]
    [InlineData("latency-spin", 1.5, 3.1, false)]
    [InlineData("confirm-disk", 1.6, 99, true)]
    [InlineData("confirm-disk", 1.61, 99, false)]
    public void ShouldCompareWithWhatIsToBeReached(string id, double ratioP50, double ratioP99, bool expected)
    {
        var result = new RunResult { Workload = "x", RatioP50 = ratioP50, RatioP99 = ratioP99 };
        Assert.Equal(expected, SuiteRow.All.Single(r => r.Id == id).IsReached(result));
        Assert.Null(SuiteRow.All.Single(r => r.Id == id).IsReached(new RunResult { Workload = "x" }));
    }
}
