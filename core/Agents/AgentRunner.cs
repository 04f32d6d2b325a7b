using LowLatency.Core.Rings;

namespace LowLatency.Core.Agents;

/// <summary>Gives an agent a thread and drives its duty cycles until it is stopped or the agent throws.</summary>
/// <remarks>
/// Start and stop come from one owner thread; <see cref="IsRunning"/> and <see cref="Error"/> may be read by any. An agent that throws
/// stops its runner: the error is kept and reported, and the agent is closed. The wake signal belongs to the caller.
/// </remarks>
internal sealed class AgentRunner : IDisposable
{
    private const int StopTimeoutMs = 10_000;

    private readonly IAgent _agent;
    private readonly IdleMode _idle;
    private readonly WakeSignal _wake;
    private readonly Action<string, Exception>? _onError;
    private readonly AdaptiveIdle _options;
    private readonly Thread _thread;
    private Exception? _error;
    private bool _started;
    private bool _stopping;
    private bool _running;

    /// <param name="agent">Owned by the runner's thread from the start on.</param>
    /// <param name="idle">What to do when the agent had nothing to do.</param>
    /// <param name="wake">Wakes the thread when parked; others call it after giving the agent work. Also used to stop.</param>
    /// <param name="onError">Gets the agent's name and what it threw, on the runner's thread. What this one throws ends the process.</param>
    /// <param name="options">For <see cref="IdleMode.Adaptive"/>; <c>null</c> for its defaults.</param>
    internal AgentRunner(IAgent agent, IdleMode idle, WakeSignal wake, Action<string, Exception>? onError, AdaptiveIdle? options = null)
    {
        _agent = agent;
        _idle = idle;
        _wake = wake;
        _onError = onError;
        _options = options ?? new AdaptiveIdle();
        _options.Check();
        _thread = new Thread(Run) { Name = agent.Name, IsBackground = true };
    }

    /// <summary>The processor that the thread is held on; -1: any. Set before <see cref="Start"/>.</summary>
    internal int Processor { get; init; } = -1;

    /// <summary>How its thread shares a processor. Set before <see cref="Start"/>.</summary>
    internal ThreadStanding Standing { get; init; }

    /// <summary>What the agent threw first, or <c>null</c>.</summary>
    internal Exception? Error => Volatile.Read(ref _error);

    /// <summary>True from <see cref="Start"/> until the agent is closed.</summary>
    internal bool IsRunning => Volatile.Read(ref _running);

    /// <exception cref="InvalidOperationException">It was started before.</exception>
    internal void Start()
    {
        if (_started)
            throw new InvalidOperationException($"The runner of agent '{_agent.Name}' was started before.");
        _started = true;
        Volatile.Write(ref _running, true);
        _thread.Start();
    }

    /// <summary>Asks the thread to end after its duty cycle and waits until the agent is closed. Idempotent.</summary>
    /// <param name="timeoutMs">Longest time to wait, in milliseconds.</param>
    /// <returns><c>false</c> when the thread had not ended by then (reported as an error too), or when called from it.</returns>
    internal bool Stop(int timeoutMs = StopTimeoutMs)
    {
        Volatile.Write(ref _stopping, true);
        _wake.Wake(); // Has the fence: the thread sees the request, or this call sees it parked.
        if (!_started)
            return true;
        if (Thread.CurrentThread == _thread)
            return false;
        if (_thread.Join(timeoutMs))
            return true;
        Report(new TimeoutException($"Agent '{_agent.Name}' did not stop within {timeoutMs} ms."));
        return false;
    }

    public void Dispose() => Stop();

    private void Run()
    {
        try
        {
            OsThread.SetName(_agent.Name);
            OsThread.Stand(Standing);
            if (Processor >= 0 && !ThreadAffinity.TryPin(Processor))
                throw new InvalidOperationException($"Agent '{_agent.Name}' cannot be held on processor {Processor}: this process may not use it, or there is none.");
            _agent.OnStart();
            switch (_idle)
            {
                case IdleMode.Spin:
                    RunPolling(new BusySpinIdle());
                    break;
                case IdleMode.Yield:
                    RunPolling(new YieldingIdle());
                    break;
                default:
                    RunAdaptive();
                    break;
            }
        }
        catch (Exception error)
        {
            Report(error);
        }
        finally
        {
            Close();
        }
    }

    private void RunPolling<TIdle>(TIdle idle)
        where TIdle : struct, IIdleStrategy
    {
        while (!Volatile.Read(ref _stopping))
            idle.Idle(_agent.DoWork());
    }

    private void RunAdaptive()
    {
        var idle = new AdaptiveIdleState(_options);
        while (!Volatile.Read(ref _stopping))
        {
            if (_agent.DoWork() > 0)
                idle.Reset();
            else if (!idle.TryIdle() && ParkUnlessWork())
                idle.Reset();
        }
    }

    /// <returns>Whether there was, or will be, work: it is worth spinning again.</returns>
    private bool ParkUnlessWork()
    {
        _wake.PreparePark();
        if (Volatile.Read(ref _stopping))
        {
            _wake.CancelPark();
            return true;
        }
        // An agent that throws here leaves the flag set: a waker then signals for nothing.
        if (_agent.DoWork() > 0)
        {
            _wake.CancelPark();
            return true;
        }
        int limitMs = _agent.ParkLimitMs(_options.ParkTimeoutMs);
        if (limitMs > 0)
            return _wake.Park(limitMs) || limitMs < _options.ParkTimeoutMs;
        _wake.CancelPark();
        return true;
    }

    private void Close()
    {
        try
        {
            _agent.OnClose();
        }
        catch (Exception error)
        {
            Report(error);
        }
        finally
        {
            Volatile.Write(ref _running, false);
        }
    }

    private void Report(Exception error)
    {
        Interlocked.CompareExchange(ref _error, error, null);
        _onError?.Invoke(_agent.Name, error);
    }
}
