namespace LowLatency.Server.Simulation;

/// <summary>Looks for a smaller run that fails too: fewer steps, then fewer kinds of action. It may fail of something else.</summary>
internal static class SimulationShrinker
{
    internal static SimulationOutcome Shrink(SimulationOutcome failed)
    {
        SimulationOutcome smallest = WithFewerSteps(failed);
        foreach (SimulationAction action in SimulationActions.All)
        {
            if (smallest.Options.Disabled.Contains(action))
                continue;
            SimulationOutcome without = SimulationOutcome.Of(smallest.Options with { Disabled = smallest.Options.Disabled.With(action) });
            if (without.Failure != null)
                smallest = without;
        }
        return WithFewerSteps(smallest);
    }

    /// <summary>A run of fewer steps begins as the longer one does, so its length can be found by halves.</summary>
    private static SimulationOutcome WithFewerSteps(SimulationOutcome failed)
    {
        SimulationOutcome smallest = failed;
        int passes = -1;
        while (smallest.Options.Steps - passes > 1)
        {
            int steps = passes + (smallest.Options.Steps - passes) / 2;
            if (passes < 0 && smallest.Failure!.Step + 1 < smallest.Options.Steps)
                steps = smallest.Failure.Step + 1;
            SimulationOutcome shorter = SimulationOutcome.Of(failed.Options with { Steps = steps });
            if (shorter.Failure != null)
                smallest = shorter;
            else
                passes = steps;
        }
        return smallest;
    }
}
