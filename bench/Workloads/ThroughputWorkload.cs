using LowLatency.Bench.Machine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Workloads;

/// <summary>Publishes as fast as the window allows while the subscription receives and acknowledges.</summary>
internal sealed class ThroughputWorkload(RunOptions options) : IWorkload
{
    /// <summary>Publishes between two polls: enough to share a system call, few enough that deliveries do not wait long.</summary>
    private const int Burst = 256;

    public bool Subscribes => true;

    public Histogram? Times => null;

    public void RunPhase(BenchClient client, double seconds, bool measured)
    {
        client.BeginPhase(null);
        Span<byte> body = stackalloc byte[Math.Min(options.Size, 4096)];
        if (options.Size > body.Length)
            body = new byte[options.Size];
        body.Clear();
        BodySamples? samples = options.Content == BodyContent.Zeros ? null : new BodySamples(options.Content, options.Size);
        var guard = new StallGuard(client);
        long nowNs = MonotonicClock.NowNs;
        long endNs = nowNs + (long)(seconds * 1e9);
        while (nowNs < endNs)
        {
            int work = 0;
            while (work < Burst && client.Published - client.Verifier.Received < options.Backlog)
            {
                samples?.CopyTo(body, client.Published);
                MessageBody.Write(body, client.Published + 1, nowNs);
                if (!client.TryPublish(body))
                    break;
                work++;
            }
            work += client.Work();
            if (work == 0)
                client.Idle(timed: false);
            else
                client.NoteWork();
            nowNs = MonotonicClock.NowNs;
            guard.Check(nowNs);
        }
        client.Drain(received: true);
    }
}
