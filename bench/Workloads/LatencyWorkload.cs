using LowLatency.Bench.Machine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Workloads;

/// <summary>Publishes at intended times, whatever the broker does, and times each message from its intended time to its handler.</summary>
internal sealed class LatencyWorkload(RunOptions options) : IWorkload
{
    public bool Subscribes => true;

    public Histogram? Times { get; } = new();

    public void RunPhase(BenchClient client, double seconds, bool measured)
    {
        client.BeginPhase(measured ? Times : null);
        long count = Math.Max(1, (long)(options.Rate * seconds));
        double intervalNs = 1e9 / options.Rate;
        Span<byte> body = stackalloc byte[Math.Min(options.Size, 4096)];
        if (options.Size > body.Length)
            body = new byte[options.Size];
        body.Clear();
        var guard = new StallGuard(client);
        long startNs = MonotonicClock.NowNs + 1_000_000;
        long sent = 0;
        while (sent < count)
        {
            long nowNs = MonotonicClock.NowNs;
            long intendedNs = startNs + (long)(sent * intervalNs);
            bool due = nowNs >= intendedNs;
            if (due)
            {
                MessageBody.Write(body, client.Published + 1, intendedNs);
                if (client.TryPublish(body))
                    sent++;
            }
            if (client.Work() == 0 && !due)
                client.Idle(timed: intendedNs - nowNs < 2_000_000);
            else
                client.NoteWork();
            guard.Check(nowNs);
        }
        client.Drain(received: true);
    }
}
