using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;

namespace LowLatency.Client;

/// <summary>A connection to a broker, in another process (<c>tcp://host:port</c>) or in this one (<c>inproc://name</c>). The only difference is the address.</summary>
/// <remarks>
/// <para>A lost connection is made again by itself: what was declared here is declared again, publications and subscriptions are opened again, and what was not
/// confirmed is sent again. Errors after which that is of no use close it: a refusal, a rule broken by this client.</para>
/// <para><see cref="ConnectionMode.Background"/>: any thread. <see cref="ConnectionMode.Polled"/>: one thread, which calls <see cref="Poll"/> in a loop.</para>
/// </remarks>
public sealed partial class Connection : IDisposable, IAsyncDisposable
{
    private readonly ConnectionAgent _agent;
    private readonly ConnectionOptions _options;
    private readonly AgentRunner? _runner;
    private bool _isDisposed;

    private Connection(string address, ConnectionOptions options)
    {
        TransportAddress? parsed;
        if (!TransportAddress.TryParse(address, out parsed, out string? problem))
            throw new LowLatencyException(ErrorCode.InvalidArgument, problem);
        options.Check();
        _options = options;
        Address = parsed.ToString();
        _agent = new ConnectionAgent(this, parsed, options);
        if (options.Mode == ConnectionMode.Background)
            _runner = new AgentRunner(_agent, options.Idle, _agent.Wake, (_, thrown) => _agent.Break(thrown));
        else
            _agent.OnStart();
    }

    /// <summary>Subscribing to it (without acknowledgements) gives an address for replies: <see cref="Subscription.Queue"/>, to be sent as <see cref="MessageProperties.ReplyTo"/>.</summary>
    public const string ReplyQueue = "amq.rabbitmq.reply-to";

    /// <summary>Where it goes.</summary>
    public string Address { get; }

    /// <summary>Where it is in its life. Any thread.</summary>
    public ConnectionState State => _agent.State;

    /// <summary>Why it was closed, or was last lost; <c>null</c> while it is well. Any thread.</summary>
    public LowLatencyException? Error => _agent.Error;

    /// <summary>Whether what is sent in both directions is compressed where that is worth it: <see cref="ConnectionOptions.Compress"/> was asked for and granted. Any thread.</summary>
    public bool IsCompressed => _agent.IsCompressed;

    /// <summary>Why it is not compressed though that was asked for, and what to do; else <c>null</c>. Any thread.</summary>
    public string? NoCompressionReason => _agent.NoCompressionReason;

