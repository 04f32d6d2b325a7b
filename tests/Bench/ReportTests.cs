using System.Text.Json;
using LowLatency.Bench.Reports;
using Xunit;

namespace LowLatency.Tests.Bench;

public class ReportTests
{
    private static readonly string[] PromisedNames =
    [
        "workload", "door", "durability", "size", "rate", "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "floor_p50_us", "ratio_p50",
        "msgs_per_s", "alloc_bytes_per_msg",
    ];

    [Fact]
    public void ShouldWriteEveryPromisedNameOnOneLine()
    {
        string json = BenchJson.Write(new RunResult { Workload = "latency", P50Us = 8.25, P999Us = 99.5, Size = 128 });
        Assert.DoesNotContain('\n', json);
        using var document = JsonDocument.Parse(json);
        foreach (string name in PromisedNames)
            Assert.True(document.RootElement.TryGetProperty(name, out _), name);
        Assert.Equal(8.25, document.RootElement.GetProperty("p50_us").GetDouble());
        Assert.Equal(99.5, document.RootElement.GetProperty("p999_us").GetDouble());
        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("ratio_p50").ValueKind);
    }

    [Fact]
    public void ShouldReportMediansSpreadAndWorstAllocation()
    {
        RunResult median = RunResult.MedianOf(
        [
            new RunResult { Workload = "x", P50Us = 30, RatioP50 = 3, MsgsPerS = 10, AllocBytesPerMsg = 0, Messages = 1, Verified = true },
            new RunResult { Workload = "x", P50Us = 10, RatioP50 = 1, MsgsPerS = 30, AllocBytesPerMsg = 4, Messages = 2, Verified = true },
            new RunResult { Workload = "x", P50Us = 11, RatioP50 = 2, MsgsPerS = 20, AllocBytesPerMsg = 0, Messages = 4, Verified = true },
        ]);
        Assert.Equal(3, median.Runs);
        Assert.Equal(11, median.P50Us);
        Assert.Equal((10, 30), (median.P50UsMin, median.P50UsMax));
        Assert.Equal((1, 3), (median.RatioP50Min, median.RatioP50Max));
        Assert.Equal(20, median.MsgsPerS);
        Assert.Equal(4, median.AllocBytesPerMsg);
        Assert.Equal(7, median.Messages);
        Assert.Null(median.P99Us);
        Assert.True(median.Verified);
    }

    [Fact]
    public void ShouldNotCallRunsVerifiedWhenOneIsNot()
    {
        RunResult median = RunResult.MedianOf(
        [
            new RunResult { Workload = "x", Verified = true },
            new RunResult { Workload = "x", Verified = false },
        ]);
        Assert.False(median.Verified);
    }

    [Theory]
    [InlineData(new double[] { 3, 1, 2 }, 2)]
    [InlineData(new double[] { 4, 1, 2, 3 }, 2.5)]
    [InlineData(new double[] { 7 }, 7)]
    public void ShouldTakeTheMedian(double[] values, double expected)
        => Assert.Equal(expected, Quantiles.Median(values.Select(v => (double?)v)));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.00123456, 0.001235)]
    [InlineData(12.34567, 12.35)]
    [InlineData(123_456, 123_456)]
    public void ShouldKeepFourDigits(double value, double expected) => Assert.Equal(expected, Quantiles.Round(value), 12);

    [Fact]
    public void ShouldAlignColumns()
    {
        var table = new TextTable("name", "p50", "p99");
        table.Add("a long name", "1.00", "10.0");
        table.Add("b", "200.0", "3");
        string[] lines = table.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        Assert.Equal("  name           p50   p99", lines[0]);
        Assert.Equal("  a long name   1.00  10.0", lines[2]);
        Assert.Equal("  b            200.0     3", lines[3]);
        Assert.Equal("| b | 200.0 | 3 |", table.ToMarkdown().Split('\n')[3].TrimEnd());
    }

    [Fact]
    public void ShouldRefuseRowOfWrongLength() => Assert.Throws<ArgumentException>(() => new TextTable("a", "b").Add("1"));

    [Fact]
    public void ShouldSayWhenARunIsNotVerified()
    {
        var text = new StringWriter();
        ResultPrinter.PrintRuns(text, [new RunResult { Workload = "throughput", MsgsPerS = 5, Verified = false }]);
        Assert.Contains("NOT VERIFIED", text.ToString(), StringComparison.Ordinal);
    }
}
