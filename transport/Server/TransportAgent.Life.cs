using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <content>How connections open, fail, end and are timed.</content>
internal sealed unsafe partial class TransportAgent
{
    /// <summary>How long a peer may take to read the last frame and close.</summary>
    private const long LingerNs = 1_000_000_000;

    /// <summary>In this time every connection's timers are looked at once, a few in each duty cycle.</summary>
    private const long TimerRoundNs = 25_000_000;

    private const long TimerStepNs = 1_000_000;
    private const long NsPerMs = 1_000_000;

    private static ReadOnlySpan<byte> Product => "LowLatency 0.1"u8;

    private long _timersRunNs;
    private int _timerSlot;

    internal ServerConnection? OfSession(int session) => _table.OfSession(session);

    /// <summary>Writes the command that opens a session.</summary>
    /// <param name="session">A free id.</param>
    /// <param name="names">Client name and virtual host, strings.</param>
    /// <returns>False when the ring is full.</returns>
    internal bool TryOpenSession(int session, scoped ReadOnlySpan<byte> names)
        => TryCommand(
            CommandType.OpenSession,
            new OpenSessionCommand { Session = session, Connection = session, Port = _broker.Port.Index, Nonce = SessionNonce.Next() },
            names);

    /// <summary>The session's command is written: the engine says whether there is such a virtual host.</summary>
    internal void Await(ServerConnection connection, int session)
    {
        _table.BindSession(connection, session);
        connection.Enter(ConnectionState.Waiting, _now.ElapsedNs);
    }

    /// <summary>The engine has opened the session: welcomes the client.</summary>
    internal void Open(ServerConnection connection)
    {
        if (connection.State != ConnectionState.Waiting)
            return; // Closing already.
        connection.Enter(ConnectionState.Open, _now.ElapsedNs);
        connection.LastReceivedNs = _now.ElapsedNs;
        if (!TryReserveReply(connection, FrameWriter.MaxControlLength, out Span<byte> room))
            return;
        WelcomeFrame welcome = new()
        {
            HeartbeatMs = (uint)(connection.HeartbeatNs / NsPerMs),
            MaxFrameLength = (uint)Limits.MaxFrameLength,
            MaxBodyLength = (uint)Limits.MaxBodyLength,
            MaxWindow = (uint)Limits.MaxWindow,
            MaxCreditMessages = (uint)Limits.MaxCreditMessages,
            Epoch = _broker.Epoch,
            BrokerId = _broker.BrokerId,
            Flags = (ushort)(connection.IsCompressed ? FrameLayout.CompressionFlag : 0),
        };
        connection.Output.Append(FrameWriter.WriteWelcome(room, welcome, Product));
        if (connection.IsCompressed)
            connection.Output.Compress(new BatchPacker(_batches!));
    }

    /// <summary>The client said Close and its session's end is commanded: the answer follows <see cref="OnSessionClosed"/>.</summary>
    internal void Leave(ServerConnection connection)
    {
        connection.Enter(ConnectionState.Leaving, _now.ElapsedNs);
        connection.Backlog.Dispose();
    }

    /// <summary>Ends a connection with an <see cref="FrameType.Error"/>.</summary>
    internal void Fail(ServerConnection connection, ErrorCode code, string sentence)
    {
        if (!BeginClosing(connection))
            return;
        if (connection.Output.TryReserve(FrameWriter.MaxControlLength, out Span<byte> room))
            connection.Output.Append(FrameWriter.WriteError(room, code, sentence));
    }

    /// <summary>As <see cref="Fail"/>, with a text that is encoded already (u16 length + UTF-8).</summary>
    internal void FailEncoded(ServerConnection connection, ErrorCode code, scoped ReadOnlySpan<byte> text)
    {
        if (!BeginClosing(connection))
            return;
        if (connection.Output.TryReserve(FrameLayout.PaddedLength(sizeof(CloseFrame) + text.Length), out Span<byte> room))
            connection.Output.Append(FrameWriter.WriteErrorEncoded(room, code, text));
    }

    /// <summary>The engine is done with a session: its id is free.</summary>
    internal void OnSessionClosed(int session)
    {
        if (_table.OfSession(session) is { } connection)
        {
            _table.UnbindSession(connection);
            SayGoodbye(connection, ErrorCode.None, "");
        }

        SessionIds.Return(session);
    }

    private void FailSlowReader(ServerConnection connection)
        => Fail(connection, ErrorCode.SlowReader, "More replies wait than the broker keeps for one connection: read what you ask for.");

    // Ends a connection politely.
    private void SayGoodbye(ServerConnection connection, ErrorCode code, string sentence)
    {
        if (connection.Confirms.Count > 0)
            WriteWaitingConfirms(connection);
        if (!BeginClosing(connection))
            return;
        if (connection.Output.TryReserve(FrameWriter.MaxControlLength, out Span<byte> room))
            connection.Output.Append(FrameWriter.WriteClose(room, code, sentence));
    }

