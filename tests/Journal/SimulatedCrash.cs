namespace LowLatency.Tests.Journals;

/// <summary>The process ends here, in a simulation.</summary>
internal sealed class SimulatedCrash() : Exception("simulated crash");
