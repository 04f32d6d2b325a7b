using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Brokers;

/// <summary>The server in a process of its own, on a port that the system chose.</summary>
internal sealed partial class ServerProcess : BrokerUnderTest
{
    private const int StartTimeoutMs = 20_000;
    private const int StopTimeoutMs = 20_000;

    private readonly Process _process;
    private readonly string _kind;
    private readonly string _journal;
    private readonly StringBuilder _output = new();
    private readonly ManualResetEventSlim _said = new();
    private string? _address;
    private double? _allocBytesPerMessage;
    private (double Wire, double Frames)? _sentBytesPerMessage;

    private ServerProcess(Process process, string kind, string journal)
    {
        _process = process;
        _kind = kind;
        _journal = journal;
    }

    internal override string Address => Volatile.Read(ref _address)!;

    internal override int ProcessId => _process.Id;

    internal override string Kind => _kind;

    internal override double? AllocBytesPerMessage => _allocBytesPerMessage;

    internal override (double Wire, double Frames)? SentBytesPerMessage => _sentBytesPerMessage;

    /// <summary>Length of its program.</summary>
    internal long ProgramBytes { get; private init; }

    /// <summary>From before the process was made until it said that it listens, in milliseconds.</summary>
    internal double StartMs { get; private set; }

    /// <exception cref="BenchException">It is not built, or did not come up; the message has what it said.</exception>
    internal static new ServerProcess Start(RunOptions options) =>
        Start(options, Path.Combine(options.DataFolder, $"journal-{Guid.NewGuid():N}"));

    /// <param name="journal">Its data folder, made when it is not there; removed at the end.</param>
    /// <param name="more">Further arguments.</param>
    /// <inheritdoc cref="Start(RunOptions)"/>
    internal static ServerProcess Start(RunOptions options, string journal, params string[] more)
    {
        ServerProgram program = ServerProgram.Find(options.ServerProgram);
        Directory.CreateDirectory(journal);
        ProcessStartInfo start = program.StartInfo(["serve", "--data", journal, "--listen", "tcp://127.0.0.1:0", "--idle", options.IdleName, "--stats", "--stop-with-input", .. more]);
        if (options.Spin && Environment.ProcessorCount > 1)
        {
            start.ArgumentList.Add("--pin");
            start.ArgumentList.Add(PinnedThread.BrokerProcessor.ToString(CultureInfo.InvariantCulture));
        }
        long startNs = MonotonicClock.NowNs;
        Process process = Process.Start(start) ?? throw new BenchException($"{program.FileName} did not start");
        var server = new ServerProcess(process, program.Kind, journal) { ProgramBytes = new FileInfo(program.FileName).Length };
        server.WaitUntilListening(startNs);
        return server;
    }

    private void WaitUntilListening(long startNs)
    {
        _process.OutputDataReceived += (_, line) => OnLine(line.Data, startNs);
        _process.ErrorDataReceived += (_, line) => OnLine(line.Data, startNs);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _process.Exited += (_, _) => _said.Set();
        _process.EnableRaisingEvents = true;
        bool said = _said.Wait(StartTimeoutMs);
        if (said && _address is not null)
            return;
        Dispose();
        throw new BenchException($"the server {(said ? "ended" : "did not listen in time")}; it said:{Environment.NewLine}{Output()}");
    }

    private void OnLine(string? line, long startNs)
    {
        if (line is null)
            return;
        lock (_output)
            _output.AppendLine(line);
        if (_address is not null)
            return;
        Match address = ListeningAddress().Match(line);
        if (!address.Success)
            return;
        StartMs = (MonotonicClock.NowNs - startNs) / 1e6;
        Volatile.Write(ref _address, address.Value);
        _said.Set();
    }

    public override void Dispose()
    {
        if (!_process.HasExited)
        {
            _ = Libc.Kill(_process.Id, Libc.SignalTerminate);
            if (!_process.WaitForExit(StopTimeoutMs))
                _process.Kill();
        }
        _process.WaitForExit(); // Without a time: also waits for the last lines.
        Match allocated = AllocatedBytes().Match(Output());
        if (allocated.Success)
            _allocBytesPerMessage = double.Parse(allocated.Groups[1].Value, CultureInfo.InvariantCulture);
        Match sent = CompressedBytes().Match(Output());
        if (sent.Success)
            _sentBytesPerMessage = (Number(sent.Groups[2]) / Number(sent.Groups[1]), Number(sent.Groups[3]) / Number(sent.Groups[1]));
        _process.Dispose();
        if (Directory.Exists(_journal))
            Directory.Delete(_journal, recursive: true);
    }

    private static double Number(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    /// <summary>Ends it as <c>kill -9</c> does. Its data folder stays.</summary>
    internal void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private string Output()
    {
        lock (_output)
            return _output.ToString();
    }

    [GeneratedRegex(@"(?<=listening.*)tcp://\S+:[1-9]\d*", RegexOptions.IgnoreCase)]
    private static partial Regex ListeningAddress();

    [GeneratedRegex(@"messages-out=([1-9]\d*) .*compressed-out=([1-9]\d*)/(\d+)")]
    private static partial Regex CompressedBytes();

    [GeneratedRegex(@"allocated[- ]bytes[- ]per[- ]message\D*(\d+(?:\.\d+)?)", RegexOptions.IgnoreCase)]
    private static partial Regex AllocatedBytes();
}
