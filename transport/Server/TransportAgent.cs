using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>Owns the listeners and connections of one thread: frames in become commands, events become frames out.</summary>
/// <remarks>
/// <para>A duty cycle first moves events out, then takes frames in: on a thread shared with the engine, what the engine decided goes
/// out before anything else is looked at. Everything runs on the agent's thread, except <see cref="StopAccepting"/>,
/// <see cref="CloseConnections"/> and the counters.</para>
/// <para>Nothing here blocks; nothing allocates in the managed heap for a message.</para>
/// </remarks>
internal sealed unsafe partial class TransportAgent : IAgent, IDisposable
{
    private readonly ServedBroker _broker;
    private readonly AgentClock _clock;
    private readonly Poller _poller;
    private readonly MpscByteRing _ingress;
    private readonly ConnectionTable _table;
    private readonly SendBlockPool _pool;
    private readonly ActiveConnections _active = new();
    private readonly Queue<int> _sessionsToClose = new();
    private DutyTime _now;
    private bool _hasCommands;
    private bool _disposed;

    /// <param name="broker">The broker.</param>
    /// <param name="poller">From now on the agent's; its wake signal parks the agent's thread.</param>
    /// <param name="clock">Read on the agent's thread.</param>
    /// <param name="acceptors">Listening; from now on the agent's.</param>
    internal TransportAgent(ServedBroker broker, Poller poller, AgentClock clock, params ReadOnlySpan<TcpAcceptor> acceptors)
    {
        _broker = broker;
        _poller = poller;
        _clock = clock;
        _ingress = broker.Ingress;
        _acceptors = acceptors.ToArray();
        _table = new ConnectionTable(broker.Limits.MaxSessions);
        _pool = new SendBlockPool(Math.Max(broker.Limits.SendBufferLength, 2 * ConnectionOutput.FlushLength));
        _receiveBuffer = AllocateReceiveBuffer();
        _batches = broker.Lz4 != null ? new BatchCodec(broker.Lz4) : null;
        _now = clock.Read();
    }

    /// <inheritdoc/>
    public string Name => "transport";

    internal MpscByteRing Ingress => _ingress;

    internal BrokerLimits Limits => _broker.Limits;

    internal SessionIds SessionIds => _broker.SessionIds;

    /// <summary>Connections accepted and not yet gone. Any thread.</summary>
    internal int ConnectionCount => Volatile.Read(ref _connectionCount);

    /// <summary>Blocks that hold bytes to be sent. Agent's thread.</summary>
    internal int RentedBlockCount => _pool.RentedCount;

    /// <inheritdoc/>
    public void OnStart()
    {
        for (int i = 0; i < _acceptors.Length; i++)
            _poller.Add(_acceptors[i], i);
    }

    /// <inheritdoc/>
    public int DoWork()
    {
        _now = _clock.Read();
        _broker.Reader.Enter();
        int work = DrainEvents() + SendDue();
        if (work > 0)
            _now = _clock.Read(); // Sending took a while, and what is received next is stamped with this.
        work += PollSockets() + Accept() + ReceiveActive();
        work += CloseSessions() + RunTimers() + FollowStop() + SendDue();
        if (_hasCommands)
            WakeEngine();
        _broker.Reader.Exit();
        return work;
    }

    /// <inheritdoc/>
    public void OnClose()
    {
        CloseAcceptors();
        for (int slot = 0; slot < _table.SlotCount; slot++)
        {
            if (_table[slot] is { } connection)
                Drop(connection);
        }
    }

    /// <summary>Gives native memory back, after the last duty cycle.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _pool.Dispose();
        FreeReceiveBuffer();
        _batches?.Dispose();
        _poller.Dispose();
    }

    /// <summary>Writes a command of a session.</summary>
    /// <returns>False when the ring is full: keep the frame and try again in a later cycle.</returns>
    internal bool TryCommand<TCommand>(CommandType type, scoped in TCommand command, scoped ReadOnlySpan<byte> variable = default)
        where TCommand : unmanaged => Wrote(CommandWriter.TryWrite(_ingress, type, command, variable));

    /// <summary>Takes note of whether a command went into <see cref="Ingress"/>.</summary>
    /// <returns>The same.</returns>
    internal bool Wrote(bool written)
    {
        _hasCommands |= written;
        _isIngressFull |= !written;
        return written;
    }

    private void WakeEngine()
    {
        _hasCommands = false;
        _broker.EngineWake?.Wake();
    }
}
