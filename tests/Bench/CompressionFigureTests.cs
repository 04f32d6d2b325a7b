using LowLatency.Bench.Compression;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using Xunit;

namespace LowLatency.Tests.Bench;

/// <summary>Measures every figure of compression small, so that none rots.</summary>
public class CompressionFigureTests
{
    [Theory, InlineData("codec"), InlineData("segment"), InlineData("wire")]
    public void ShouldMeasureEveryFigure(string id)
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-compression-").FullName;
        IReadOnlyList<Figure> figures = CompressionRunner.Run(
            new CompressionBenchOptions
            {
                Runs = 1,
                RoundMs = 1,
                Progress = Progress.Silent,
                Server = new RunOptions
                {
                    Workload = "throughput", Polled = true, Seconds = 0.2, WarmupSeconds = 0.1, DataFolder = folder,
                    ServerProgram = Path.Combine(AppContext.BaseDirectory, "lowlatency.dll"),
                },
            },
            [id]);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
        Assert.All(figures, figure => Assert.Null(figure.Error));
        Assert.All(figures, figure => Assert.True(figure.Value > 0, figure.ToString()));
    }

    [Theory]
    [InlineData("Zeros", 24)]
    [InlineData("Quotes", 128)]
    [InlineData("Noise", 100_000)]
    public void ShouldMakeBodiesOfThatLength(string name, int size)
    {
        BodyContent content = Enum.Parse<BodyContent>(name);
        var samples = new BodySamples(content, size);
        byte[] first = new byte[size];
        byte[] second = new byte[size];

        samples.CopyTo(first, 1);
        samples.CopyTo(second, 2);

        Assert.Equal(content == BodyContent.Zeros, first.AsSpan().SequenceEqual(second));
        Assert.Equal(content == BodyContent.Zeros, first.AsSpan().IndexOfAnyExcept((byte)0) < 0);
    }
}
