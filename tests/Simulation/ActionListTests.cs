using FsCheck;
using FsCheck.Fluent;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Simulation;

/// <summary>Short lists of actions in any order beside the model: what fails is shrunk to the actions that it takes.</summary>
public sealed class ActionListTests
{
    private static readonly SimulationAction[] Steps = [.. Enum.GetValues<SimulationAction>().Where(action => action < SimulationAction.Hosts)];

    [Fact]
    public void ShouldDoWhatTheModelAllowsWhateverClientsAndMisfortunesFollowEachOther()
    {
        Gen<SimulationAction> action = Gen.Elements(Steps);
        Gen<(ulong Seed, SimulationAction[] Actions)> runs =
            from seed in Gen.Choose(0, 1_000_000)
            from actions in Gen.ArrayOf(action)
            select ((ulong)seed, actions);
        Arbitrary<(ulong Seed, SimulationAction[] Actions)> arbitrary = Arb.From(runs, run => Shorter(run.Actions).Select(actions => (run.Seed, actions)));
        Prop.ForAll(arbitrary, run =>
        {
            using var simulation = new BrokerSimulation(run.Seed, run.Actions.Length, script: run.Actions);
            simulation.Run();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150).WithEndSize(60));
    }

    /// <summary>Halves first, then without each one.</summary>
    private static IEnumerable<SimulationAction[]> Shorter(SimulationAction[] actions)
    {
        if (actions.Length > 1)
        {
            yield return actions[..(actions.Length / 2)];
            yield return actions[(actions.Length / 2)..];
        }
        for (int i = 0; i < actions.Length; i++)
            yield return [.. actions[..i], .. actions[(i + 1)..]];
    }
}
