using System.Diagnostics;
using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Client;

namespace LowLatency.Bench.Workloads;

/// <summary>One run of a workload against one broker: start, warm up, measure, verify, stop.</summary>
internal static class BrokerRun
{
    internal static RunResult Run(RunOptions options, Progress progress)
    {
        try
        {
            BrokerUnderTest broker = BrokerUnderTest.Start(options);
            RunResult result;
            using (broker)
                result = Run(options, broker, progress);
            return result with
            {
                ServerAllocBytesPerMsg = broker.AllocBytesPerMessage,
                SentBytesPerMsg = broker.SentBytesPerMessage?.Wire,
                SentFrameBytesPerMsg = broker.SentBytesPerMessage?.Frames,
            };
        }
        catch (LowLatencyException error)
        {
            throw new BenchException($"{error.Code}: {error.Message}");
        }
    }

    private static RunResult Run(RunOptions options, BrokerUnderTest broker, Progress progress)
    {
        IWorkload workload = options.Workload switch
        {
            "latency" => new LatencyWorkload(options),
            "throughput" => new ThroughputWorkload(options),
            "confirm" => new ConfirmWorkload(options),
            _ => throw new UnreachableException(),
        };
        progress.Say($"  broker at {broker.Address} ({broker.Kind})");
        using var client = new BenchClient(options, broker.Address, deleteQueue: !broker.IsOwn,
            (_, upTo, level) => workload.OnConfirm(upTo, level));
        if (workload.Subscribes)
            client.Subscribe();
        using (new ProgressTicker(client, progress))
        using (PinnedThread.ForClient(options.Spin && options.Polled))
        {
            progress.Say($"  warm-up");
            workload.RunPhase(client, options.WarmupSeconds, measured: false);
            progress.Say($"  measuring");
            RunResult result = Measure(options, workload, client, broker);
            progress.Say($"  verifying");
            if (!workload.Subscribes)
            {
                client.BeginPhase(null);
                client.Subscribe();
                client.Drain(received: true);
            }
            if (client.Fault is string fault)
                progress.Say($"  {fault}");
            return result with { Verified = client.Fault is null && client.Verifier.Received == client.Published };
        }
    }

    private static RunResult Measure(RunOptions options, IWorkload workload, BenchClient client, BrokerUnderTest broker)
    {
        long first = client.Published;
        broker.OnMeasuring();
        Measurement measurement = Measurement.Start(broker.ProcessId);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long startNs = MonotonicClock.NowNs;
        workload.RunPhase(client, options.Seconds, measured: true);
        double seconds = (MonotonicClock.NowNs - startNs) / 1e9;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        measurement.Stop();
        broker.OnMeasured();
        long count = client.Published - first;
        var result = new RunResult
        {
            Workload = options.Workload,
            Door = options.DoorName,
            Durability = options.DurabilityName,
            Size = options.Size,
            Rate = options.Workload == "latency" ? options.Rate : null,
            Idle = options.IdleName,
            Client = options.Polled ? "polled" : "background",
            Server = broker.Kind,
            Window = options.Window,
            Seconds = options.Seconds,
            Messages = count,
            MsgsPerS = Math.Round(count / seconds),
            AllocBytesPerMsg = Quantiles.Round((double)allocated / count + client.BackgroundAllocBytesPerMessage()),
        };
        if (workload.Times is { Count: > 0 } times)
        {
            result = result with
            {
                P50Us = Quantiles.Us(times, 0.5),
                P90Us = Quantiles.Us(times, 0.9),
                P99Us = Quantiles.Us(times, 0.99),
                P999Us = Quantiles.Us(times, 0.999),
                MaxUs = Quantiles.Us(times, 1),
            };
        }
        return measurement.AddTo(result);
    }
}
