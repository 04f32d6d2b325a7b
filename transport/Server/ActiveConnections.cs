namespace LowLatency.Transport.Server;

/// <summary>The connections to look at in every duty cycle: those that have, or lately had, something to receive.</summary>
/// <remarks>
/// A receive on a socket costs less than asking the poller first, while there are few of them. So up to <see cref="DirectLimit"/>
/// connections stay in the list for a while after their last bytes and are received from without the poller. Beyond that a
/// connection leaves as soon as its socket is empty and comes back with the poller's next event. Thousands of idle connections cost nothing.
/// </remarks>
internal sealed class ActiveConnections
{
    /// <summary>Most connections that are received from without being told to. Above, one wait in the poller is cheaper than the receives it spares.</summary>
    internal const int DirectLimit = 4;

    /// <summary>How long a connection stays in the list after its last bytes.</summary>
    internal const long StayNs = 1_000_000;

    private ServerConnection[] _connections = new ServerConnection[16];
    private int _turn;

    internal int Count { get; private set; }

    /// <summary>Few enough that all are received from in each cycle.</summary>
    internal bool IsDirect => Count <= DirectLimit;

    internal ServerConnection this[int index] => _connections[index];

    internal void Add(ServerConnection connection)
    {
        if (connection.ActiveIndex >= 0)
            return;
        if (Count == _connections.Length)
            Array.Resize(ref _connections, Count * 2);
        connection.ActiveIndex = Count;
        _connections[Count++] = connection;
    }

    /// <summary>Takes one out; the last takes its place. Safe in a loop from the last to the first.</summary>
    internal void Remove(ServerConnection connection)
    {
        int index = connection.ActiveIndex;
        if (index < 0)
            return;
        ServerConnection last = _connections[--Count];
        _connections[index] = last;
        last.ActiveIndex = index;
        _connections[Count] = null!;
        connection.ActiveIndex = -1;
    }

    /// <summary>Lets another connection be the first of the next loop, which goes from the last to the first.</summary>
    internal void Rotate()
    {
        if (Count < 2)
            return;
        int index = (int)((uint)_turn++ % (uint)Count);
        ServerConnection chosen = _connections[index];
        ServerConnection last = _connections[Count - 1];
        _connections[index] = last;
        last.ActiveIndex = index;
        _connections[Count - 1] = chosen;
        chosen.ActiveIndex = Count - 1;
    }

    /// <summary>Whether a connection that is empty may stay to be received from directly.</summary>
    internal bool MayStay(ServerConnection connection, long nowNs) => IsDirect && nowNs - connection.LastReceivedNs < StayNs;
}
