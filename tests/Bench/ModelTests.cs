using System.Text.Json;
using LowLatency.Bench.Cli;
using LowLatency.Bench.Model;
using LowLatency.Bench.Reports;
using Xunit;

namespace LowLatency.Tests.Bench;

/// <summary>Measures every figure of the model small, so that none rots.</summary>
public class ModelTests
{
    public static TheoryData<string> Groups() => [.. ModelRunner.Groups.Select(group => group.Id)];

    [Theory, MemberData(nameof(Groups))]
    public void ShouldMeasureEveryFigure(string id)
    {
        string folder = Directory.CreateTempSubdirectory("lowlatency-model-").FullName;
        IReadOnlyList<Figure> figures = ModelRunner.Run(
            new ModelOptions
            {
                Queues = 100,
                FanOut = 10,
                IdleQueues = 100,
                Waiting = 20_000,
                Timed = 1000,
                TopicBindings = 1000,
                HeadersBindings = 100,
                Rounds = 1,
                RoundLength = 5000,
                WarmUpMs = 0,
                DataFolder = folder,
            },
            [id]);
        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);

        Assert.NotEmpty(figures);
        Assert.All(figures, figure => Assert.Null(figure.Error));
        Assert.Contains(figures, figure => figure.Target != null);
        if (id == "allocation")
            Assert.All(figures, figure => Assert.True(figure.IsReached, figure.ToString()));
        else
            Assert.All(figures, figure => Assert.True(double.IsFinite(figure.Value!.Value) && (figure.Value > 0 || id is "memory" or "backlog"), figure.ToString()));
    }

    [Fact]
    public void ShouldSayWhatIsReached()
    {
        Figure[] figures =
        [
            new("a", "at most", 5, "ns", 5),
            new("a", "above", 5.1, "ns", 5),
            new("a", "at least", 80, "%", 80, IsFloor: true),
            new("a", "below", 79.9, "%", 80, IsFloor: true),
            new("a", "only shown", 1234, "messages/s"),
            new("a", "failed", null, "B", 0, Error: "No queue."),
        ];
        Assert.Equal([true, false, true, false, null, false], figures.Select(figure => figure.IsReached));

        string table = Figure.Table(figures).ToString();
        Assert.Contains("1,234 messages/s", table, StringComparison.Ordinal);
        Assert.Contains("≥ 80 %", table, StringComparison.Ordinal);
        Assert.Contains("No queue.", table, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(BenchJson.Write(figures)).RootElement;
        Assert.Equal(6, json.GetArrayLength());
        Assert.False(json[1].GetProperty("is_reached").GetBoolean());
    }

    [Fact]
    public void ShouldTakeNothingBelowOne()
    {
        Assert.Empty(ModelCommand.Create().Parse("--only timers --timed 1").Errors);
        Assert.NotEmpty(ModelCommand.Create().Parse("--timed 0").Errors);
        Assert.NotEmpty(ModelCommand.Create().Parse("--only nothing").Errors);
    }
}
