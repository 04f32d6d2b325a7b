using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Durable;

/// <summary>From the intended time of a publish to its confirm at level process, at a fixed rate: in one segment, and while segments roll and are emptied.</summary>
internal static class TailFigure
{
    private const int Rate = 50_000;
    private const double Seconds = 4;

    /// <summary>In a segment of 256 MiB nothing rolls meanwhile; in those of 1 MiB one begins every 60 ms.</summary>
    private const string Quiet = "256MiB";
    private const string Busy = "1MiB";

    private const int ForgetEvery = 64;

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        var quiet = new List<double>();
        var busy = new List<double>();
        for (int run = 0; run < options.Runs; run++)
        {
            options.Progress.Say($"  run {run + 1} of {options.Runs} …");
            quiet.Add(P999(options, Quiet, int.MaxValue));
            busy.Add(P999(options, Busy, ForgetEvery));
        }
        double first = quiet.Order().ElementAt(quiet.Count / 2);
        double second = busy.Order().ElementAt(busy.Count / 2);
        yield return new("tail", $"p99.9 from intended publish to confirm at process, {Rate:#,0}/s, one segment", first, "µs");
        yield return new("tail", $"… segments of 1 MiB, one message in {ForgetEvery} forgotten: rolled and emptied all the time", second, "µs");
        yield return new("tail", "… of the former", second / first, "×", 2);
    }

    private static double P999(JournalBenchOptions options, string segment, int forgetEvery)
    {
        string journal = Path.Combine(options.Server.DataFolder, $"tail-{Guid.NewGuid():N}");
        using ServerProcess server = ServerProcess.Start(options.Server, journal, "--segment-size", segment);
        using Connection connection = Connection.Connect(server.Address, new ConnectionOptions { Mode = ConnectionMode.Polled, ClientName = "bench", Reconnect = false });
        connection.DeclareQueue("q", new QueueOptions { Durable = true });
        var times = new Histogram();
        long startNs = 0;
        ulong confirmed = 0;
        ulong measuredFrom = Rate; // The first second warms up.
        using Publication publication = connection.OpenPublication(new PublicationOptions
        {
            RoutingKey = "q",
            Durability = DurabilityLevel.Process,
            Window = 16_384,
            OnConfirm = (_, upTo, _) =>
            {
                long nowNs = MonotonicClock.NowNs;
                for (; confirmed < upTo; confirmed++)
                {
                    if (confirmed >= measuredFrom)
                        times.Record(Math.Max(1, nowNs - Due(startNs, confirmed)));
                }
            },
        });
        connection.Subscribe("q", (Subscription subscription, in Delivery delivery) =>
        {
            if (delivery.Tag % (ulong)forgetEvery != 0)
                subscription.Ack(delivery.Tag);
        }, new SubscriptionOptions { Credit = 32_768 });
        byte[] body = new byte[128];
        startNs = MonotonicClock.NowNs + 1_000_000;
        ulong count = (ulong)(Rate * (Seconds + 1));
        for (ulong sent = 0; sent < count;)
        {
            if (MonotonicClock.NowNs >= Due(startNs, sent) && publication.TryPublish(body) == PublishStatus.Accepted)
                sent++;
            connection.Poll();
        }
        while (confirmed < count)
            connection.Poll();
        return Quantiles.Us(times, 0.999);
    }

    private static long Due(long startNs, ulong index) => startNs + (long)(index * (1_000_000_000UL / Rate));
}
