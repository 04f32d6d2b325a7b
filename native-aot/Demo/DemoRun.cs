using System.Diagnostics;
using LowLatency.Core.Engine;
using LowLatency.Core.Metrics;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Demo;

/// <summary>The demo: a stream of orders through a broker that is killed half way, the stream again in this process, and the figures.</summary>
internal sealed class DemoRun : IDisposable
{
    private const string Queue = "orders";

    private readonly DemoOptions _options;
    private readonly TextWriter _out = Console.Out;
    private readonly Terminal _terminal = new(Console.Out, !Console.IsOutputRedirected);
    private readonly string _folder = Directory.CreateTempSubdirectory("lowlatency-demo-").FullName;
    private readonly StopSignals _signals = new();
    private ChildBroker? _broker;

    internal DemoRun(DemoOptions options) => _options = options;

    /// <returns>Exit code.</returns>
    internal int Run()
    {
        long start = Stopwatch.GetTimestamp();
        Introduce();
        Histogram spinning = Floor("spinning", spin: true);
        Histogram blocking = Floor("blocking in the kernel", spin: false);
        DoorResult tcp = RunTcp();
        DoorResult inProcess = RunInProcess();
        return Conclude(tcp, inProcess, spinning, blocking, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Leaves neither a process nor a file behind.</summary>
    public void Dispose()
    {
        _broker?.Dispose();
        _signals.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Introduce()
    {
        _out.WriteLine("LowLatency demo: order events at level disk, a kill -9 half way, and the proof that nothing was lost.");
        _out.WriteLine(
            $"{Environment.ProcessorCount} processors, seed {_options.Seed}, {Quantity.Count(_options.Rate)} events/s of {OrderEvents.MinLength} to {OrderEvents.MaxLength} bytes, journal in {_folder}");
        _out.WriteLine();
    }

    private Histogram Floor(string how, bool spin)
    {
        _terminal.Progress($"  raw TCP ping-pong, {how} …");
        Histogram times = PingPong.Measure(spin, TimeSpan.FromMilliseconds(500));
        string median = times.Count > 0 ? $"p50 {Quantity.Duration(times.ValueAtQuantile(0.5))}" : "no round trip in time, the machine is too busy";
        _terminal.Line($"  ✓ raw TCP ping-pong of this machine, {how}: {median}");
        return times;
    }

    private DoorResult RunTcp()
    {
        string data = Path.Combine(_folder, "tcp");
        _broker = ChildBroker.Start(data, "tcp://127.0.0.1:0");
        _terminal.Line($"  ✓ broker started: process {_broker.ProcessId}, {_broker.Address}");
        string address = _broker.Address;
        var stream = new OrderStream(StreamOptions(address, _options.Seconds));
        var thread = new StreamThread(stream);
        WatchUntil(thread, stream, "over TCP", stream.Capacity / 2);
        long killedNs = 0;
        long listeningNs = 0;
        if (stream.BeginOutage(thread.Thread))
        {
            killedNs = MonotonicClock.NowNs;
            int killed = _broker.ProcessId;
            _broker.Kill();
            _broker.Dispose();
            _broker = ChildBroker.Start(data, address);
            listeningNs = MonotonicClock.NowNs;
            _terminal.Line($"  ✗ kill -9 {killed} after {Quantity.Count(stream.Published)} events; process {_broker.ProcessId} took over {Quantity.Duration(listeningNs - killedNs)} later");
        }
        WatchUntil(thread, stream, "over TCP", stream.Capacity);
        thread.Finish();
        BrokerStats stats = StopBroker();
        _terminal.Line($"  {Mark(stream.Ledger)} {Describe(stream.Ledger)} over TCP");
        return new DoorResult
        {
            Ledger = stream.Ledger,
            Times = stream.Times,
            ElapsedNs = stream.ElapsedNs,
            BrokerAllocatedPerMessage = stats.AllocatedPerMessage,
            Restart = killedNs == 0 ? null : new RestartTimes(
                listeningNs - killedNs, stream.FirstConfirmNs - killedNs, stream.FirstDeliveryNs - killedNs, stream.UnconfirmedAtLoss, stats.Duplicates),
        };
    }

    private BrokerStats StopBroker()
    {
        (int exitCode, IReadOnlyList<string> lines) = _broker!.Stop();
        if (exitCode != ExitCode.Done)
            throw new CliException(ExitCode.ProofFailed, $"The broker ended with code {exitCode}: {string.Join(' ', lines)}");
        return BrokerStats.Find(lines) ?? throw new CliException(ExitCode.ProofFailed, "The broker ended without its figures.");
    }

    private DoorResult RunInProcess()
    {
        using var broker = new InProcessDoor(Path.Combine(_folder, "inproc"));
        var stream = new OrderStream(StreamOptions(InProcessDoor.Address, Math.Max(2, _options.Seconds / 2)));
        var thread = new StreamThread(stream);
        WatchUntil(thread, stream, "in-process", stream.Capacity);
        thread.Finish();
        BrokerStats stats = broker.Stop();
        _terminal.Line($"  {Mark(stream.Ledger)} {Describe(stream.Ledger)} in-process");
        return new DoorResult
        {
            Ledger = stream.Ledger,
            Times = stream.Times,
            ElapsedNs = stream.ElapsedNs,
            BrokerAllocatedPerMessage = stats.AllocatedPerMessage,
        };
    }

    private StreamOptions StreamOptions(string address, int seconds) => new()
    {
        Address = address,
        Queue = Queue,
        Seed = _options.Seed,
        Rate = _options.Rate,
        Count = _options.Rate * seconds,
        Durability = DurabilityLevel.Disk,
    };

    /// <summary>Shows progress until so many events are published, or the stream has ended.</summary>
    private void WatchUntil(StreamThread thread, OrderStream stream, string door, long published)
    {
        const int RefreshMs = 50;
        do
        {
            if (_signals.IsRequested)
                throw new CliException(ExitCode.Interrupted, "Interrupted: nothing is proven.");
            long done = stream.Published;
            int filled = (int)(done * 30 / stream.Capacity);
            _terminal.Progress($"  {new string('█', filled)}{new string('░', 30 - filled)} {Quantity.Count(done)} of {Quantity.Count(stream.Capacity)} events {door}");
            if (published < stream.Capacity && done >= published)
                return;
        }
        while (!thread.Thread.Join(RefreshMs));
    }

    private int Conclude(DoorResult tcp, DoorResult inProcess, Histogram spinning, Histogram blocking, TimeSpan time)
    {
        _out.WriteLine();
        _out.WriteLine(DemoReport.Format(tcp, inProcess, spinning, blocking));
        _out.WriteLine(
            """
            Latency counts from the moment an event was due, whether or not the broker kept up. The first second after each start of a
            broker is warm-up, and events that were due or under way between the kill and the moment when the publisher had caught up
            belong to the restart: the rows of times leave both out, the proof leaves out nothing. One thread publishes and consumes and
            polls without waiting; a ping-pong is a round trip, which is what a message does that crosses the loopback to the broker and on.
            """);
        bool proven = tcp.Ledger.IsProven && inProcess.Ledger.IsProven && tcp.Restart != null;
        string verdict = proven
            ? "Proven: every confirmed event arrived, in order, byte for byte, across a kill -9."
            : "NOT proven: see lost, out of order and phantoms above.";
        _out.WriteLine();
        _out.WriteLine($"{verdict} Digest {tcp.Ledger.Digests.Delivered:x16}, {time.TotalSeconds:0.0} s.");
        return proven ? ExitCode.Done : ExitCode.ProofFailed;
    }

    private static string Mark(DeliveryLedger ledger) => ledger.IsProven ? "✓" : "✗";

    private static string Describe(DeliveryLedger ledger)
        => $"{Quantity.Count(ledger.Published)} published, {Quantity.Count(ledger.Confirmed)} confirmed, {Quantity.Count(ledger.Delivered)} delivered, {Quantity.Count(ledger.Lost)} lost";
}
