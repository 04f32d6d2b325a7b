namespace LowLatency.Transport.Server;

/// <summary>The connections of one agent, by slot (their key in the poller) and by session.</summary>
internal sealed class ConnectionTable
{
    private readonly ServerConnection?[] _bySession;
    private readonly Stack<int> _freeSlots = new();
    private ServerConnection?[] _bySlot = new ServerConnection?[16];

    /// <param name="maxSessions">Session ids are below this.</param>
    internal ConnectionTable(int maxSessions) => _bySession = new ServerConnection?[maxSessions];

    /// <summary>Connections in the table.</summary>
    internal int Count { get; private set; }

    /// <summary>Slots ever used: all connections are below.</summary>
    internal int SlotCount { get; private set; }

    /// <summary>The connection in a slot, or null.</summary>
    internal ServerConnection? this[int slot] => (uint)slot < (uint)_bySlot.Length ? _bySlot[slot] : null;

    /// <summary>The connection that has a session open, or null.</summary>
    internal ServerConnection? OfSession(int session) => (uint)session < (uint)_bySession.Length ? _bySession[session] : null;

    /// <summary>The slot for the next connection to <see cref="Add"/>.</summary>
    internal int RentSlot() => _freeSlots.TryPop(out int slot) ? slot : SlotCount++;

    /// <summary>Gives back a slot without connection.</summary>
    internal void ReturnSlot(int slot) => _freeSlots.Push(slot);

    internal void Add(ServerConnection connection)
    {
        if (connection.Slot >= _bySlot.Length)
            Array.Resize(ref _bySlot, Math.Max(connection.Slot + 1, _bySlot.Length * 2));
        _bySlot[connection.Slot] = connection;
        Count++;
    }

    internal void Remove(ServerConnection connection)
    {
        _bySlot[connection.Slot] = null;
        ReturnSlot(connection.Slot);
        Count--;
    }

    internal void BindSession(ServerConnection connection, int session)
    {
        connection.Session = session;
        _bySession[session] = connection;
    }

    internal void UnbindSession(ServerConnection connection)
    {
        _bySession[connection.Session] = null;
        connection.Session = ServerConnection.NoSession;
    }
}
