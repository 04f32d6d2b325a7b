using System.Globalization;
using LowLatency.Bench.Brokers;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
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

    /// <summary>The thread that is to wait for the disk.</summary>
    private const string Preparer = "preparer";

    internal static IEnumerable<Figure> Measure(JournalBenchOptions options)
    {
        string journal = Path.Combine(options.Server.DataFolder, $"cold-{Guid.NewGuid():N}");
        using ServerProcess server = ServerProcess.Start(options.Server, journal, "--journal-memory", Memory);
        long count = (long)(options.ColdGiB * (1L << 30)) / BodyLength;
        options.Progress.Say($"  a backlog of {options.ColdGiB} GiB …");
        using (var filler = new Filler(server.Address, "cold"))
            filler.Publish(count, BodyLength);
        using var hot = new HotQueue(server.Address);
        using var drain = new Drain(server.Address);
        hot.Run(2); // Warms up; the disk writes what it still has.
        long mapped = ProcessCounters.ReadFileBytes(server.ProcessId) ?? 0;
        long readBefore = ProcessCounters.ReadBytesRead(server.ProcessId) ?? 0;
        long faultsBefore = ProcessCounters.ReadMajorFaults(server.ProcessId, Preparer);
        var alone = new List<double>();
        var beside = new List<double>();
        for (int run = 0; run < options.Runs; run++)
        {
            options.Progress.Say($"  run {run + 1} of {options.Runs} …");
            alone.Add(hot.Run(Seconds));
            drain.IsRunning = true;
            beside.Add(hot.Run(Seconds));
            drain.IsRunning = false;
            mapped = Math.Max(mapped, ProcessCounters.ReadFileBytes(server.ProcessId) ?? 0);
        }
        double read = ((ProcessCounters.ReadBytesRead(server.ProcessId) ?? 0) - readBefore) / 1048576.0;
        long faults = ProcessCounters.ReadMajorFaults(server.ProcessId, Preparer) - faultsBefore;
        double drained = drain.Count * (double)BodyLength / 1048576.0;
        yield return new("cold", $"p99 from intended publish to delivery of a short queue, {HotRate:#,0}/s", Median(alone), "µs");
        yield return new("cold", $"… while {DrainRate * BodyLength / 1048576.0:0} MiB/s of a cold backlog of {options.ColdGiB.ToString(CultureInfo.InvariantCulture)} GiB are drained", Median(beside), "µs");
        yield return new("cold", "… of the former, median of the pairs", Median([.. alone.Zip(beside, (first, second) => second / first)]), "×", 1.2);
        yield return new("cold", "… pages for which a thread of the server waited for the disk meanwhile, the preparer aside", faults, "", 0);
        yield return new("cold", $"… read from the disk for {drained:0} MiB that were drained", read, "MiB");
        yield return new("cold", $"… most of the journal in the memory of the process, with --journal-memory {Memory} and segments of 64 MiB", mapped / 1048576.0, "MiB", 600);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

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

        /// <summary>p99 in microseconds over so many seconds.</summary>
        internal double Run(double seconds)
        {
            _times = new Histogram();
            _first = _sent;
            _startNs = MonotonicClock.NowNs + 1_000_000;
            ulong end = _sent + (ulong)(HotRate * seconds);
            byte[] body = new byte[128];
            while (_received < end)
            {
                if (_sent < end && MonotonicClock.NowNs >= Due(_sent) && _publication.TryPublish(body) == PublishStatus.Accepted)
                    _sent++;
                _connection.Poll();
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

    /// <summary>Takes the cold queue at a rate, on a thread of its own.</summary>
    private sealed class Drain : IDisposable
    {
        private const int TickMs = 5;

        private readonly Connection _connection;
        private readonly Subscription _subscription;
        private readonly Thread _thread;
        private volatile bool _isRunning;
        private volatile bool _ends;
        private ulong _last;
        private long _count;

        internal Drain(string address)
        {
            _connection = Connection.Connect(address, new ConnectionOptions { Mode = ConnectionMode.Polled, ClientName = "bench drain", Reconnect = false });
            _subscription = _connection.Subscribe("cold", (Subscription _, in Delivery delivery) =>
            {
                Interlocked.Increment(ref _count);
                _last = delivery.Tag;
            }, new SubscriptionOptions { Credit = DrainRate * TickMs / 1000 });
            _thread = new Thread(Run) { IsBackground = true, Name = "drain" };
            _thread.Start();
        }

        internal bool IsRunning
        {
            get => _isRunning;
            set => _isRunning = value;
        }

        internal long Count => Interlocked.Read(ref _count);

        private void Run()
        {
            while (!_ends)
            {
                if (IsRunning && _last != 0)
                    _subscription.AckUpTo(_last); // And with it comes the next tick's credit.
                _connection.Poll();
                Thread.Sleep(TickMs);
            }
        }

        public void Dispose()
        {
            _ends = true;
            _thread.Join();
            _connection.Dispose();
        }
    }
}
