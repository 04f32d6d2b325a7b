using System.Numerics;
using LowLatency.Bench.Machine;
using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Workloads;

/// <summary>Keeps as many messages under way as the window says, one by default, and times each from publish to confirm.</summary>
internal sealed class ConfirmWorkload(RunOptions options) : IWorkload
{
    // Send times by sequence. Written before the publish, read by the confirm of the same sequence.
    private readonly long[] _sentNs = new long[BitOperations.RoundUpToPowerOf2((uint)options.Window + 1)];
    private bool _measured;
    private ulong _confirmed;

    public bool Subscribes => false;

    public Histogram? Times { get; } = new();

    public void OnConfirm(ulong upToSequence, DurabilityLevel level)
    {
        long nowNs = MonotonicClock.NowNs;
        if (level < options.Durability)
            throw new BenchException($"message {upToSequence} was confirmed at level {level}, asked was {options.Durability}");
        for (ulong sequence = _confirmed + 1; sequence <= upToSequence; sequence++)
        {
            if (_measured)
                Times!.Record(nowNs - _sentNs[sequence & (ulong)(_sentNs.Length - 1)]);
        }
        _confirmed = upToSequence;
    }

    public void RunPhase(BenchClient client, double seconds, bool measured)
    {
        client.BeginPhase(null);
        _measured = measured;
        Span<byte> body = stackalloc byte[Math.Min(options.Size, 4096)];
        if (options.Size > body.Length)
            body = new byte[options.Size];
        body.Clear();
        var guard = new StallGuard(client);
        long nowNs = MonotonicClock.NowNs;
        long endNs = nowNs + (long)(seconds * 1e9);
        while (nowNs < endNs)
        {
            int work = 0;
            if (client.Published - client.Confirmed < options.Window)
            {
                MessageBody.Write(body, client.Published + 1, nowNs);
                _sentNs[client.NextSequence & (ulong)(_sentNs.Length - 1)] = nowNs;
                if (client.TryPublish(body))
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
        client.Drain(received: false);
    }
}
