using LowLatency.Bench.Reports;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Bench.Model;

/// <summary>One message into many queues, each with a subscription: what the engine needs per delivery, and what is stored.</summary>
internal static class FanOutFigure
{
    private const int Batch = 16;
    private const int BodyLength = 128;
    private const int LargeBodyLength = 4096;

    internal static IEnumerable<Figure> Measure(ModelOptions options)
    {
        using var broker = new ModelBroker(options.DataFolder);
        broker.DeclareExchange("ticks", ExchangeKind.Fanout);
        broker.Pipeline(() =>
        {
            for (int i = 0; i < options.FanOut; i++)
            {
                broker.DeclareQueue($"queue.{i}");
                broker.Bind("ticks", $"queue.{i}", "");
            }
        });
        uint publication = broker.OpenPublication("ticks", "acme");
        double copies = Copies(broker, publication, options.FanOut);

        uint[] subscriptions = new uint[options.FanOut];
        for (int i = 0; i < subscriptions.Length; i++)
            subscriptions[i] = broker.Subscribe($"queue.{i}", ModelBroker.Window);
        Settle(broker, subscriptions, credit: 0);
        int cycles = Math.Max(1, options.RoundLength / (Batch * options.FanOut));
        double settling = 0;
        (double deliver, double settle) = Rounds.Medians(
            options,
            () =>
            {
                (double delivering, settling) = Cycle(broker, publication, subscriptions, cycles);
                return delivering;
            },
            () => settling);
        yield return new("fan-out", $"fan-out to {options.FanOut} queues: engine, from publish to delivery, per delivery", deliver, "ns", 60);
        yield return new("fan-out", "… its cumulative acknowledgement, per delivery", settle, "ns");
        yield return new("fan-out", $"… payloads stored per message of {LargeBodyLength:#,0} B", copies, "", 1.01);
    }

    private static (double DeliverNs, double SettleNs) Cycle(ModelBroker broker, uint publication, uint[] subscriptions, int cycles)
    {
        byte[] body = new byte[BodyLength];
        long delivered = 0;
        long deliverNs = 0;
        long settleNs = 0;
        for (int i = 0; i < cycles; i++)
        {
            broker.ResetCounters();
            for (int message = 0; message < Batch; message++)
                broker.Publish(publication, default, default, body);
            broker.WaitForDeliveries(Batch * subscriptions.Length);
            broker.WaitForConfirms(publication);
            delivered += broker.Delivered;
            deliverNs += broker.EngineNs;
            broker.ResetCounters();
            Settle(broker, subscriptions, credit: Batch);
            settleNs += broker.EngineNs;
        }
        return (deliverNs / (double)delivered, settleNs / (double)delivered);
    }

    private static void Settle(ModelBroker broker, uint[] subscriptions, uint credit)
    {
        broker.Run();
        foreach (uint subscription in subscriptions)
            broker.SettleAll(subscription, credit: credit);
        broker.Run();
    }

    /// <summary>How often a payload is in the journal, from how much that grows.</summary>
    private static double Copies(ModelBroker broker, uint publication, int queues)
    {
        const int messages = 64;
        byte[] body = new byte[LargeBodyLength];
        broker.Publish(publication, default, default, body);
        broker.WaitForConfirms(publication);
        RecordLog log = broker.Core.Journal!.Log;
        long tail = log.Tail;
        for (int i = 0; i < messages; i++)
            broker.Publish(publication, default, default, body);
        broker.WaitForConfirms(publication);
        long perMessage = (log.Tail - tail) / messages;
        return (perMessage - RecordLayout.HeaderLength - MessageLayout.Payload(queues)) / (double)LargeBodyLength;
    }
}
