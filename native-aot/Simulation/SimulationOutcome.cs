namespace LowLatency.Server.Simulation;

/// <summary>How one run went.</summary>
/// <param name="Options">What was run: one seed.</param>
/// <param name="Hash">See <see cref="SimulationHash"/>.</param>
/// <param name="Counts">What happened how often.</param>
/// <param name="Failure">What was wrong; null when nothing was.</param>
internal sealed record SimulationOutcome(SimulationOptions Options, ulong Hash, SortedDictionary<string, long> Counts, SimulationFailure? Failure)
{
    /// <summary>Runs one seed.</summary>
    internal static SimulationOutcome Of(SimulationOptions options)
    {
        using var simulation = new BrokerSimulation(options.Seed, options.Steps, options.Disabled);
        SimulationFailure? failure = null;
        try
        {
            simulation.Run();
        }
        catch (Exception error) // Whatever the engine throws is a find.
        {
            failure = new SimulationFailure(error, simulation.Step, [.. simulation.LastOperations.TakeLast(SimulationFailure.ShownOperations)]);
        }
        return new SimulationOutcome(options, simulation.Hash, simulation.Counts, failure);
    }
}

/// <param name="Error">What differs.</param>
/// <param name="Step">At which step.</param>
/// <param name="Operations">The last commands and events, oldest first.</param>
internal sealed record SimulationFailure(Exception Error, int Step, string[] Operations)
{
    internal const int ShownOperations = 60;
}
