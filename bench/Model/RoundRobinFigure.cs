using System.Text;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Model;

/// <summary>Publishes to many queues by turns, against the same to one queue.</summary>
internal static class RoundRobinFigure
{
    private const int BodyLength = 128;
    private const int Batch = 64;

    internal static IEnumerable<Figure> Measure(ModelOptions options) =>
        [.. Measure(options, DurabilityLevel.Memory), .. Measure(options, DurabilityLevel.Process)];

    private static Figure[] Measure(ModelOptions options, DurabilityLevel level)
    {
        bool isDurable = level != DurabilityLevel.Memory;
        using var broker = new ModelBroker(isDurable ? options.DataFolder : null) { CountsTime = false };
        byte[] body = new byte[BodyLength];
        byte[][] keys = new byte[options.Queues][];
        for (int i = 0; i < keys.Length; i++)
            keys[i] = Encoding.UTF8.GetBytes($"queue.{i}");
        broker.Pipeline(() =>
        {
            for (int i = 0; i < keys.Length; i++)
                broker.DeclareQueue($"queue.{i}", isDurable);
        });
        broker.DeclareQueue("one", isDurable);
        uint toOne = broker.OpenPublication("", "one", level);
        uint toMany = broker.OpenPublication("", "", level);
        int next = 0;
        (double one, double many) = Rounds.Medians(
            options,
            () =>
            {
                double rate = Rate(broker, toOne, options.RoundLength, () => default, body);
                broker.PurgeQueue("one");
                return rate;
            },
            () =>
            {
                double rate = Rate(broker, toMany, options.RoundLength, () => keys[next++ % keys.Length], body);
                broker.Pipeline(() =>
                {
                    for (int i = 0; i < keys.Length; i++)
                        broker.PurgeQueue($"queue.{i}");
                });
                return rate;
            });
        return
        [
            new("round-robin", $"publish {BodyLength} B to one queue, level {(isDurable ? "process" : "memory")}, one thread", one, "messages/s"),
            new("round-robin", $"publish to 1 of {options.Queues:#,0} queues, round robin", many, "messages/s"),
            new("round-robin", "… of the rate of one queue", many / one * 100, "%", 50, IsFloor: true),
        ];
    }

    private delegate ReadOnlySpan<byte> NextKey();

    private static double Rate(ModelBroker broker, uint publication, int count, NextKey nextKey, byte[] body)
    {
        long start = MonotonicClock.NowNs;
        for (int sent = 0; sent < count; sent += Batch)
        {
            for (int i = 0; i < Batch; i++)
                broker.Publish(publication, nextKey(), default, body);
            broker.Step();
        }
        broker.WaitForConfirms(publication);
        return (count + Batch - 1) / Batch * Batch * 1e9 / (MonotonicClock.NowNs - start);
    }
}
