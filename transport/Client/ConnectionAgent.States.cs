using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>From one state to the next. Owner thread.</content>
internal sealed partial class ConnectionAgent
{
    private BrokerFacts _facts;

    /// <summary>The broker has let the connection in.</summary>
    internal void OnWelcome(in BrokerFacts facts)
    {
        _facts = facts;
        _wasReady = true;
        _readySinceMs = Environment.TickCount64;
        _generation++;
        _isNaming = false;
        _requests.Restart(Repeats());
        Volatile.Write(ref _error, null);
        SetState(ConnectionState.Ready, null);
        _firstReady.TrySetResult();
    }

    /// <summary>Errors after which the same client would only run into them again.</summary>
    /// <remarks>
    /// Final are the refusals (4xx other than a limit) and the rules that a client breaks by a bug (5xx). Not final: what passes with time
    /// (a limit reached, time-outs, a slow reader, an internal error, full disk, shutdown).
    /// </remarks>
    internal static bool IsFinal(ErrorCode code) => code switch
    {
        ErrorCode.LimitReached or ErrorCode.Timeout or ErrorCode.SlowReader or ErrorCode.InternalError or ErrorCode.None => false,
        _ => (int)code < 600,
    };

    private List<Request> Repeats()
    {
        var repeats = new List<Request>();
        if (_maxUnacked != 0)
            repeats.Add(Request.Plain(CommandType.SetMaxUnacked, _maxUnacked).Repeat());
        _topology.Repeat(repeats);
        foreach (Publication publication in _openedPublications)
        {
            if (!publication.IsClosed)
                repeats.Add(new Request(CommandType.OpenPublication) { Publication = publication, IsRepeat = true });
        }

        _openedSubscriptions.RemoveAll(static subscription => subscription.IsStopped); // What it had to settle comes again, to others.
        foreach (Subscription subscription in _openedSubscriptions)
        {
            if (subscription.IsClosed)
                continue;
            repeats.Add(new Request(CommandType.Subscribe) { Subscription = subscription, IsRepeat = true });
        }

        return repeats;
    }

    private void Lose(LowLatencyException reason, bool isFinal, long nowMs)
    {
        _isDialling = false;
        if (nowMs - _readySinceMs >= (long)_options.ReconnectDelayMax.TotalMilliseconds && State == ConnectionState.Ready)
            _backoff.Reset(); // It held for a while: not one that falls as soon as it stands.
        _dialAtMs = nowMs + _backoff.Next();
        _requests.OnLost();
        foreach (Publication publication in _openedPublications)
            publication.OnLost();
        foreach (Subscription subscription in _openedSubscriptions)
            subscription.OnLost();
        _publications.Clear();
        _subscriptions.Clear();
        _door.Drop(); // Last: until here publishing threads may be in the broker's memory.
        bool again = _wasReady ? _options.Reconnect : _options.RetryInitialConnect;
        if (isFinal || !again)
        {
            Close(reason);
            return;
        }

        Volatile.Write(ref _error, reason);
        if (_wasReady)
            SetState(ConnectionState.Reconnecting, reason);
    }

    private void Close(LowLatencyException? error)
    {
        if (State == ConnectionState.Closed)
            return;
        LowLatencyException told = error ?? new LowLatencyException(ErrorCode.NotConnected, $"The connection to {_address} is closed: open a new one.");
        bool isPolite = State == ConnectionState.Ready && error == null;
        if (isPolite)
            SendAll(Environment.TickCount64);
        Volatile.Write(ref _error, error ?? Error);
        _requests.Close(told);
        foreach (Publication publication in _openedPublications)
            publication.End(error);
        foreach (Subscription subscription in _openedSubscriptions)
            subscription.End(error);
        if (isPolite)
            _door.Leave();
        else
            _door.Drop();
        _firstReady.TrySetException(told);
        _ = _firstReady.Task.Exception; // Looked at: nobody need wait for it.
        SetState(ConnectionState.Closed, error);
    }

    private void SetState(ConnectionState state, LowLatencyException? reason)
    {
        if (State == state)
            return;
        Volatile.Write(ref _state, (int)state);
        _options.OnStateChanged?.Invoke(_connection, state, reason);
    }
}
