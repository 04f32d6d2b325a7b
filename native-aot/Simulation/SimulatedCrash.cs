namespace LowLatency.Server.Simulation;

/// <summary>The process ends here, in a simulation.</summary>
internal sealed class SimulatedCrash() : Exception("simulated crash");
