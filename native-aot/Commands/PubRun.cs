using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Cli;
using LowLatency.Server.Lines;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency pub</c>: drives reader, connection and publication on one thread.</summary>
internal sealed class PubRun
{
    /// <summary>How often to look at signals and timeouts; input and confirms end the wait.</summary>
    private const int IdleWaitMs = 50;

    /// <summary>Longest line that is worth reading: the broker's own limit may be lower, and can never be higher.</summary>
    private const int MaxLineLength = LimitOptions.LargestBodyLength;

    /// <summary>Lines sent between two polls: enough to fill a send, few enough that confirms are taken in time.</summary>
    private const int LinesPerPoll = 512;

    private const int StopWaitMs = 10_000;

    private readonly PubOptions _options;
    private readonly Terminal _terminal = Terminal.Error;
    private readonly ReconnectWatch _watch;
    private readonly ConfirmTally _tally;
    private readonly byte[] _headers; // Of every line,
    private readonly byte[] _lastHeaders; // and of a last one without a newline.
    private CliException? _problem;
    private bool _interrupted;

    internal PubRun(PubOptions options)
    {
        _options = options;
        _watch = new ReconnectWatch(options.ReconnectTimeout, _terminal);
        _tally = new ConfirmTally(options.Durability);
        MessageProperties properties = options.Properties;
        _headers = properties.Headers.ToArray();
        LineHeaders.MarkWithoutNewline(properties);
        _lastHeaders = properties.Headers.ToArray();
    }

    /// <returns>Exit code.</returns>
    internal int Run()
    {
        using Stream input = OpenInput();
        using var signals = new StopSignals();
        using Connection connection = ClientErrors.Connect(_options.Address, new ConnectionOptions
        {
            Mode = ConnectionMode.Polled,
            ClientName = "lowlatency pub",
            VirtualHost = _options.VirtualHost,
            Compress = _options.Compress,
            OnStateChanged = _watch.OnStateChanged,
        });
        if (connection.NoCompressionReason is { } reason)
            _terminal.Line(reason);
        if (_options.Exchange != null)
            ClientErrors.DeclareExchange(connection, _options.Exchange, _options.ExchangeKind);
        else if (_options.Declare)
            ClientErrors.DeclareQueue(connection, _options.Queue, _options.MaxLength);
        else
            ClientErrors.RequireQueue(connection, _options.Queue);
        Publication publication = Open(connection);
        var reader = new LineReader(input, MaxLineLength, connection.WakeUp);
        reader.Start();
        long start = Stopwatch.GetTimestamp();
        try
        {
            Send(connection, publication, new LineCursor(reader), signals);
        }
        catch (CliException error)
        {
            // What was confirmed before is worth knowing.
            _problem ??= error;
        }
        return Report(Stopwatch.GetElapsedTime(start));
    }

    private Stream OpenInput()
    {
        if (_options.File == null)
            return Console.OpenStandardInput();
        try
        {
            return new FileStream(_options.File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.InputOrOutput, $"The file '{_options.File}' cannot be read: {error.Message}", error);
        }
    }

    private Publication Open(Connection connection)
    {
        var options = new PublicationOptions
        {
            Exchange = _options.Exchange ?? "",
            RoutingKey = _options.Queue,
            Mandatory = _options.Mandatory,
            Durability = _options.Durability,
            Window = _options.Window,
            WindowBytes = _options.WindowBytes,
            OnConfirm = _tally.OnConfirm,
            OnReject = _tally.OnReject,
            OnBlocked = (_, blocking) => _terminal.Line($"Held back since {UnixClock.Text(blocking.SinceNs)}. {blocking.Reason}"),
            OnUnblocked = (_, lasted) => _terminal.Line($"Going on: held back for {Quantity.Duration((long)lasted.TotalNanoseconds)}."),
        };
        if (_options.Publisher != null)
            options = options with { PublisherName = _options.Publisher };
        try
        {
            return connection.OpenPublication(options);
        }
        catch (LowLatencyException error)
        {
            throw ClientErrors.Refused(error);
        }
    }

