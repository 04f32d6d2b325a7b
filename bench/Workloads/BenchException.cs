namespace LowLatency.Bench.Workloads;

/// <summary>A run that cannot go on, with a sentence for the user.</summary>
internal sealed class BenchException : Exception
{
    internal BenchException(string message)
        : base(message)
    {
    }
}
