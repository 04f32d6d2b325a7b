using System.Globalization;
using System.Text;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Simulation;

/// <summary>Many short lives of a broker, each from its seed. How many, how long and which: LOWLATENCY_SIM_SEEDS, _STEPS, _BASE; one again: LOWLATENCY_SIM_SEED.</summary>
public sealed class SimulationTests
{
    private static readonly int Seeds = Setting("LOWLATENCY_SIM_SEEDS", 200);
    private static readonly int Steps = Setting("LOWLATENCY_SIM_STEPS", 2000);
    private static readonly int Base = Setting("LOWLATENCY_SIM_BASE", 1);

    [Fact]
    public void ShouldDoWhatTheModelAllowsThroughCrashesAndFullDisks()
    {
        int only = Setting("LOWLATENCY_SIM_SEED", -1);
        int first = only >= 0 ? only : Base;
        int last = only >= 0 ? only : Base + Seeds - 1;
        var counts = new SortedDictionary<string, long>();
        for (int seed = first; seed <= last; seed++)
        {
            if (Run(seed, Steps, default, counts) is { } failure)
                Assert.Fail(Report(seed, failure));
        }
        if (Seeds < 100 || only >= 0)
            return;
        // A workload that does not get there proves nothing.
        string[] reached =
        [
            "deliveries", "commands not taken", "overruns", "segments rolled", "restarts Kill", "restarts CutPower", "restarts Stop",
            "rejected QueueFull", "rejected NoRoute", "rejected DiskFull", "rejected MemoryLimit", "rejected PreconditionFailed", "ended TakenOver",
            "ended JournalFailed", "confirm Memory", "confirm Process", "confirm Disk", "PublicationReady",
        ];
        foreach (string what in reached)
            Assert.True(counts.GetValueOrDefault(what) >= 10, $"'{what}' happened {counts.GetValueOrDefault(what)} times in {Seeds} runs.");
    }

    [Fact]
    public void ShouldDoTheSameAgainFromTheSameSeed()
    {
        var first = new SortedDictionary<string, long>();
        var second = new SortedDictionary<string, long>();
        Assert.Null(Run(Base, 1000, default, first));
        Assert.Null(Run(Base, 1000, default, second));
        Assert.Equal(first, second);
        Assert.NotEmpty(first);
    }

    private static Failure? Run(int seed, int steps, SimulationActions disabled, SortedDictionary<string, long>? counts = null)
    {
        using var simulation = new BrokerSimulation(seed, disabled);
        Failure? failure = null;
        try
        {
            simulation.Run(steps);
        }
        catch (Exception error) // Whatever the engine throws is a find.
        {
            failure = new Failure(error, simulation.Step, [.. simulation.LastOperations.TakeLast(60)]);
        }
        if (counts != null)
        {
            foreach ((string what, long count) in simulation.Counts)
                counts[what] = counts.GetValueOrDefault(what) + count;
        }
        return failure;
    }

    private static string Report(int seed, Failure failure)
    {
        // The run without what it can fail without is easier to read, though it may be another failure.
        SimulationActions disabled = default;
        Failure shrunk = failure;
        foreach (SimulationAction action in Enum.GetValues<SimulationAction>())
        {
            if (Run(seed, failure.Step + 1, disabled.With(action)) is not { } again)
                continue;
            disabled = disabled.With(action);
            shrunk = again;
        }
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Seed {seed} failed at step {failure.Step}: {failure.Error.Message}");
        text.AppendLine(CultureInfo.InvariantCulture, $"Again: LOWLATENCY_SIM_SEED={seed} LOWLATENCY_SIM_STEPS={Steps} dotnet test --filter SimulationTests");
        foreach (string operation in failure.Operations)
            text.AppendLine("  " + operation);
        text.AppendLine(failure.Error.ToString());
        if (disabled != default)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Without {disabled} it fails at step {shrunk.Step}: {shrunk.Error.Message}");
            foreach (string operation in shrunk.Operations)
                text.AppendLine("  " + operation);
        }
        return text.ToString();
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private sealed record Failure(Exception Error, int Step, string[] Operations);
}
