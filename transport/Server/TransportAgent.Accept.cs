using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;

namespace LowLatency.Transport.Server;

/// <content>Listeners, and the way of the agent's end.</content>
internal sealed unsafe partial class TransportAgent
{
    /// <summary>Connections accepted in one duty cycle.</summary>
    private const int AcceptBatch = 32;

    /// <summary>Connections without a session, beside those of all sessions: they open, or read why they may not.</summary>
    private const int SpareConnections = 256;

    private const long AcceptRetryNs = 100_000_000;

    private const string ShutdownSentence = "The broker is shutting down: connect again later.";

    private const int StageRunning = 0;
    private const int StageNoAccept = 1;
    private const int StageClose = 2;

    private readonly TcpAcceptor[] _acceptors;
    private bool _mayAccept = true;
    private bool _acceptorsClosed;
    private bool _isOutOfResources;
    private long _acceptAgainNs;
    private int _connectionCount;
    private int _stage;
    private bool _hasClosedConnections;

    /// <summary>The broker accepts nobody new.</summary>
    internal bool IsStopping => Volatile.Read(ref _stage) != StageRunning;

    /// <summary>Asks the agent to close its listeners; connections go on. Any thread; then wake the agent.</summary>
    internal void StopAccepting() => Volatile.Write(ref _stage, Math.Max(_stage, StageNoAccept));

    /// <summary>Asks the agent to tell every client that the broker is shutting down, and to close. Any thread; then wake the agent.</summary>
    internal void CloseConnections() => Volatile.Write(ref _stage, StageClose);

    private int Accept()
    {
        if (!_mayAccept || _acceptorsClosed || (_isOutOfResources && _now.ElapsedNs < _acceptAgainNs))
            return 0;
        _mayAccept = false;
        int accepted = 0;
        foreach (TcpAcceptor acceptor in _acceptors)
        {
            int room = AcceptBatch;
            while (room-- > 0 && AcceptOne(acceptor))
                accepted++;
            // The poller reports a listener once: what is left over must not be forgotten.
            if (room < 0)
                _mayAccept = true;
        }

        return accepted;
    }

    private bool AcceptOne(TcpAcceptor acceptor)
    {
        switch (acceptor.TryAccept(out TcpSocket? socket))
        {
            case AcceptStatus.Accepted:
                _isOutOfResources = false;
                Begin(socket!);
                return true;
            case AcceptStatus.Lost:
                return true;
            case AcceptStatus.OutOfResources:
                PauseAccept();
                return false;
            default:
                _isOutOfResources = false;
                _poller.Await(Array.IndexOf(_acceptors, acceptor), PollReadiness.Readable);
                return false;
        }
    }

    private void PauseAccept()
    {
        if (!_isOutOfResources)
            _broker.OnNotice?.Invoke("Out of file descriptors or memory for sockets: new connections wait. Raise the limit of open files (ulimit -n).");
        _isOutOfResources = true;
        _mayAccept = true;
        _acceptAgainNs = _now.ElapsedNs + AcceptRetryNs;
    }

    private void Begin(TcpSocket socket)
    {
        int limit = Limits.MaxSessions + SpareConnections;
        if (_table.Count >= limit + SpareConnections)
        {
            socket.Dispose(); // More than can even be told why.
            return;
        }

        int slot = _table.RentSlot();
        ServerConnection connection = new(socket, slot, _acceptors.Length + slot, _pool, Limits.MaxFrameLength, _now.ElapsedNs);
        _poller.Add(socket, connection.Key);
        _table.Add(connection);
        Volatile.Write(ref _connectionCount, _table.Count);
        if (_table.Count > limit)
            Fail(connection, ErrorCode.LimitReached, $"The broker has {_table.Count - 1} connections, more than its limit MaxSessions of {Limits.MaxSessions}: close some or raise it.");
        Activate(connection);
    }

    // Does what other threads asked for.
    private int FollowStop()
    {
        int stage = Volatile.Read(ref _stage);
        if (stage == StageRunning || _hasClosedConnections)
            return 0;
        CloseAcceptors();
        if (stage != StageClose)
            return 0;
        _hasClosedConnections = true;
        for (int slot = 0; slot < _table.SlotCount; slot++)
        {
            if (_table[slot] is not { } connection)
                continue;
            if (connection.State <= ConnectionState.Waiting)
                Fail(connection, ErrorCode.ShuttingDown, ShutdownSentence); // Before its Welcome a client expects nothing else.
            else
                SayGoodbye(connection, ErrorCode.ShuttingDown, ShutdownSentence);
        }

        return 1;
    }

    private void CloseAcceptors()
    {
        if (_acceptorsClosed)
            return;
        _acceptorsClosed = true;
        for (int i = 0; i < _acceptors.Length; i++)
        {
            _poller.Remove(_acceptors[i], i);
            _acceptors[i].Dispose();
        }
    }
}