    /// <returns>False when it is closing already.</returns>
    private bool BeginClosing(ServerConnection connection)
    {
        if (connection.State is ConnectionState.Closing or ConnectionState.Closed)
            return false;
        EndSession(connection);
        connection.Enter(ConnectionState.Closing, _now.ElapsedNs);
        connection.Backlog.Dispose();
        connection.Confirms.Clear();
        SendLater(connection);
        if (!connection.HasPeerEnded)
            Activate(connection); // To see the peer's end.
        return true;
    }

    private void EndSession(ServerConnection connection)
    {
        if (connection.Session == ServerConnection.NoSession)
            return;
        if (connection.State != ConnectionState.Leaving)
            _sessionsToClose.Enqueue(connection.Session);
        _table.UnbindSession(connection);
    }

    private int CloseSessions()
    {
        int closed = 0;
        while (_sessionsToClose.TryPeek(out int session) && TryCommand(CommandType.CloseSession, new CloseSessionCommand { Session = session }))
        {
            _sessionsToClose.Dequeue();
            closed++;
        }

        return closed;
    }

    // The last frame is sent.
    private void EndSending(ServerConnection connection)
    {
        if (connection.HasEndedSending)
            return;
        connection.HasEndedSending = true;
        if (connection.HasPeerEnded)
            Drop(connection);
        else
            connection.Socket.EndSending();
    }

    // Ends a connection without a word.
    private void Drop(ServerConnection connection)
    {
        if (connection.State == ConnectionState.Closed)
            return;
        EndSession(connection);
        if (connection.AwaitsWritable)
            _blockedCount--;
        _active.Remove(connection);
        _poller.Remove(connection.Socket, connection.Key);
        _table.Remove(connection);
        Volatile.Write(ref _connectionCount, _table.Count);
        connection.Dispose();
    }

    private int RunTimers()
    {
        long elapsedNs = _now.ElapsedNs - _timersRunNs;
        if (elapsedNs < TimerStepNs)
            return 0;
        _timersRunNs = _now.ElapsedNs;
        int slots = _table.SlotCount;
        long visits = elapsedNs >= TimerRoundNs ? slots : Math.Min(slots, 1 + slots * elapsedNs / TimerRoundNs);
        int work = 0;
        for (long i = 0; i < visits; i++)
        {
            _timerSlot = _timerSlot + 1 < slots ? _timerSlot + 1 : 0;
            if (_table[_timerSlot] is { } connection && RunTimer(connection))
                work++;
        }

        return work;
    }

    /// <returns>Whether a time was up.</returns>
    private bool RunTimer(ServerConnection connection)
    {
        if (connection.Output.SentLength != connection.SentLengthSeen)
        {
            connection.SentLengthSeen = connection.Output.SentLength;
            connection.LastSentNs = _now.ElapsedNs;
        }

        switch (connection.State)
        {
            case ConnectionState.Opening or ConnectionState.Waiting when _now.ElapsedNs - connection.StateSinceNs > Limits.HandshakeTimeoutMs * NsPerMs:
                Fail(connection, ErrorCode.Timeout, connection.State == ConnectionState.Waiting ? "The broker was too busy to open the connection: try again." : $"No Hello within {Limits.HandshakeTimeoutMs} ms.");
                return true;
            case ConnectionState.Open or ConnectionState.Leaving:
                return RunHeartbeat(connection);
            case ConnectionState.Closing when _now.ElapsedNs - connection.StateSinceNs > LingerNs:
                Drop(connection);
                return true;
            default:
                return false;
        }
    }

    private bool RunHeartbeat(ServerConnection connection)
    {
        long unsentNs = _now.ElapsedNs - connection.LastSentNs;
        if (connection.Output.IsBlocked)
        {
            // It is not read either, so only its reading says whether it lives.
            if (unsentNs <= 2 * connection.HeartbeatNs)
                return false;
            Fail(connection, ErrorCode.SlowReader, "Nothing was read from this connection for two heartbeat intervals.");
            return true;
        }

        if (!connection.Input.IsStopped && _now.ElapsedNs - connection.LastReceivedNs > 2 * connection.HeartbeatNs)
        {
            Fail(connection, ErrorCode.Timeout, $"Silence for two heartbeat intervals of {connection.HeartbeatNs / NsPerMs} ms.");
            return true;
        }

        if (unsentNs < connection.HeartbeatNs / 2 || !TryReserveReply(connection, FrameLayout.HeaderLength, out Span<byte> room))
            return false;
        connection.Output.Append(FrameWriter.WriteHeartbeat(room));
        connection.LastSentNs = _now.ElapsedNs;
        return true;
    }
}
