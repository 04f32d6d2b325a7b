using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using Xunit;

namespace LowLatency.Tests.Bench;

public class RingWorkloadTests
{
    [Fact]
    public void ShouldMeasureAndVerifyRing()
    {
        var options = new RunOptions { Workload = "throughput", Door = Door.Ring, Seconds = 0.1, WarmupSeconds = 0.1, Runs = 2, DataFolder = "" };
        IReadOnlyList<RunResult> runs = WorkloadRunner.Run(options, Progress.Silent);
        Assert.Equal(2, runs.Count);
        Assert.All(runs, r =>
        {
            Assert.True(r.Verified);
            Assert.True(r.MsgsPerS > 0);
            Assert.Equal(0, r.AllocBytesPerMsg);
            Assert.Equal("ring", r.Door);
            Assert.Null(r.P50Us);
        });
    }
}
