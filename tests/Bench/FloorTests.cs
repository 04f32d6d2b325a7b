using LowLatency.Bench.Floors;
using LowLatency.Bench.Reports;
using LowLatency.Core.Metrics;
using Xunit;

namespace LowLatency.Tests.Bench;

public class FloorTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ShouldMeasureRoundTripsBetweenTwoProcesses(bool spin)
    {
        var times = new Histogram();
        PingPong.Measure(length: 128, spin, seconds: 0.05, times);
        Assert.True(times.Count > 0, $"{times.Count} round trips");
        // Two system calls on each side cannot take less; a second would not be loopback.
        Assert.InRange(times.ValueAtQuantile(0.5), 1_000, 1_000_000_000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ShouldMeasureDurableAppendsAndRemoveTheFile(bool zeroed)
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-floor-").FullName;
        var times = new Histogram();
        SyncFloor.Measure(folder, zeroed, seconds: 0.05, times);
        Assert.True(times.Count > 0);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
    }

    [Fact]
    public void ShouldMeasureTheProcessor()
    {
        var call = new Histogram();
        var clock = new Histogram();
        ProcessorFloor.MeasureSystemCall(0.02, call);
        ProcessorFloor.MeasureClockRead(0.02, clock);
        Assert.InRange(call.ValueAtQuantile(0.5), 10, 1_000_000);
        Assert.InRange(clock.ValueAtQuantile(0.5), 1, 1_000_000);
        Assert.True(ProcessorFloor.MeasureCopy(128, 0.02) > 1e6);
    }

    [Fact]
    public void ShouldReportAllFloors()
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-floor-").FullName;
        RunResult result = FloorWorkload.Run(size: 64, folder, seconds: 0.02, Progress.Silent);
        Directory.Delete(folder);
        Assert.Equal(6, result.Floors!.Count);
        Assert.All(result.Floors, f => Assert.True(f.P50Us > 0 && f.P50Us <= f.P99Us && f.P99Us <= f.MaxUs, f.ToString()));
        Assert.Equal(result.Floors[0].P50Us, result.FloorP50Us);
        var text = new StringWriter();
        ResultPrinter.PrintFloors(text, result);
        Assert.Contains("fdatasync", text.ToString(), StringComparison.Ordinal);
    }
}
