using System.Diagnostics;
using System.Globalization;
using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Durable;

/// <summary>A backlog that is on the disk alone is drained at a fixed rate, while a short queue is measured: from the intended time of a publish to its delivery.</summary>
internal static class ColdFigure
{
    private const string Memory = "256MiB";
    private const int BodyLength = 16 * 1024;
    private const int DrainRate = 4000;
    private const int HotRate = 5000;
    private const double Seconds = 4;
    private const int SettleLimitSeconds = 120;

    /// <summary>The thread that is to wait for the disk.</summary>
    private const string Preparer = "preparer";

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        // The same backlog in memory, too: what a drain costs its neighbours at all is no concern of the disk.
        using var warm = new Side(options, "in memory", BodyContent.Noise, "--journal-memory", "1024GiB");
        using var cold = new Side(options, "on the disk", BodyContent.Noise, "--journal-memory", Memory);
        using var compressed = new Side(options, "on the disk, compressed", BodyContent.Quotes, "--journal-memory", Memory);
        Side[] sides = [warm, cold, compressed];
        options.Progress.Say($"  the disk writes what it still has …");
        using (Process sync = Process.Start("sync"))
            sync.WaitForExit();
        Settle(sides);
        foreach (Side side in sides)
            side.Open();
        long readBefore = ProcessCounters.ReadBytesRead(cold.ProcessId) ?? 0;
        long faultsBefore = ProcessCounters.ReadMajorFaults(cold.ProcessId, Preparer);
        var alone = new List<double>();
        var besideWarm = new List<double>();
        var besideCold = new List<double>();
        var besideCompressed = new List<double>();
        for (int run = 0; run < options.Runs; run++)
        {
            options.Progress.Say($"  run {run + 1} of {options.Runs} …");
            alone.Add(cold.Run(Seconds, drains: false, sides));
            besideWarm.Add(warm.Run(Seconds, drains: true, sides));
            besideCold.Add(cold.Run(Seconds, drains: true, sides));
            besideCompressed.Add(compressed.Run(Seconds, drains: true, sides));
            options.Progress.Say($"    p99 {alone[^1]:0} µs, from memory {besideWarm[^1]:0}, from the disk {besideCold[^1]:0}, compressed {besideCompressed[^1]:0}");
        }
        double read = ((ProcessCounters.ReadBytesRead(cold.ProcessId) ?? 0) - readBefore) / 1048576.0;
        long faults = ProcessCounters.ReadMajorFaults(cold.ProcessId, Preparer) - faultsBefore;
        double drained = cold.Drained * (double)BodyLength / 1048576.0;
        string rate = $"{DrainRate * BodyLength / 1048576.0:0} MiB/s of a backlog of {options.ColdGiB.ToString(CultureInfo.InvariantCulture)} GiB are drained";
        yield return new("cold", $"p99 from intended publish to delivery of a short queue, {HotRate:#,0}/s", Median(alone), "µs");
        yield return new("cold", $"… while {rate} from memory", Median(besideWarm), "µs");
        yield return new("cold", $"… while {rate} from the disk", Median(besideCold), "µs");
        yield return new("cold", "… while it is drained from the disk, where it is compressed (quotes)", Median(besideCompressed), "µs");
        yield return new("cold", "… from the disk against from memory, median of the pairs", Ratio(besideWarm, besideCold), "×", 1.2);
        yield return new("cold", "… from the disk, compressed, against from memory, median of the pairs", Ratio(besideWarm, besideCompressed), "×", 1.2);
        yield return new("cold", "… from the disk against no drain, median of the pairs", Ratio(alone, besideCold), "×", 1.2);
        yield return new("cold", "… pages for which a thread of the server waited for the disk meanwhile, the preparer aside", faults, "", 0);
        yield return new("cold", $"… read from the disk for {drained:0} MiB that were drained", read, "MiB");
        yield return new("cold", $"… most of the journal in the memory of the process, with --journal-memory {Memory} and segments of 64 MiB", cold.MostMapped / 1048576.0, "MiB", 600);
    }

    /// <summary>Waits until the servers rest: what was filled is compressed meanwhile, and that is not what is measured.</summary>
    private static void Settle(Side[] sides)
    {
        const int stepMs = 500;
        for (int i = 0; i < SettleLimitSeconds * 1000 / stepMs; i++)
        {
            long before = sides.Sum(side => ProcessCounters.ReadRunNs(side.ProcessId));
            Thread.Sleep(stepMs);
            if (sides.Sum(side => ProcessCounters.ReadRunNs(side.ProcessId)) - before < stepMs * 10_000L) // A hundredth of a processor.
                return;
        }
        throw new BenchException($"the servers still work {SettleLimitSeconds} seconds after the backlog was published");
    }

    private static double Ratio(List<double> of, List<double> to) => Median([.. of.Zip(to, (first, second) => second / first)]);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>A broker with a backlog, a short queue beside it, and who drains the one and measures the other.</summary>
    private sealed class Side : IDisposable
    {
        private readonly ServerProcess _server;
        private HotQueue? _hot;
        private Drain? _drain;

        internal Side(JournalBenchOptions options, string where, BodyContent content, params string[] arguments)
        {
            string journal = Path.Combine(options.Server.DataFolder, $"cold-{Guid.NewGuid():N}");
            _server = ServerProcess.Start(options.Server, journal, arguments);
            long count = (long)(options.ColdGiB * (1L << 30)) / BodyLength;
            options.Progress.Say($"  a backlog of {options.ColdGiB} GiB, {where} …");
            using (var filler = new Filler(_server.Address, "cold"))
                filler.Publish(count, BodyLength, content: content);
        }

        /// <summary>Once all are filled: a connection that nobody polls is closed.</summary>
        internal void Open()
        {
            _hot = new HotQueue(_server.Address);
            _drain = new Drain(_server.Address);
            _hot.Run(2, null, [this]); // Warms up.
        }

        internal int ProcessId => _server.ProcessId;

        internal long Drained => _drain!.Count;

        /// <summary>Bytes.</summary>
        internal long MostMapped { get; private set; }

        /// <summary>p99 of the short queue in microseconds.</summary>
        /// <param name="sides">Have their heartbeats meanwhile.</param>
        internal double Run(double seconds, bool drains, Side[] sides)
        {
            double p99 = _hot!.Run(seconds, drains ? _drain : null, sides);
            MostMapped = Math.Max(MostMapped, ProcessCounters.ReadFileBytes(ProcessId) ?? 0);
            return p99;
        }

        /// <summary>Heartbeats.</summary>
        internal void Poll()
        {
            _hot?.Poll();
            _drain?.Poll();
        }

        public void Dispose()
        {
            _drain?.Dispose();
            _hot?.Dispose();
            _server.Dispose();
        }
    }

    /// <summary>A queue that is as long as its messages are under way.</summary>
    private sealed class HotQueue : IDisposable
    {
        private readonly Connection _connection;
        private readonly Publication _publication;
        private Histogram _times = new();
        private long _startNs;
        private ulong _sent;
        private ulong _first;
        private ulong _received;

        internal HotQueue(string address)
        {
            _connection = Connection.Connect(address, new ConnectionOptions { Mode = ConnectionMode.Polled, ClientName = "bench hot", Reconnect = false });
            _connection.DeclareQueue("hot", new QueueOptions { Durable = true });
            _publication = _connection.OpenPublication(new PublicationOptions { RoutingKey = "hot", Durability = DurabilityLevel.Process, Window = 16_384 });
            _connection.Subscribe("hot", OnDelivery, new SubscriptionOptions { Credit = 32_768 });
        }

        internal void Poll() => _connection.Poll();

        /// <summary>p99 in microseconds over so many seconds.</summary>
        /// <param name="drain">Goes on meanwhile, on this thread: a third one that wants a processor would be what is measured.</param>
        internal double Run(double seconds, Drain? drain, Side[] sides)
        {
            _times = new Histogram();
            _first = _sent;
            _startNs = MonotonicClock.NowNs + 1_000_000;
            ulong end = _sent + (ulong)(HotRate * seconds);
            byte[] body = new byte[128];
            long nextNs = _startNs;
            while (_received < end)
            {
                if (MonotonicClock.NowNs >= nextNs)
                {
                    foreach (Side side in sides)
                        side.Poll();
                    nextNs += 1_000_000_000;
                }
                if (_sent < end && MonotonicClock.NowNs >= Due(_sent) && _publication.TryPublish(body) == PublishStatus.Accepted)
                    _sent++;
                _connection.Poll();
                drain?.DoWork();
                if (_connection.State == ConnectionState.Closed)
                    throw new InvalidOperationException("The connection of the short queue was closed.");
            }
            return Quantiles.Us(_times, 0.99);
        }

        private void OnDelivery(Subscription subscription, in Delivery delivery)
        {
            _times.Record(Math.Max(1, MonotonicClock.NowNs - Due(_received++)));
            subscription.AckUpTo(delivery.Tag);
        }

        private long Due(ulong index) => _startNs + (long)((index - _first) * (1_000_000_000UL / HotRate));

        public void Dispose() => _connection.Dispose();
    }

    /// <summary>Takes the cold queue at a rate, on the thread of who calls it.</summary>
    private sealed class Drain : IDisposable
    {
        private const long TickNs = 5_000_000;
        private const int PerTick = (int)(DrainRate * TickNs / 1_000_000_000);

        private readonly Connection _connection;
        private readonly Subscription _subscription;
        private ulong _last;
        private long _nextNs;
        private long _awaited = PerTick;

        internal Drain(string address)
        {
            _connection = Connection.Connect(address, new ConnectionOptions { Mode = ConnectionMode.Polled, ClientName = "bench drain", Reconnect = false });
            _subscription = _connection.Subscribe("cold", (Subscription _, in Delivery delivery) =>
            {
                Count++;
                _last = delivery.Tag;
            }, new SubscriptionOptions { Credit = PerTick });
        }

        internal long Count { get; private set; }

        internal void Poll() => _connection.Poll();

        internal void DoWork()
        {
            long now = MonotonicClock.NowNs;
            if (Count == _awaited && now >= _nextNs)
            {
                _subscription.AckUpTo(_last); // And with it comes the next tick's credit.
                _awaited += PerTick;
                _nextNs = Math.Max(_nextNs, now - TickNs) + TickNs;
            }
            if (Count < _awaited)
                _connection.Poll();
        }

        public void Dispose() => _connection.Dispose();
    }
}