    private void Send(Connection connection, Publication publication, LineCursor lines, StopSignals signals)
    {
        long nextProgress = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
        long start = Stopwatch.GetTimestamp();
        long stoppedAt = 0;
        while (true)
        {
            int worked = connection.Poll();
            bool sending = stoppedAt == 0 && !lines.IsAtEnd;
            if (sending)
                worked += SendLines(publication, lines);
            bool stop = stoppedAt == 0 && (signals.IsRequested || _tally.FirstRejection != null || _problem != null);
            if (stop)
            {
                _interrupted = signals.IsRequested;
                stoppedAt = Stopwatch.GetTimestamp();
            }
            bool ended = stoppedAt != 0 || lines.IsAtEnd;
            if (ended && (publication.IsIdle || (stoppedAt != 0 && Stopwatch.GetElapsedTime(stoppedAt).TotalMilliseconds > StopWaitMs)))
                break;
            _watch.Check(connection);
            if (worked == 0)
                connection.WaitForWork(IdleWaitMs);
            ShowProgress(start, ref nextProgress);
        }
        if (lines.IsTooLong)
            _problem ??= TooLong(lines);
        if (lines.Fault != null)
            _problem ??= new CliException(ExitCode.InputOrOutput, $"Reading stopped at line {Quantity.Count(lines.LineNumber)}: {lines.Fault.Message}");
    }

    /// <returns>How many lines went out.</returns>
    private int SendLines(Publication publication, LineCursor lines)
    {
        int sent = 0;
        while (sent < LinesPerPoll && lines.TryRead())
        {
            PublishStatus status = publication.TryPublish(
                lines.Line, lines.IsWithoutNewline ? _lastHeaders : _headers, default, out ulong sequence);
            if (status != PublishStatus.Accepted)
            {
                CheckStatus(publication, status, lines);
                break;
            }
            _tally.OnSent(sequence);
            lines.Advance();
            sent++;
        }
        return sent;
    }

    private void CheckStatus(Publication publication, PublishStatus status, LineCursor lines)
    {
        switch (status)
        {
            case PublishStatus.WindowFull or PublishStatus.NotConnected or PublishStatus.QueueFull or PublishStatus.DiskFull:
                break; // A full queue or disk was told by a rejection, which ends the run.
            case PublishStatus.BodyTooLarge:
                _problem = new CliException(
                    ExitCode.NotConfirmed,
                    $"Line {Quantity.Count(lines.LineNumber)} has {Quantity.Count(lines.Line.Length)} bytes: more than the broker takes. Start it with a larger --max-body-length (and give pub a --window-bytes of at least that). No line from there on was sent.");
                break;
            default:
                _problem = publication.Error is { } error
                    ? ClientErrors.Refused(error)
                    : new CliException(ExitCode.Refused, "The broker closed the publication.");
                break;
        }
    }

    private static CliException TooLong(LineCursor lines) => new(
        ExitCode.NotConfirmed,
        $"Line {Quantity.Count(lines.LineNumber)} is longer than {Quantity.Bytes(MaxLineLength)}: no broker takes it. No line from there on was sent.");

    private void ShowProgress(long start, ref long nextProgress)
    {
        if (!_terminal.ShowsProgress || Stopwatch.GetTimestamp() < nextProgress)
            return;
        nextProgress = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
        _terminal.Progress($"{Quantity.Count(_tally.Confirmed)} confirmed, {Quantity.Rate(_tally.Confirmed, Stopwatch.GetElapsedTime(start))}");
    }

    private int Report(TimeSpan time)
    {
        string reconnects = _watch.Reconnects > 0 ? $", {Quantity.Count(_watch.Reconnects, "reconnect")}" : "";
        _terminal.Line($"{_tally.Describe()} in {Quantity.Duration((long)time.TotalNanoseconds)} ({Quantity.Rate(_tally.Confirmed, time)}){reconnects}.");
        if (_tally.FirstRejection is { } rejection)
        {
            _terminal.Line(
                $"lowlatency: {Quantity.Count(_tally.Rejected, "message")} rejected, the first is line {Quantity.Count(_tally.LineOf(rejection.Sequence))}: {rejection.Reason} (error {(int)rejection.Code}, {rejection.Code})");
            return ExitCode.NotConfirmed;
        }
        if (_problem != null)
            throw _problem;
        if (_tally.Unconfirmed > 0)
            throw new CliException(ExitCode.NotConfirmed, $"{Quantity.Count(_tally.Unconfirmed, "message")} sent but not confirmed: their fate is unknown.");
        if (_tally.BelowAsked > 0 && _options.Mandatory)
            throw new CliException(ExitCode.NotConfirmed, $"{Quantity.Count(_tally.BelowAsked, "message")} confirmed below the level asked for: give the broker a data folder and the queue durability.");
        return _interrupted ? ExitCode.Interrupted : ExitCode.Done;
    }
}
