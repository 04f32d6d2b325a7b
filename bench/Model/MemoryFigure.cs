using System.Runtime;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Model;

/// <summary>What a queue costs that nothing waits in.</summary>
internal static class MemoryFigure
{
    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        using var broker = new ModelBroker(options.DataFolder);
        broker.DeclareQueue("first");
        long before = AnonymousBytes();
        broker.Pipeline(() =>
        {
            for (int i = 0; i < options.IdleQueues; i++)
                broker.DeclareQueue($"queue.{i}");
        });
        long after = AnonymousBytes();
        yield return new("memory", $"memory per idle queue, {options.IdleQueues:#,0} of them", (after - before) / (double)options.IdleQueues, "B", 2048);
    }

    /// <summary>Anonymous memory of this process once nothing in it is garbage. Files that are mapped do not count.</summary>
    internal static long AnonymousBytes()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        TrimHeap();
        return ProcessCounters.ReadAnonymousBytes(Environment.ProcessId) ?? GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>What was freed before and lies in the heap would be used again, and not be seen.</summary>
    private static void TrimHeap()
    {
        try
        {
            _ = Libc.TrimHeap(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another libc: it keeps little, or gives it back by itself.
        }
    }
}
