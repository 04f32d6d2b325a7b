namespace LowLatency.Server.Simulation;

/// <summary>The engine did what the model does not allow.</summary>
internal sealed class SimulationException(string message) : Exception(message);
