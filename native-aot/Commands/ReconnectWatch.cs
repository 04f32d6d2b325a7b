using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary>Tells the user about a lost connection, and gives up when it does not come back.</summary>
/// <remarks>The thread that polls the connection.</remarks>
internal sealed class ReconnectWatch
{
    private readonly TimeSpan _timeout;
    private readonly Terminal _terminal;
    private long _lostAt;
    private LowLatencyException? _reason;

    internal ReconnectWatch(TimeSpan timeout, Terminal terminal)
    {
        _timeout = timeout;
        _terminal = terminal;
    }

    /// <summary>How often the connection was lost and came back.</summary>
    internal int Reconnects { get; private set; }

    /// <summary>For <see cref="ConnectionOptions.OnStateChanged"/>.</summary>
    internal void OnStateChanged(Connection connection, ConnectionState state, LowLatencyException? reason)
    {
        _reason = reason ?? _reason;
        if (state == ConnectionState.Reconnecting && _lostAt == 0)
        {
            _lostAt = Stopwatch.GetTimestamp();
            _terminal.Line($"Connection lost, trying again. {reason?.Message}".TrimEnd());
        }
        else if (state == ConnectionState.Ready && _lostAt != 0)
        {
            Reconnects++;
            _terminal.Line($"Connected again after {Quantity.Duration((long)Stopwatch.GetElapsedTime(_lostAt).TotalNanoseconds)}.");
            _lostAt = 0;
        }
    }

    /// <exception cref="CliException">The connection ended for good, or has been away for longer than the time to try.</exception>
    internal void Check(Connection connection)
    {
        if (connection.State == ConnectionState.Closed)
            throw _reason != null ? ClientErrors.Refused(_reason) : new CliException(ExitCode.Refused, "The connection was closed.");
        if (_lostAt != 0 && Stopwatch.GetElapsedTime(_lostAt) > _timeout)
        {
            throw new CliException(
                ExitCode.Unreachable,
                $"No broker at {connection.Address} for {_timeout.TotalSeconds:0} s. Start it again, or wait longer with --reconnect-timeout. {_reason?.Message}".TrimEnd());
        }
    }
}
