using LowLatency.Core.Agents;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Transport.Server;

namespace LowLatency.Client;

/// <summary>A session with a broker of this process: its rings, and what must be given back when it ends.</summary>
/// <remarks>The connection's thread, but for the ingress ring, which takes publishes from the publishing threads too. The broker's memory stays while the port is registered.</remarks>
internal sealed class BrokerLink
{
    private const int CloseMs = 2000;

    private readonly CancellationTokenRegistration _registration;
    private bool _isOpened;
    private bool _isClosed;

    private BrokerLink(BrokerCore core, EgressPort port, int session, WakeSignal wake, CancellationToken stopping)
    {
        Core = core;
        Stopping = stopping;
        Port = port;
        Session = session;
        Reader = core.CreateReader();
        _registration = stopping.UnsafeRegister(static wake => ((WakeSignal)wake!).Wake(), wake);
    }

    internal BrokerCore Core { get; }

    /// <summary>Cancelled when the broker wants its clients to leave.</summary>
    internal CancellationToken Stopping { get; }

    internal EgressPort Port { get; }

    internal int Session { get; }

    internal MessageReader Reader { get; }

    /// <summary>Finds the broker and takes a place with it.</summary>
    /// <param name="name">Name of the broker.</param>
    /// <param name="wake">Wakes the connection's thread.</param>
    /// <param name="refusal">Why there is none.</param>
    internal static BrokerLink? TryTake(string name, WakeSignal wake, out LowLatencyException? refusal)
    {
        refusal = null;
        if (!InprocRegistry.TryGet(name, out BrokerCore? core, out CancellationToken stopping))
        {
            refusal = NotThere(name);
            return null;
        }

        var port = new EgressPort(core.Limits.EgressCapacity, wake, alwaysDrained: false);
        core.Ports.Add(port);
        // A broker that ends first takes its name away, then looks at the ports: from here on it sees this one.
        if (!InprocRegistry.TryGet(name, out BrokerCore? same) || same != core)
            refusal = NotThere(name);
        else if (core.SessionIds.TryRent(out int session))
            return new BrokerLink(core, port, session, wake, stopping);
        else
            refusal = new LowLatencyException(ErrorCode.LimitReached,
                $"inproc://{name} has {core.Limits.MaxSessions} sessions, its limit: close some, or raise {nameof(BrokerLimits.MaxSessions)}.");
        core.Ports.Remove(port);
        port.Dispose();
        return null;
    }

    /// <summary>Asks for the session; the engine answers with <see cref="EventType.SessionOpened"/> or a fault.</summary>
    /// <returns>False: the ring is full at the moment.</returns>
    internal bool TryOpen(string clientName, string virtualHost)
    {
        var command = new OpenSessionCommand { Session = Session, Connection = Session, Port = Port.Index, Nonce = SessionNonce.Next() };
        byte[] names = [.. RequestBody.String(clientName), .. RequestBody.String(virtualHost)];
        _isOpened = CommandWriter.TryWrite(Core.Ingress, CommandType.OpenSession, in command, names);
        Core.EngineWake.Wake();
        return _isOpened;
    }

    /// <summary>Ends the session and gives everything back. Waits a moment for the engine's last event; what comes before it is dropped.</summary>
    internal void Close()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        _registration.Dispose();
        if (_isOpened && !TryCloseSession())
            return; // The engine does not run: what it may still touch stays.
        Reader.Dispose();
        Core.Ports.Remove(Port);
        Port.Dispose();
        Core.SessionIds.Return(Session);
    }

    private bool TryCloseSession()
    {
        var last = new LastEvent();
        var command = new CloseSessionCommand { Session = Session };
        bool isSent = false;
        long endMs = Environment.TickCount64 + CloseMs;
        var wait = new SpinWait();
        while (!last.IsSeen)
        {
            Port.Ring.Poll(ref last, int.MaxValue);
            isSent = isSent || CommandWriter.TryWrite(Core.Ingress, CommandType.CloseSession, in command, default);
            Core.EngineWake.Wake();
            if (last.IsSeen)
                break;
            if (Environment.TickCount64 > endMs)
                return false;
            wait.SpinOnce();
        }

        return true;
    }

    private static LowLatencyException NotThere(string name) => new(ErrorCode.NotConnected,
        $"No broker is open as inproc://{name} in this process: open one with {nameof(ServerOptions)}.{nameof(ServerOptions.InprocName)} = \"{name}\".");

    private struct LastEvent : IRecordHandler
    {
        internal bool IsSeen { get; private set; }

        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            IsSeen |= type == (int)EventType.SessionClosed;
            return true;
        }
    }
}
