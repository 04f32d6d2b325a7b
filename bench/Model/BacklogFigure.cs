using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Model;

/// <summary>Fills one queue that nobody reads, and compares its last messages with its first.</summary>
internal static class BacklogFigure
{
    private const int BodyLength = 128;
    private const int Batch = 64;

    /// <summary>Of a log, at most.</summary>
    private const long BytesPerMessage = 256;

    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        foreach (Figure figure in Measure(options, DurabilityLevel.Process))
            yield return figure;
        foreach (Figure figure in Measure(options, DurabilityLevel.Memory))
            yield return figure;
    }

    private static IEnumerable<Figure> Measure(ModelOptions options, DurabilityLevel level)
    {
        bool isDurable = level != DurabilityLevel.Memory;
        string name = isDurable ? "process" : "memory";
        int part = Math.Max(1, options.Waiting / 20);
        using (ModelBroker warmUp = Open(options, isDurable))
            Fill(warmUp, warmUp.OpenPublication("", "queue", level), 2 * part);

        // At once before: a host that shares its memory takes back what lies free for a second or two.
        options.Progress.Say($"  touching the memory that the messages will need …");
        HostMemory.Touch(options.Waiting * BytesPerMessage * 3 / 2);
        using ModelBroker broker = Open(options, isDurable);
        uint publication = broker.OpenPublication("", "queue", level);
        options.Progress.Say($"  {options.Waiting:#,0} messages of {BodyLength} B, level {name} …");

        long memoryBefore = MemoryFigure.AnonymousBytes();
        (double first, double firstNs) = Fill(broker, publication, part);
        Fill(broker, publication, options.Waiting - 2 * part);
        (double last, double lastNs) = Fill(broker, publication, part);
        long memory = MemoryFigure.AnonymousBytes() - memoryBefore;
        broker.WaitForMessages("queue", (ulong)options.Waiting);

        yield return new("backlog", $"publish {BodyLength} B into one queue, level {name}, first 5 % of {options.Waiting:#,0}", first, "messages/s");
        yield return new("backlog", "… last 5 %", last, "messages/s");
        yield return new("backlog", "… of the first", last / first * 100, "%", 80, IsFloor: true);
        yield return new("backlog", "… processor time of the engine per message, first 5 %", firstNs, "ns");
        yield return new("backlog", "… last 5 %", lastNs, "ns");
        if (isDurable)
            yield return new("backlog", "… memory per waiting message beside the journal", memory / (double)options.Waiting, "B", 32);
    }

    private static ModelBroker Open(ModelOptions options, bool isDurable)
    {
        // What a message takes of a log is rounded up; what is over is for the segments' ends.
        long needed = options.Waiting * BytesPerMessage + 256 * 1024 * 1024;
        var broker = new ModelBroker(isDurable ? options.DataFolder : null, new BrokerLimits
        {
            DefaultQueueLength = options.Waiting,
            MaxTransientBytes = Math.Max(new BrokerLimits().MaxTransientBytes, needed),
        });
        broker.DeclareQueue("queue", isDurable);
        return broker;
    }

    private static (double PerSecond, double EngineNs) Fill(ModelBroker broker, uint publication, int count)
    {
        byte[] body = new byte[BodyLength];
        broker.ResetCounters();
        long start = MonotonicClock.NowNs;
        for (int sent = 0; sent < count; sent++)
        {
            broker.Publish(publication, default, default, body);
            if (sent % Batch == Batch - 1)
                broker.Step();
        }
        broker.WaitForConfirms(publication);
        return (count * 1e9 / (MonotonicClock.NowNs - start), broker.EngineNs / (double)count);
    }
}