    /// <summary>Connects, and waits until the broker has answered.</summary>
    /// <param name="address"><c>tcp://host:port</c> or <c>inproc://name</c>.</param>
    /// <param name="options"><c>null</c> for the defaults.</param>
    /// <exception cref="LowLatencyException">Not connected within <see cref="ConnectionOptions.ConnectTimeout"/>, refused, or a bad address or option.</exception>
    public static Connection Connect(string address, ConnectionOptions? options = null)
    {
        var connection = new Connection(address, options ?? new ConnectionOptions());
        try
        {
            connection.WaitUntilReady();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Connects without blocking.</summary>
    /// <inheritdoc cref="Connect"/>
    /// <exception cref="InvalidOperationException">In <see cref="ConnectionMode.Polled"/>, which has no thread that could connect meanwhile.</exception>
    public static async Task<Connection> ConnectAsync(string address, ConnectionOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new ConnectionOptions();
        if (options.Mode == ConnectionMode.Polled)
            throw new InvalidOperationException("A polled connection has no thread that could connect in the background: use Connect.");
        var connection = new Connection(address, options);
        try
        {
            connection._runner!.Start();
            await connection._agent.FirstReady.WaitAsync(options.ConnectTimeout, cancellation).ConfigureAwait(false);
            return connection;
        }
        catch (TimeoutException)
        {
            LowLatencyException error = connection.ConnectTimeout();
            await connection.DisposeAsync().ConfigureAwait(false);
            throw error;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>One turn: sends what was published and settled, takes what has arrived, runs handlers, sends what they gave.</summary>
    /// <returns>How much was done; 0 when there was nothing, and always once <see cref="State"/> is <see cref="ConnectionState.Closed"/>.</returns>
    /// <remarks>The connection's one thread; <see cref="ConnectionMode.Polled"/> only. Never blocks; allocates nothing for messages and their settlements.</remarks>
    /// <exception cref="InvalidOperationException">Not a polled connection, or called from a handler.</exception>
    public int Poll()
    {
        ThrowUnlessPolled();
        return _agent.DoWork();
    }

    /// <summary>Sends what was published and settled, without looking at what has arrived.</summary>
    /// <returns>How much was done.</returns>
    /// <remarks>As <see cref="Poll"/>. In a handler it does nothing: the turn that runs the handler sends at its end.</remarks>
    public int Flush()
    {
        ThrowUnlessPolled();
        return _agent.Flush();
    }

    /// <summary>Blocks in the system until a turn has something to do: bytes or events have come, a timer is due, or <see cref="WakeUp"/> is called.</summary>
    /// <param name="timeoutMs">Longest time in milliseconds; -1 for no limit.</param>
    /// <returns>False when the time was over with nothing to do; at once when <see cref="State"/> is <see cref="ConnectionState.Closed"/>.</returns>
    /// <remarks>The connection's one thread; <see cref="ConnectionMode.Polled"/> only. Allocates nothing.</remarks>
    public bool WaitForWork(int timeoutMs)
    {
        ThrowUnlessPolled();
        if (State == ConnectionState.Closed)
            return false;
        WakeSignal wake = _agent.Wake;
        wake.PreparePark();
        int limitMs = _agent.MsUntilTimer(timeoutMs);
        if (limitMs == 0 || _agent.HasWork())
        {
            wake.CancelPark();
            return timeoutMs != 0 || _agent.HasWork();
        }

        bool woken = wake.Park(limitMs);
        return woken || _agent.HasWork() || (limitMs != timeoutMs && _agent.MsUntilTimer(timeoutMs) == 0);
    }

    /// <summary>Ends <see cref="WaitForWork"/>, the one under way or the next. Any thread.</summary>
    public void WakeUp() => _agent.WakeUp();

    /// <summary>Closes the connection. Settlements given before go out; what is not confirmed stays so: <see cref="Publication.FlushAsync"/> before.</summary>
    /// <remarks>Waits until its thread has ended, unless called from a handler. Idempotent.</remarks>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _agent.RequestClose();
        if (_runner != null)
        {
            if (!_runner.IsRunning)
                _agent.Dispose(); // Never started.
            else if (!_agent.IsOwnThread)
                StopRunner();
            else
                new Thread(StopRunner) { IsBackground = true, Name = "lowlatency client closing" }.Start();
        }
        else if (!_agent.IsTurning)
        {
            _agent.Dispose();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void StopRunner() => _runner!.Stop();

    private void WaitUntilReady()
    {
        if (_runner != null)
        {
            _runner.Start();
            try
            {
                if (!_agent.FirstReady.Wait(_options.ConnectTimeout))
                    throw ConnectTimeout();
            }
            catch (AggregateException failed)
            {
                throw failed.InnerException!;
            }

            return;
        }

        long deadlineMs = Environment.TickCount64 + (long)_options.ConnectTimeout.TotalMilliseconds;
        PollUntil(_agent.FirstReady, deadlineMs);
        if (!_agent.FirstReady.IsCompleted)
            throw ConnectTimeout();
        _agent.FirstReady.GetAwaiter().GetResult();
    }

    private LowLatencyException ConnectTimeout() => new(ErrorCode.Timeout,
        $"No connection to {Address} within {_options.ConnectTimeout.TotalMilliseconds} ms. {Error?.Message ?? "Is it a LowLatency broker, and is it reachable from here?"}", Error);

    private void ThrowUnlessPolled()
    {
        if (_runner != null)
            throw new InvalidOperationException($"The connection has a thread of its own. Connect with {nameof(ConnectionMode)}.{nameof(ConnectionMode.Polled)} to poll it yourself.");
    }
}
