using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Demo;

namespace LowLatency.Server.Torture;

/// <summary>Publishes to a broker of its own, kills it with SIGKILL at random moments again and again, and holds it to its word.</summary>
internal sealed class TortureRun : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TortureOptions _options;
    private readonly Terminal _terminal = new(Console.Out, !Console.IsOutputRedirected);
    private readonly StopSignals _signals = new();
    private readonly Random _random;
    private readonly string _folder;
    private readonly List<TortureStream> _streams = [];
    private readonly List<TortureKill> _kills = [];
    private ChildBroker? _broker;
    private bool _isPublishing = true;
    private bool _isProven;

    /// <exception cref="CliException">The folder holds something.</exception>
    internal TortureRun(TortureOptions options)
    {
        _options = options;
        _random = new Random(options.Seed);
        _folder = options.Folder ?? Directory.CreateTempSubdirectory("lowlatency-torture-").FullName;
        if (Directory.Exists(_folder) && Directory.EnumerateFileSystemEntries(_folder).Any())
            throw new CliException(ExitCode.InputOrOutput, $"The folder '{_folder}' is not empty: name a new one, the run must know everything that is in the journal.");
    }

    /// <summary>Records in the journal that took the place of older ones, at the end.</summary>
    internal long MovedRecords { get; private set; }

    /// <summary>Where the journal is.</summary>
    internal string Folder => _folder;

    /// <returns>What was found. Its exit code is <see cref="TortureReport.ExitCode"/>.</returns>
    internal TortureReport Run()
    {
        long start = Stopwatch.GetTimestamp();
        _broker = Start("tcp://127.0.0.1:0");
        string address = _broker.Address;
        using Connection publishing = Connection.Connect(address);
        using Connection consuming = Connection.Connect(address);
        for (int i = 0; i < _options.Streams; i++)
            _streams.Add(new TortureStream(publishing, consuming, i, _options.Levels[i % _options.Levels.Count], _options));
        var publisher = new Thread(Publish) { IsBackground = true, Name = "torture-publisher" };
        publisher.Start();

        string? trouble = null;
        try
        {
            while (_kills.Count < _options.Kills && !_signals.IsRequested)
                Kill(address);
            WaitFor(() => Published >= _options.MinPublished, "enough is published");
            Volatile.Write(ref _isPublishing, false);
            publisher.Join();
            WaitFor(() => _streams.TrueForAll(stream => stream.IsComplete), "everything is confirmed and delivered");
        }
        catch (TortureException error)
        {
            trouble = error.Message;
        }
        finally
        {
            Volatile.Write(ref _isPublishing, false);
            publisher.Join();
        }
        _terminal.Progress("");
        foreach (TortureStream stream in _streams)
            stream.Ledger.Close();
        string journal = StopAndVerify(ref trouble);
        var report = new TortureReport(_options, _folder, _streams, _kills, Stopwatch.GetElapsedTime(start), journal, trouble, _signals.IsRequested);
        _isProven = report.ExitCode == ExitCode.Done;
        return report;
    }

    /// <summary>Ends what runs. A temporary folder stays where something was broken: it is the evidence.</summary>
    public void Dispose()
    {
        foreach (TortureStream stream in _streams)
            stream.Dispose();
        _broker?.Dispose();
        _signals.Dispose();
        if (_options.Folder == null && _isProven)
            Directory.Delete(_folder, recursive: true);
    }

    // One thread for all streams: some ten thousand messages a second, not the machine's whole time.
    private void Publish()
    {
        var spin = new SpinWait();
        for (int turn = 0; Volatile.Read(ref _isPublishing); turn++)
        {
            foreach (TortureStream stream in _streams)
            {
                for (int burst = turn % 32; burst >= 0 && stream.TryPublish(); burst--)
                {
                }
            }
            spin.SpinOnce(sleep1Threshold: turn % 8 == 0 ? 0 : -1);
        }
    }

    private void Kill(string address)
    {
        // First some progress, so that every life of the broker has promised something; then a random moment. Now and then none at
        // all: that kill meets the recovery.
        bool inRecovery = _kills.Count > 0 && _random.Next(8) == 0;
        long us = _random.Next(inRecovery ? 20_000 : 60_000);
        if (!inRecovery)
        {
            long confirmed = Confirmed;
            WaitFor(() => Confirmed > confirmed, "a message is confirmed");
        }
        Spin(us);
        long unconfirmed = Published - Confirmed;
        _broker!.Kill();
        _broker.Dispose();
        _kills.Add(new TortureKill(us, inRecovery, Published, unconfirmed));
        if (_random.Next(8) == 0)
        {
            // Killed while it opens the journal.
            using ChildBroker early = ChildBroker.StartUnready(_folder, address, Arguments(), _options.Program);
            Spin(_random.Next(30_000));
            early.Kill();
        }
        long start = Stopwatch.GetTimestamp();
        _broker = Start(address);
        _kills[^1] = _kills[^1] with { Restart = Stopwatch.GetElapsedTime(start) };
        _terminal.Progress($"  {Quantity.Count(_kills.Count)} of {Quantity.Count(_options.Kills, "kill")}, {Quantity.Count(Confirmed)} messages confirmed");
    }

    private ChildBroker Start(string address)
    {
        try
        {
            return ChildBroker.Start(_folder, address, Arguments(), _options.Program);
        }
        catch (CliException error)
        {
            throw new TortureException($"After {Quantity.Count(_kills.Count, "kill")} the broker did not start again: {error.Message}");
        }
    }

    private string[] Arguments() => ["--segment-size", $"{_options.SegmentSize}B"];

    private long Confirmed => _streams.Sum(stream => stream.Ledger.Confirmed);

    private long Published => _streams.Sum(stream => stream.Ledger.Published);

    private static void Spin(long us)
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(start).TotalMicroseconds >= us);
    }

    private void WaitFor(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        bool isMet = SpinWait.SpinUntil(() => condition() || _signals.IsRequested || _streams.Exists(stream => stream.Error != null) || Stopwatch.GetElapsedTime(start) > Patience, -1) && condition();
        if (isMet || _signals.IsRequested)
            return;
        LowLatencyException? error = _streams.Find(stream => stream.Error != null)?.Error;
        throw new TortureException(error == null
            ? $"After {Quantity.Count(_kills.Count, "kill")}, {Patience.TotalSeconds:0} s were not enough until {what}."
            : $"After {Quantity.Count(_kills.Count, "kill")} the broker ended a stream: {error.Message}");
    }

    private string StopAndVerify(ref string? trouble)
    {
        try
        {
            (int code, IReadOnlyList<string> lines) = _broker!.Stop();
            if (code != ExitCode.Done)
                trouble ??= $"The broker ended with code {code} when it was stopped: {string.Join(' ', lines)}";
            VerifyResult result = JournalVerifier.Verify(new MappedJournalStorage(_folder));
            if (result.Verdict == VerifyVerdict.Damaged)
                trouble ??= result.Text;
            MovedRecords = MovedCounter.Count(_folder);
            return $"{result.Text} {Quantity.Count(MovedRecords, "record")} in it {(MovedRecords == 1 ? "was" : "were")} moved out of older segments.";
        }
        catch (Exception error) when (error is CliException or JournalException)
        {
            trouble ??= error.Message;
            return error.Message;
        }
    }

    /// <summary>The run cannot go on.</summary>
    private sealed class TortureException(string message) : Exception(message);
}

/// <summary>One kill.</summary>
/// <param name="AfterUs">Microseconds after the broker had made progress, or was started again.</param>
/// <param name="InRecovery">Without waiting for progress.</param>
/// <param name="Published">Messages published so far.</param>
/// <param name="Unconfirmed">Of these, not confirmed yet.</param>
internal readonly record struct TortureKill(long AfterUs, bool InRecovery, long Published, long Unconfirmed)
{
    /// <summary>From the start of the next broker until it listened.</summary>
    internal TimeSpan Restart { get; init; }
}
