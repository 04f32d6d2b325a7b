using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Model;

/// <summary>Bytes that the engine allocates per message, on each way that a message can go.</summary>
internal static class AllocationFigure
{
    private const int WarmUpCycles = 100;

    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        foreach (AllocationPath path in AllocationPath.All)
        {
            string what = $"allocated per message: {path.Name}";
            yield return TryMeasure(options, path, out double bytes, out string? error)
                ? new("allocation", what, bytes, "B", 0)
                : new("allocation", what, null, "B", 0, Error: error);
        }
    }

    /// <summary>One that fails does not keep the others from being measured.</summary>
    private static bool TryMeasure(ModelOptions options, AllocationPath path, out double bytesPerMessage, out string? error)
    {
        bytesPerMessage = 0;
        error = null;
        using var broker = new ModelBroker(options.DataFolder);
        try
        {
            Action cycle = path.Prepare(broker);
            for (int i = 0; i < WarmUpCycles; i++)
                cycle();
            broker.ResetCounters();
            int cycles = Math.Max(1, options.RoundLength / 10 / AllocationPath.Batch);
            for (int i = 0; i < cycles; i++)
                cycle();
            bytesPerMessage = broker.EngineBytes / ((double)cycles * AllocationPath.Batch);
            return true;
        }
        catch (Exception failure) when (failure is BenchException or InvalidOperationException)
        {
            error = failure.Message;
            return false;
        }
    }
}
