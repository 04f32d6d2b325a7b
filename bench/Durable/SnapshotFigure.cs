using LowLatency.Bench.Model;
using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Durable;

/// <summary>The longest turn of the engine while segments begin with the definitions of many queues, beside one in which none begins.</summary>
internal static class SnapshotFigure
{
    private const int Queues = 100_000;
    private const int BodyLength = 4096;
    private const int Segments = 6;

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        int queues = (int)(Queues * options.Scale);
        options.Progress.Say($"  {queues:#,0} queues …");
        using var broker = new ModelBroker(options.Server.DataFolder, new BrokerLimits { MaxQueues = queues + 10 });
        broker.DeclareQueue("flow");
        for (int first = 0; first < queues; first += 1000)
        {
            broker.Pipeline(() =>
            {
                for (int i = first; i < Math.Min(first + 1000, queues); i++)
                    broker.DeclareQueue($"queue-{i:D6}");
            });
        }
        uint publication = broker.OpenPublication("", "flow");
        uint subscription = broker.Subscribe("flow", 1024);
        BrokerEngine engine = broker.Core.Engine;
        byte[] body = new byte[BodyLength];
        Flow(2); // Warms up.
        double most = 0;
        double mostBeside = 0;
        long records = engine.SnapshotRecords;
        Flow(Segments);
        yield return new("snapshot", $"longest turn of the engine in which a part of a snapshot of {queues:#,0} queues was written, in {Segments} segments", most, "ms", 1);
        yield return new("snapshot", "… in which none was", mostBeside, "ms");
        yield return new("snapshot", "… records of one snapshot", (engine.SnapshotRecords - records) / (double)Segments, "");
        engine.SnapshotSlice = int.MaxValue;
        Flow(2);
        yield return new("snapshot", "… as long as all of it takes in one turn", most, "ms");

        void Flow(int segments)
        {
            most = mostBeside = 0;
            int sent = 0;
            long end = broker.Core.Journal!.Log.Active!.Index + segments;
            while (broker.Core.Journal.Log.Active.Index < end || engine.IsSnapshotOpen)
            {
                broker.Publish(publication, default, default, body);
                long before = engine.SnapshotRecords;
                long ns = broker.EngineNs;
                broker.Step();
                if (++sent % 512 == 0)
                    broker.SettleAll(subscription, credit: 512);
                double ms = (broker.EngineNs - ns) / 1e6;
                if (engine.SnapshotRecords > before)
                    most = Math.Max(most, ms);
                else
                    mostBeside = Math.Max(mostBeside, ms);
            }
        }
    }
}
