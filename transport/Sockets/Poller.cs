using System.Runtime.InteropServices;

namespace LowLatency.Transport.Sockets;

/// <summary>Tells which of many sockets may be read or written, and lets one thread block until one is or until it is woken.</summary>
/// <remarks>
/// <para>Readiness is reported when it <i>begins</i>: after an event, the next one for that direction comes only when the socket
/// has answered "would block" and its owner has called <see cref="Await"/>. A connection that its owner does not want to read
/// for a while therefore costs nothing and needs no system call to be silenced.</para>
/// <para>Owner thread only, except <see cref="Wake"/>. A wait allocates nothing.</para>
/// </remarks>
internal abstract unsafe class Poller : IDisposable
{
    /// <summary>Most events that one wait collects. The rest comes with the next.</summary>
    internal const int EventCapacity = 256;

    private readonly PollEvent* _events = (PollEvent*)NativeMemory.Alloc(EventCapacity, (nuint)sizeof(PollEvent));
    private int _count;
    private bool _disposed;

    /// <summary>The best poller of this system: epoll on Linux, else <c>select</c>.</summary>
    internal static Poller Create() => OperatingSystem.IsLinux() ? new EpollPoller() : new SelectPoller();

    /// <summary>Events collected and not yet taken. Valid until the next wait, <see cref="Clear"/> or dispose.</summary>
    internal ReadOnlySpan<PollEvent> Events => new(_events, _count);

    /// <summary>Whether there are events that nobody has taken.</summary>
    internal bool HasEvents => _count != 0;

    /// <summary>Watches a socket in both directions.</summary>
    /// <param name="socket">Stays its owner's.</param>
    /// <param name="key">Comes back with its events, 0 or more. A removed socket's key may come once more if it is in <see cref="Events"/>.</param>
    internal abstract void Add(TcpSocket socket, int key);

    /// <summary>Watches a listener for connections to accept.</summary>
    internal abstract void Add(TcpAcceptor acceptor, int key);

    /// <summary>Forgets a socket. Call before closing it.</summary>
    internal abstract void Remove(TcpSocket socket, int key);

    /// <summary>Forgets a listener. Call before closing it.</summary>
    internal abstract void Remove(TcpAcceptor acceptor, int key);

    /// <summary>Asks for the next event of a socket that has answered "would block".</summary>
    internal abstract void Await(int key, PollReadiness readiness);

    /// <summary>Collects events, blocking for at most <paramref name="timeoutMs"/> milliseconds. Returns at once when some are held already.</summary>
    /// <param name="timeoutMs">0: does not block; -1: no limit.</param>
    /// <returns>Events held. 0 after a time-out, a wake or an interruption.</returns>
    internal int Wait(int timeoutMs)
    {
        if (_count == 0)
            Collect(timeoutMs);
        return _count;
    }

    /// <summary>Ends the wait under way, or the next one. Any thread; one system call.</summary>
    internal abstract void Wake();

    /// <summary>Drops the events held: they are dealt with.</summary>
    internal void Clear() => _count = 0;

    /// <summary>Waits in the system and hands every event to <see cref="Report"/>.</summary>
    protected abstract void Collect(int timeoutMs);

    /// <summary>Adds one event; the collector reports at most <see cref="EventCapacity"/>.</summary>
    protected void Report(int key, PollReadiness readiness)
    {
        if (_count < EventCapacity)
            _events[_count++] = new PollEvent(key, readiness);
    }

    /// <summary>Closes the system's resources of the poller, not the sockets. Nobody may wait or wake any more.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Clear();
        Release();
        NativeMemory.Free(_events);
    }

    /// <summary>Closes what the derived poller opened.</summary>
    protected abstract void Release();
}
