using LowLatency.Bench.Durable;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using Xunit;

namespace LowLatency.Tests.Bench;

/// <summary>Measures every figure of the store small, so that none rots.</summary>
public class JournalFigureTests
{
    [Theory]
    [InlineData("restart")]
    [InlineData("flow")]
    public void ShouldMeasureEveryFigure(string id)
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-journal-").FullName;
        IReadOnlyList<Figure> figures = JournalRunner.Run(
            new JournalBenchOptions
            {
                Scale = 0.001,
                FlowGiB = 0.01,
                Runs = 1,
                Progress = Progress.Silent,
                Server = new RunOptions { Workload = "journal", DataFolder = folder, ServerProgram = Path.Combine(AppContext.BaseDirectory, "lowlatency.dll") },
            },
            [id]);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
        Assert.All(figures, figure => Assert.Null(figure.Error));
        Assert.All(figures, figure => Assert.True(figure.Value > 0, figure.ToString()));
        Assert.Contains(figures, figure => figure.Target != null);
    }
}
