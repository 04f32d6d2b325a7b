using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;

namespace LowLatency.Client;

/// <summary>All the state of a connection, and the turns that drive it: connect, restore, receive, send, connect again.</summary>
/// <remarks>
/// One owner thread: the runner's, or the user's that polls. Others reach it through <see cref="Post"/>, the publications' positions and the
/// subscriptions' foreign settlements, then <see cref="WakeUp"/>.
/// </remarks>
internal sealed partial class ConnectionAgent : IAgent, IDisposable
{
    private const int SendRounds = 4;

    private readonly Connection _connection;
    private readonly ConnectionOptions _options;
    private readonly TransportAddress _address;
    private readonly RequestTable _requests = new();
    private readonly Topology _topology = new();
    private readonly HandleMap<Publication> _publications = new();
    private readonly HandleMap<Subscription> _subscriptions = new();
    private readonly List<Publication> _openedPublications = [];
    private readonly List<Subscription> _openedSubscriptions = [];
    private readonly Backoff _backoff;
    private readonly Door _door;
    private readonly TaskCompletionSource _firstReady = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _state = (int)ConnectionState.Connecting;
    private int _ownThread;
    private LowLatencyException? _error;
    private bool _closeRequested;
    private bool _isTurning;
    private bool _isNaming; // A queue that the broker names is declared again: the rest waits for its name.
    private int _generation; // Counts connections.
    private uint _maxUnacked;
    private long _exclusiveUntilMs;
    private bool _wasReady;
    private bool _isDialling;
    private long _dialAtMs;
    private long _readySinceMs;
    private long _nextExpiryMs;

    internal ConnectionAgent(Connection connection, TransportAddress address, ConnectionOptions options)
    {
        _connection = connection;
        _address = address;
        _options = options;
        _backoff = new Backoff(options.ReconnectDelay, options.ReconnectDelayMax, new Random(Environment.TickCount ^ Environment.ProcessId));
        _door = address.Kind == TransportKind.InProcess ? new InprocDoor(this, address, options) : new TcpDoor(this, address, options);
    }

    public string Name => $"lowlatency client {_address}";

    internal bool IsBackground => _options.Mode == ConnectionMode.Background;

    internal WakeSignal Wake => _door.Wake;

    internal bool IsCompressed => _door.IsCompressed;

    internal string? NoCompressionReason => _door.NoCompressionReason;

    internal ConnectionState State => (ConnectionState)Volatile.Read(ref _state);

    /// <summary>Why it is closed, or why the last try to connect failed. Any thread.</summary>
    internal LowLatencyException? Error => Volatile.Read(ref _error);

    /// <summary>Completes when the connection is ready for the first time, fails when it never will be.</summary>
    internal Task FirstReady => _firstReady.Task;

    /// <summary>Whether the caller runs on the connection's thread.</summary>
    internal bool IsOwnThread => Environment.CurrentManagedThreadId == _ownThread;

    /// <summary>Whether a handler is running.</summary>
    internal bool IsTurning => _isTurning;

    /// <summary>Any thread, after giving the agent work.</summary>
    internal void WakeUp() => _door.Wake.Wake();

    internal Outlet CreateOutlet(Publication publication, PublicationOptions options) => _door.CreateOutlet(publication, options);

    /// <summary>Sends a request with the next turn. Any thread.</summary>
    internal void Post(Request request)
    {
        request.DeadlineMs = Environment.TickCount64 + (long)_options.RequestTimeout.TotalMilliseconds + request.ExtraMs;
        _requests.Post(request);
        WakeUp();
    }

    /// <summary>Closes the connection with the next turn. Any thread.</summary>
    internal void RequestClose()
    {
        Volatile.Write(ref _closeRequested, true);
        WakeUp();
    }

    /// <summary>Counts connections. Any thread.</summary>
    internal int Generation => Volatile.Read(ref _generation);

    internal bool IsCloseRequested => Volatile.Read(ref _closeRequested);

    public void OnStart() => _ownThread = Environment.CurrentManagedThreadId;

    /// <summary>The runner's end: by <see cref="AgentRunner.Stop"/>, or because a handler threw.</summary>
    public void OnClose()
    {
        if (State != ConnectionState.Closed)
            Close(null);
        _door.Dispose();
    }

    /// <summary>As <see cref="OnClose"/>: for an agent that no runner closes. Idempotent.</summary>
    public void Dispose() => OnClose();

    /// <summary>A handler of the user threw on the connection's own thread.</summary>
    internal void Break(Exception thrown) => Close(new LowLatencyException(ErrorCode.InternalError,
        $"A handler of this connection threw {thrown.GetType().Name}: {thrown.Message}. The connection is closed; catch in the handler what should not close it.", thrown));

    /// <summary>One turn. Owner thread.</summary>
    /// <returns>How much was done.</returns>
    public int DoWork()
    {
        if (_isTurning)
            throw new InvalidOperationException("Poll was called from a handler. Return from the handler; the loop that polls goes on.");
        _isTurning = true;
        try
        {
            return Turn();
        }
        finally
        {
            _isTurning = false;
            if (IsCloseRequested && !IsBackground)
                OnClose(); // By a handler, or by Dispose.
        }
    }

    /// <summary>Hands over to the broker what was published and settled. Owner thread.</summary>
    internal int Flush()
    {
        if (_isTurning || State != ConnectionState.Ready)
            return 0;
        return SendAll(Environment.TickCount64);
    }

    /// <summary>Whether a turn would, or might, do something now. Owner thread.</summary>
    internal bool HasWork()
    {
        if (IsCloseRequested || _door.HasWork)
            return true;
        if (State != ConnectionState.Ready || _door.IsBlocked)
            return false;
        if (_requests.HasUnsent)
            return true;
        foreach (Subscription subscription in _openedSubscriptions)
        {
            if (subscription.HasUnsent)
                return true;
        }

        foreach (Publication publication in _openedPublications)
        {
            if (publication.HasSendable)
                return true;
        }

        return false;
    }

