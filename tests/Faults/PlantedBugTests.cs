using System.Reflection;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Engine;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>The harnesses themselves: each bug that <c>tests/Faults/plant-bugs</c> plants in a copy of the sources must be caught by one of them.</summary>
/// <remarks>There they must find nothing first, while no bug is switched on. An ordinary build has no bugs to switch on.</remarks>
public sealed class PlantedBugTests(ITestOutputHelper output)
{
    private const int Rounds = 6;

    private static readonly (string Name, Action<int> Run)[] Harnesses =
    [
        ("torn tail", seed => TornTailTests.Run(seed, stride: 61)),
        ("bit flips", seed => BitFlipTests.Run(JournalImage.OfSyncedRecords(seed), seed, stride: 211)),
        ("crash states", RunCrashStates),
        ("reclaim", RunReclaim),
        ("simulation", RunSimulation),
    ];

    [Fact]
    public void ShouldCatchEveryPlantedBug()
    {
        Type? planted = typeof(RecordLog).Assembly.GetType("LowLatency.Core.PlantedBug");
        if (planted == null)
        {
            // An ordinary build: there are none to switch on, and those of the copy still fit the code.
            output.WriteLine(SystemCommand.Run("bash", Script("Faults"), "--check"));
            output.WriteLine(SystemCommand.Run("bash", Script("Simulation"), "--check"));
            return;
        }
        int seed = FaultSettings.Seed;
        SimulatedHeap.Keep();
        string? alarm = Look(seed, rounds: 1, turn: _ => { });
        Assert.True(alarm == null, $"with no bug switched on: {alarm}");
        const BindingFlags all = BindingFlags.Static | BindingFlags.NonPublic;
        PropertyInfo active = planted.GetProperty("Active", all)!;
        string[] names = (string[])planted.GetField("Names", all)!.GetValue(null)!;
        if (Environment.GetEnvironmentVariable("LOWLATENCY_PLANTED") is { Length: > 0 } only)
            names = [.. names.Where(only.Split(',').Contains)];
        var missed = new List<string>();
        foreach (string name in names)
        {
            string? found = Look(seed, Rounds, isOn => active.SetValue(null, isOn ? name : ""));
            output.WriteLine($"{name}: {found ?? "NOT CAUGHT"}");
            if (found == null)
                missed.Add(name);
        }
        output.WriteLine($"{names.Length - missed.Count} of {names.Length} planted bugs caught; seed {seed}");
        Assert.True(missed.Count == 0 && names.Length > 0, $"not caught: {string.Join(", ", missed)}; seed {seed}");
    }

    private static string Script(string area)
    {
        string? root = AppContext.BaseDirectory;
        while (root != null && !File.Exists(Path.Combine(root, "LowLatency.sln")))
            root = Path.GetDirectoryName(root);
        return Path.Combine(root ?? throw new InvalidOperationException("The tests do not run inside the repository."), "tests", area, "plant-bugs");
    }

    /// <returns>Which harness found what; null when none found anything. What it finds without the bug as well is a false alarm, and no catch.</returns>
    private static string? Look(int seed, int rounds, Action<bool> turn)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach ((string name, Action<int> run) in Harnesses)
            {
                int start = unchecked(seed + (round * 1000)) & int.MaxValue;
                turn(true);
                string? found = Try(run, start);
                turn(false);
                if (found == null)
                    continue;
                string? alarm = Try(run, start);
                Assert.True(alarm == null, $"with no bug switched on: {name}, seed {start}: {alarm}");
                return $"{name}, round {round + 1}: {found}";
            }
        }
        return null;
    }

    private static string? Try(Action<int> run, int seed)
    {
        try
        {
            run(seed);
            return null;
        }
        catch (Exception error)
        {
            return error.Message.Split('\n')[0];
        }
    }

    // What queues hold, at every roll and after restarts, while the oldest segments are emptied all the time.
    private static void RunReclaim(int seed)
    {
        // A delivery that waits to be read, and messages in several queues: what the random load meets too seldom.
        using (var test = new ReclaimTests())
            test.ShouldLeadADeliveryThatWasNotReadYetToWhereItsMessageIs();
        using (var test = new ReclaimTests())
            test.ShouldMoveAMessageWithAllItsQueues();
        for (int i = 0; i < 4; i++)
        {
            using var test = new ReclaimTests();
            test.ShouldKeepEveryMessageAsItIsWhileTheJournalStaysShort(seed + i);
        }
    }

    private static void RunCrashStates(int seed)
    {
        // What moved is missing, and what says that it moved is there: some lives of a journal never meet that.
        new LostEndTests().ShouldNotBelieveAMarkerBeforeWhichTheJournalEnds();
        for (int i = 0; i < 8; i++)
        {
            using var states = new CrashStates(unchecked(seed + i), limit: 1_500);
            states.Run();
        }
    }

    private static void RunSimulation(int seed)
    {
        for (int i = 0; i < 60; i++)
        {
            SimulationOutcome outcome = SimulationOutcome.Of(new SimulationOptions { Seed = (ulong)(seed + i), Steps = 1000 });
            if (outcome.Failure != null)
                throw outcome.Failure.Error;
        }
    }
}
