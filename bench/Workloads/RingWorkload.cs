using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Core.Rings;

namespace LowLatency.Bench.Workloads;

/// <summary>Records per second through one <see cref="SpscByteRing"/> between two threads that spin.</summary>
/// <remarks>The producer copies a whole body into each claim and commits up to 16 at a time, as the engine does with a batch; the consumer verifies each.</remarks>
internal sealed unsafe class RingWorkload : IDisposable
{
    private const int Capacity = 256 * 1024;
    private const int BatchMask = 15;
    private const int PollLimit = 1024;
    private const int RecordsPerClockRead = 1_000;

    private readonly RunOptions _options;
    private readonly SpscByteRing _ring = new(Capacity);
    private readonly byte[] _body;

    // Written by the consumer once, when it ends: nothing here is shared while records flow.
    private Verifier _verifier = new(0);
    private long _consumerAllocated;

    private RingWorkload(RunOptions options)
    {
        _options = options;
        _body = new byte[options.Size];
    }

    internal static RunResult Run(RunOptions options, Progress progress)
    {
        using var workload = new RingWorkload(options);
        progress.Say($"  warm-up");
        workload.RunPhase(options.WarmupSeconds, progress);
        progress.Say($"  measuring");
        return workload.RunPhase(options.Seconds, progress);
    }

    private RunResult RunPhase(double seconds, Progress progress)
    {
        _verifier = new Verifier(_options.Size);
        var stop = new StopRequest();
        var consumer = new Thread(() => Consume(_ring, _verifier, stop)) { Name = "ring consumer", IsBackground = true };
        Measurement measurement = Measurement.Start(serverProcessId: 0);
        consumer.Start();
        using PinnedThread pin = PinnedThread.ForClient(spins: true);

        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long startNs = MonotonicClock.NowNs;
        long count = Produce(_ring, _body, startNs + (long)(seconds * 1e9));
        stop.At(count);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        consumer.Join();
        double elapsed = (MonotonicClock.NowNs - startNs) / 1e9;

        measurement.Stop();
        if (_verifier.FirstFault is string fault)
            progress.Say($"  {fault}");
        return measurement.AddTo(new RunResult
        {
            Workload = _options.Workload,
            Door = _options.DoorName,
            Size = _options.Size,
            Seconds = seconds,
            Messages = count,
            Verified = _verifier.FirstFault is null && _verifier.Received == count,
            MsgsPerS = Math.Round(count / elapsed),
            AllocBytesPerMsg = Quantiles.Round((double)(allocated + _consumerAllocated) / count),
        });
    }

    /// <returns>How many records were committed.</returns>
    private static long Produce(SpscByteRing ring, Span<byte> body, long endNs)
    {
        long sequence = 0;
        while (MonotonicClock.NowNs < endNs)
        {
            for (int i = 0; i < RecordsPerClockRead; i++)
            {
                byte* claim = ring.TryClaim(type: 1, body.Length);
                if (claim == null)
                {
                    ring.Commit();
                    Thread.SpinWait(1);
                    continue;
                }
                MessageBody.Write(body, ++sequence, 0);
                body.CopyTo(new Span<byte>(claim, body.Length));
                if ((sequence & BatchMask) == 0)
                    ring.Commit();
                else
                    ring.Stage();
            }
        }
        ring.Commit();
        return sequence;
    }

    private void Consume(SpscByteRing ring, Verifier verifier, StopRequest stop)
    {
        using PinnedThread pin = PinnedThread.ForEcho(spins: true);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        var handler = new Handler(verifier);
        while (!stop.Reached(verifier.Received))
        {
            if (ring.Poll(ref handler, PollLimit) == 0)
                Thread.SpinWait(1);
        }
        _consumerAllocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
    }

    public void Dispose() => _ring.Dispose();

    /// <summary>Tells the consumer how many records there are, once that is known.</summary>
    private sealed class StopRequest
    {
        private long _count = long.MaxValue;
        private long _deadlineNs = long.MaxValue;

        internal void At(long count)
        {
            Volatile.Write(ref _deadlineNs, MonotonicClock.NowNs + 10_000_000_000);
            Volatile.Write(ref _count, count); // Release: pairs with the acquire in Reached.
        }

        /// <summary>All came, or no more come.</summary>
        internal bool Reached(long received)
        {
            long count = Volatile.Read(ref _count);
            return received >= count || (count != long.MaxValue && MonotonicClock.NowNs > _deadlineNs);
        }
    }

    private readonly struct Handler(Verifier verifier) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            verifier.Accept(body, out _);
            return true;
        }
    }
}
