using System.Globalization;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Simulation;

/// <summary>Many short lives of a broker, each from its seed. How many, how long and which: LOWLATENCY_SIM_SEEDS, _STEPS, _BASE; one again: LOWLATENCY_SIM_SEED, or <c>lowlatency simulate</c>.</summary>
public sealed class SimulationTests
{
    private static readonly int Seeds = Setting("LOWLATENCY_SIM_SEEDS", 200);
    private static readonly int Steps = Setting("LOWLATENCY_SIM_STEPS", 200);
    private static readonly int Base = Setting("LOWLATENCY_SIM_BASE", 1);

    [Fact]
    public void ShouldDoWhatTheModelAllowsThroughCrashesAndFullDisks()
    {
        int only = Setting("LOWLATENCY_SIM_SEED", -1);
        int first = only >= 0 ? only : Base;
        int last = only >= 0 ? only : Base + Seeds - 1;
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (int seed = first; seed <= last; seed++)
        {
            SimulationOutcome outcome = Run(seed, Steps);
            if (outcome.Failure != null)
                Assert.Fail(Report(outcome));
            foreach ((string what, long count) in outcome.Counts)
                counts[what] = counts.GetValueOrDefault(what) + count;
        }
        if (Seeds < 100 || only >= 0)
            return;
        // A workload that does not get there proves nothing.
        string[] reached =
        [
            "deliveries", "restarts Kill", "restarts CutPower", "restarts Stop", "rejected QueueFull", "rejected NoRoute", "rejected PreconditionFailed", "ended TakenOver",
            "ended JournalFailed", "confirm Memory", "confirm Process", "confirm Disk", "PublicationReady",
            "transactions committed", "records moved",
        ];
        foreach (string what in reached)
            Assert.True(counts.GetValueOrDefault(what) >= 10, $"'{what}' happened {counts.GetValueOrDefault(what)} times in {Seeds} runs.");
    }

    [Fact]
    public void ShouldDoTheSameAgainFromTheSameSeed()
    {
        SimulationOutcome first = Run(Base, 1000);
        SimulationOutcome second = Run(Base, 1000);
        Assert.Null(first.Failure);
        Assert.Equal(first.Hash, second.Hash);
        Assert.Equal(first.Counts, second.Counts);
        Assert.NotEmpty(first.Counts);
        Assert.NotEqual(first.Hash, Run(Base + 1, 1000).Hash);
    }

    private static SimulationOutcome Run(int seed, int steps) => SimulationOutcome.Of(new SimulationOptions { Seed = (ulong)seed, Steps = steps });

    private static string Report(SimulationOutcome failed)
    {
        SimulationOutcome shrunk = SimulationShrinker.Shrink(failed);
        return $"""
            Seed {failed.Options.Seed} failed at step {failed.Failure!.Step}: {failed.Failure.Error}
            Again: {failed.Options.CommandLine}
            Shrunk, it fails at step {shrunk.Failure!.Step}: {shrunk.Failure.Error.Message}
            Again: {shrunk.Options.CommandLine}
            {string.Join('\n', shrunk.Failure.Operations)}
            """;
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
