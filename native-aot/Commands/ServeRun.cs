using System.Diagnostics;
using System.Net.Sockets;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Demo;
using LowLatency.Transport.Server;
using LowLatency.Transport.Sockets;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency serve</c>.</summary>
internal sealed class ServeRun : IDisposable
{
    /// <summary>How often to look whether the broker still works; a request to stop ends the wait.</summary>
    private const int HealthIntervalMs = 500;

    private readonly ServeOptions _options;
    private readonly ManualResetEventSlim _stop = new();
    private HotThreadMeter? _meter;

    internal ServeRun(ServeOptions options) => _options = options;

    /// <returns>Exit code.</returns>
    internal int Run()
    {
        using var signals = new StopSignals(_stop.Set);
        using Broker broker = Open();
        broker.Start();
        Introduce(broker);
        if (_options.StopWithInput)
            new Thread(WatchInput) { IsBackground = true, Name = "input-watch" }.Start();
        bool journalFailed = Watch(broker);
        return Stop(broker, journalFailed);
    }

    public void Dispose() => _stop.Dispose();

    private Broker Open()
    {
        DataFolder.Make(_options.Data);
        try
        {
            return Broker.Open(new ServerOptions
            {
                Broker = new BrokerOptions
                {
                    DataDirectory = _options.Data,
                    SegmentSize = _options.SegmentSize,
                    MinFreeDiskBytes = _options.MinFreeDiskBytes,
                    DiskHighWatermark = _options.DiskHighWatermark,
                    JournalMemoryBytes = _options.JournalMemoryBytes,
                    CompressJournal = _options.Compression,
                    Limits = _options.Limits,
                },
                Listen = _options.Listen,
                Threading = _options.Threading,
                Idle = _options.Idle,
                Processors = _options.Processors,
                Compression = _options.Compression,
                OnNotice = Notice,
                Companion = _options.Stats ? core => _meter = new HotThreadMeter(core) : null,
            });
        }
        catch (JournalException error)
        {
            throw JournalErrors.Explain(error);
        }
        catch (TransportException error)
        {
            bool inUse = error.InnerException is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse };
            throw new CliException(inUse ? ExitCode.AddressInUse : ExitCode.AddressNotUsable, error.Message, error);
        }
    }

    private void Introduce(Broker broker)
    {
        Say($"lowlatency {typeof(ServeRun).Assembly.GetName().Version?.ToString(3)}, {_options.Threading.ToString().ToLowerInvariant()}, {_options.Idle.ToString().ToLowerInvariant()}, process {Environment.ProcessId}");
        Say($"data {Path.GetFullPath(_options.Data)}");
        Say(Describe(broker.Core));
        foreach (string warning in broker.Core.Recovery?.Warnings ?? [])
            Notice(warning);
        if (LeftAlone(broker.Core.Recovery?.UnknownFiles ?? []) is { } strangers)
            Notice(strangers);
        foreach (string address in broker.Addresses)
            Say($"listening {address}");
    }

    private static string Describe(BrokerCore core)
    {
        if (core.Recovery is not { } report || report.IsNew)
            return "recovered nothing: the journal is new";
        string tail = report.TornTailBytes > 0 ? $"{Quantity.Bytes(report.TornTailBytes)} of torn tail cut off" : "no torn tail";
        string stop = report.WasClean ? "after a stop in order" : "after a crash";
        return $"recovered {Quantity.Count(core.RecoveredMessages, "message")} waiting, {Quantity.Count(report.Segments, "segment")}, {Quantity.Count(report.Records, "record")}, {tail}, {stop}, epoch {core.Epoch}, in {Quantity.Duration((long)(report.ElapsedMs * 1e6))}";
    }

    /// <summary>Files in the folder that are not the journal's, and those that a recovery put aside; null when there is none.</summary>
    private string? LeftAlone(IReadOnlyList<string> files)
    {
        const int shown = 5;
        // The file system's own, where the data folder is the root of one.
        string[] strangers = [.. files.Where(file => file != "lost+found")];
        if (strangers.Length == 0)
            return null;
        string names = string.Join(", ", strangers.Take(shown)) + (strangers.Length > shown ? $" and {strangers.Length - shown} more" : "");
        return $"Left alone in {Path.GetFullPath(_options.Data)}, since the journal does not use them: {names}. Move them to another folder if they are of use, or remove them.";
    }

    /// <returns>True: the journal failed while it ran.</returns>
    private bool Watch(Broker broker)
    {
        bool journalFailed = false;
        var space = new SpaceWatch(broker.Core, Notice);
        while (!_stop.Wait(HealthIntervalMs) && broker.Error == null)
        {
            journalFailed = CheckJournal(broker, journalFailed);
            space.Check();
        }
        space.Check();
        return CheckJournal(broker, journalFailed);
    }

    private static bool CheckJournal(Broker broker, bool wasFailed)
    {
        bool failed = broker.Core.JournalState == JournalState.Failed;
        if (failed && !wasFailed)
            Notice($"The journal failed: {broker.Core.JournalFailureText} Nothing more is confirmed at level disk or process. Look after the disk, then restart the broker.");
        return failed;
    }

    private int Stop(Broker broker, bool journalFailed)
    {
        long start = Stopwatch.GetTimestamp();
        Exception? error = broker.Error;
        bool isClean = broker.Stop(_options.StopTimeout);
        journalFailed = CheckJournal(broker, journalFailed);
        BrokerStats? stats = _meter?.Read() is { } figures ? figures with { Compressed = broker.BatchCounts } : null;
        broker.Dispose();
        if (stats != null)
            Say(stats.ToString());
        if (error is JournalException reason)
            throw JournalErrors.Explain(reason);
        if (error != null)
            throw new CliException(ExitCode.Bug, $"The broker stopped because of a bug, please report it. {error}");
        if (journalFailed)
            return ExitCode.JournalFailed;
        if (!isClean)
            throw new CliException(ExitCode.NotInTime, $"Not everything was done within {_options.StopTimeout.TotalSeconds:0} s. What was confirmed is kept. Allow more with --stop-timeout.");
        Say($"stopped in {Quantity.Duration((long)Stopwatch.GetElapsedTime(start).TotalNanoseconds)}");
        return ExitCode.Done;
    }

    /// <summary>Waits for the end of standard input.</summary>
    private void WatchInput()
    {
        using Stream input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        try
        {
            while (input.Read(ignored) > 0)
            {
            }
        }
        catch (IOException)
        {
            // An input that cannot be read has ended.
        }
        _stop.Set();
    }

    /// <summary>Whole lines at once: other programs read them.</summary>
    private static void Say(string line) => Console.Out.WriteLine(line);

    private static void Notice(string sentence) => Console.Error.WriteLine("lowlatency: " + sentence);
}