    /// <summary>Milliseconds until a turn has something to do even if nothing happens, at most <paramref name="limitMs"/>. Owner thread.</summary>
    internal int MsUntilTimer(int limitMs)
    {
        long nowMs = Environment.TickCount64;
        long next = _isDialling ? _door.NextTimerMs : _dialAtMs;
        if (!_requests.IsEmpty)
            next = Math.Min(next, _nextExpiryMs);
        long left = Math.Clamp(next - nowMs, 0, int.MaxValue);
        return limitMs < 0 ? (int)left : (int)Math.Min(left, limitMs);
    }

    private int Turn()
    {
        if (State == ConnectionState.Closed)
            return 0;
        long nowMs = Environment.TickCount64;
        if (IsCloseRequested)
        {
            Close(null);
            return 1;
        }

        int work = 0;
        if (!_isDialling && nowMs >= _dialAtMs)
        {
            _isDialling = true;
            _door.Connect(nowMs);
            work++;
        }

        if (State == ConnectionState.Ready)
            work += SendAll(nowMs);
        if (_isDialling)
            work += _door.Receive(nowMs);
        if (State == ConnectionState.Ready)
            work += SendAll(nowMs);
        if (_door.TryTakeLoss(out LowLatencyException reason, out bool isFinal))
        {
            Lose(reason, isFinal, nowMs);
            work++;
        }

        if (!_requests.IsEmpty && nowMs >= _nextExpiryMs)
        {
            const int ExpiryEveryMs = 20;
            _nextExpiryMs = nowMs + ExpiryEveryMs;
            work += _requests.Expire(nowMs);
        }

        return work;
    }

    private int SendAll(long nowMs)
    {
        int work = 0;
        for (int round = 0; round < SendRounds; round++)
        {
            int gathered = 0;
            foreach (Subscription subscription in _openedSubscriptions)
                gathered += subscription.SendPending(_door);
            if (_requests.HasUnsent)
                gathered += SendRequests();
            foreach (Publication publication in _openedPublications)
                gathered += publication.SendPending();
            int sent = _door.Send(nowMs);
            work += gathered + sent;
            if (gathered == 0 || sent == 0)
                break;
        }

        ForgetFinished();
        return work;
    }

    // Stopped subscriptions that have nothing left to settle: the broker may give their handles to others.
    private void ForgetFinished()
    {
        for (int i = _openedSubscriptions.Count - 1; i >= 0; i--)
        {
            if (_openedSubscriptions[i].IsFinished)
                Forget(_openedSubscriptions[i]);
        }
    }

    private int SendRequests()
    {
        int sent = 0;
        while (_requests.TryPeek(out Request request))
        {
            if (IsObsolete(request))
            {
                _requests.Drop();
                continue;
            }

            if (_isNaming || !IsInTurn(request) || !_door.TrySend(request))
                break;
            _requests.Sent();
            OnSent(request);
            sent++;
        }

        return sent;
    }

    /// <summary>What was settled before a request was made goes first, and before a close what was published.</summary>
    private bool IsInTurn(Request request) => (request.IsRepeat || SendSettled()) && request.Type switch
    {
        CommandType.ClosePublication when request.Publication != null => SendBefore(request.Publication),
        CommandType.CommitTransaction => request.Transaction!.TrySendOperations(_door),
        CommandType.Get => request.Subscription!.IsOpen, // After a reconnect it is subscribed again first.
        _ => true,
    };

    private static bool SendBefore(Publication publication)
    {
        publication.SendPending();
        return !publication.HasUnsent;
    }

    // Looked at again for each request: other threads settle, then ask, while this one is between the two. What they settle from here on
    // need not go before it: one that settles all the time would keep it back for ever.
    private bool SendSettled()
    {
        foreach (Subscription subscription in _openedSubscriptions)
        {
            if (!subscription.HasUnsent)
                continue;
            subscription.SendPending(_door);
            if (subscription.HasTakenUnsent)
                return false;
        }

        return true;
    }

    private void OnSent(Request request)
    {
        if (request.Type == CommandType.Recover)
        {
            // What comes between it and its answer is not settled: its tags would be unknown by then.
            foreach (Subscription subscription in _openedSubscriptions)
                subscription.Pause();
        }

        // The bindings and subscriptions behind it need the name that the broker gives.
        _isNaming = request is { Type: CommandType.DeclareQueue, IsRepeat: true, Name.Length: 0 };
    }

    /// <summary>A close of what is not open on this connection is carried out already.</summary>
    private bool IsObsolete(Request request)
    {
        switch (request.Type)
        {
            case CommandType.ClosePublication when request.Publication is { IsOpen: false } publication:
                Forget(publication);
                break;
            case CommandType.Unsubscribe when request.Subscription is { IsOpen: false } subscription:
                Forget(subscription);
                break;
            case CommandType.Get when request.Subscription is { IsClosed: true } ended:
                request.Fail(ended.ClosedError());
                return true;
            case CommandType.CommitTransaction when request.Transaction!.Problem(_generation) is { } problem:
                request.Fail(problem);
                return true;
            default:
                return false;
        }

        request.Complete(default);
        return true;
    }

    private void Forget(Publication publication)
    {
        if (publication.IsOpen)
            _publications.Remove(publication.Handle);
        _openedPublications.Remove(publication);
        publication.End(null);
    }

    private void Forget(Subscription subscription)
    {
        if (subscription.IsOpen)
            _subscriptions.Remove(subscription.Handle);
        _openedSubscriptions.Remove(subscription);
        subscription.End(null);
    }
}
