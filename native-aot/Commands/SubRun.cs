using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Server.Cli;
using LowLatency.Server.Lines;

namespace LowLatency.Server.Commands;

/// <summary>One run of <c>lowlatency sub</c>: drives connection, subscription and writer on one thread.</summary>
internal sealed class SubRun
{
    /// <summary>How often to look at signals and timeouts; deliveries and finished writes end the wait.</summary>
    private const int IdleWaitMs = 50;

    private const long CreditBytes = 16 * 1024 * 1024;
    private const int StopWaitMs = 10_000;

    private readonly SubOptions _options;
    private readonly Terminal _terminal = Terminal.Error;
    private readonly ReconnectWatch _watch;
    private readonly SequenceSet _written = new();
    private LineWriter _writer = null!; // Made when there is a connection to wake.
    private long _count;
    private long _repeats;
    private long _lastArrival = Stopwatch.GetTimestamp();

    internal SubRun(SubOptions options)
    {
        _options = options;
        _watch = new ReconnectWatch(options.ReconnectTimeout, _terminal);
    }

    private string Done => _options.Subscription is { Browse: true } or { Conflate: true } or { NoAck: true } ? "written" : "written and acknowledged";

    private bool HasEnough => _options.Count > 0 && _count >= _options.Count;

    /// <returns>Exit code.</returns>
    internal int Run()
    {
        using var signals = new StopSignals();
        using Connection connection = ClientErrors.Connect(_options.Address, new ConnectionOptions
        {
            Mode = ConnectionMode.Polled,
            ClientName = "lowlatency sub",
            VirtualHost = _options.VirtualHost,
            Compress = _options.Compress,
            OnStateChanged = _watch.OnStateChanged,
        });
        if (connection.NoCompressionReason is { } reason)
            _terminal.Line(reason);
        if (_options.Declare)
            ClientErrors.DeclareQueue(connection, _options.Queue, maxLength: 0);
        else
            ClientErrors.RequireQueue(connection, _options.Queue);
        _writer = new LineWriter(OutputFile.StandardOutput, connection.WakeUp);
        Subscription subscription = Subscribe(connection);
        long start = Stopwatch.GetTimestamp();
        bool timedOut;
        try
        {
            timedOut = Receive(connection, subscription, signals);
        }
        catch (IOException error)
        {
            throw new CliException(ExitCode.InputOrOutput, $"Standard output cannot be written: {error.Message}. What was not written was not acknowledged.", error);
        }
        finally
        {
            _writer.Stop();
        }
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        string repeats = _repeats > 0 ? $", {Quantity.Count(_repeats)} redelivered and not written twice" : "";
        string reconnects = _watch.Reconnects > 0 ? $", {Quantity.Count(_watch.Reconnects, "reconnect")}" : "";
        _terminal.Line($"{Quantity.Count(_count, "message")} {Done} in {Quantity.Duration((long)time.TotalNanoseconds)} ({Quantity.Rate(_count, time)}){repeats}{reconnects}.");
        if (HasEnough || _options.Count == 0)
            return ExitCode.Done;
        return timedOut
            ? throw new CliException(ExitCode.Idle, $"No message for {_options.IdleTimeout.TotalSeconds:0} s: {Quantity.Count(_count)} of {Quantity.Count(_options.Count)} arrived.")
            : ExitCode.Interrupted;
    }

    private Subscription Subscribe(Connection connection)
    {
        int credit = _options.Count > 0 ? (int)Math.Min(_options.Credit, _options.Count) : _options.Credit;
        try
        {
            return connection.Subscribe(_options.Queue, OnDelivery, _options.Get > 0
                ? _options.Subscription with { Credit = 0 }
                : _options.Subscription with { Credit = credit, CreditBytes = CreditBytes });
        }
        catch (LowLatencyException error)
        {
            throw ClientErrors.Refused(error);
        }
    }

    private void OnDelivery(Subscription subscription, in Delivery delivery)
    {
        _lastArrival = Stopwatch.GetTimestamp();
        if (delivery.IsRedelivered && _written.Contains(delivery.QueueSequence))
        {
            _repeats++;
            _writer.Skip(delivery.Tag);
            return;
        }
        if (HasEnough)
            return; // Not acknowledged: it goes back to the queue.
        _written.Add(delivery.QueueSequence);
        _writer.Append(delivery.Body, !LineHeaders.SayWithoutNewline(delivery.Properties), delivery.Tag);
        _count++;
    }

    /// <returns>True: it ended because nothing came for too long.</returns>
    private bool Receive(Connection connection, Subscription subscription, StopSignals signals)
    {
        long stopAt = 0;
        bool timedOut = false;
        if (_options.Get > 0)
            subscription.TryGet(_options.Get, _options.Wait);
        while (true)
        {
            int worked = connection.Poll();
            if (_writer.Step())
            {
                subscription.AckUpTo(_writer.Written);
                worked++;
            }
            bool idle = _writer.IsIdle;
            timedOut = idle && _options.IdleTimeout > TimeSpan.Zero && Stopwatch.GetElapsedTime(_lastArrival) > _options.IdleTimeout;
            bool hasGot = _options.Get > 0 && !subscription.IsGetting;
            if (stopAt == 0 && (HasEnough || hasGot || signals.IsRequested || timedOut))
                stopAt = Stopwatch.GetTimestamp() + Stopwatch.Frequency * StopWaitMs / 1000;
            if (stopAt != 0 && (idle || Stopwatch.GetTimestamp() > stopAt))
                break;
            _watch.Check(connection);
            if (subscription.Error is { } error)
                throw ClientErrors.Refused(error);
            if (worked == 0)
                connection.WaitForWork(IdleWaitMs);
        }
        FlushAcknowledgements(connection);
        return timedOut;
    }

    /// <summary>Settlements go out with the next poll. A broker that is away gets no second chance here: it will redeliver.</summary>
    private static void FlushAcknowledgements(Connection connection) => connection.Poll();
}
