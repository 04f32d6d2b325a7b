using System.Runtime.InteropServices;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <content>From sockets to commands.</content>
internal sealed unsafe partial class TransportAgent
{
    /// <summary>Most bytes that one connection gets to send in one duty cycle: its turn.</summary>
    private const int ReceiveLength = 64 * 1024;

    /// <summary>How often the poller is asked while some connections are received from directly.</summary>
    private const long PollIntervalNs = 10_000;

    /// <summary>The same in duty cycles: whichever comes first.</summary>
    private const int PollIntervalCycles = 32;

    private readonly byte* _receiveBuffer;
    private long _polledNs;
    private int _cyclesSincePoll;
    private int _blockedCount;
    private bool _isIngressFull;

    private static byte* AllocateReceiveBuffer() => (byte*)NativeMemory.AlignedAlloc(ReceiveLength, 64);

    private void FreeReceiveBuffer() => NativeMemory.AlignedFree(_receiveBuffer);

    private int PollSockets()
    {
        if (!_poller.HasEvents)
        {
            // Cold connections may wait a few microseconds while hot ones are served; one that cannot send may not.
            bool mayWait = _active.Count > 0 && _active.IsDirect && _blockedCount == 0;
            if (mayWait && ++_cyclesSincePoll < PollIntervalCycles && _now.ElapsedNs - _polledNs < PollIntervalNs)
                return 0;
            _cyclesSincePoll = 0;
            _polledNs = _now.ElapsedNs;
            if (_poller.Wait(0) == 0)
                return 0;
        }

        foreach (PollEvent polled in _poller.Events)
        {
            if (polled.Key < _acceptors.Length)
                _mayAccept = true;
            else if (_table[polled.Key - _acceptors.Length] is { } connection)
                OnReady(connection, polled.Readiness);
        }

        _poller.Clear();
        return 0; // What the events lead to counts, not the events.
    }

    private void OnReady(ServerConnection connection, PollReadiness readiness)
    {
        if ((readiness & PollReadiness.Writable) != 0 && connection.AwaitsWritable)
        {
            connection.AwaitsWritable = false;
            _blockedCount--;
            connection.LastReceivedNs = _now.ElapsedNs; // Its silence was ours: it was not read.
            connection.Output.Resume();
            SendLater(connection);
        }

        if ((readiness & PollReadiness.Readable) != 0)
            Activate(connection);
    }

    // It may have something to receive.
    private void Activate(ServerConnection connection)
    {
        connection.MayReceive = true;
        _active.Add(connection);
    }

    private int ReceiveActive()
    {
        if (_isIngressFull)
            _active.Rotate(); // Another connection gets the first room.
        _isIngressFull = false;
        _isTurnCut = false;
        int work = 0;
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            if (i < _active.Count)
                work += Receive(_active[i]);
        }

        // Nobody wakes this thread when the engine has made room, or for what a turn left over: it must not park.
        return _isIngressFull || _isTurnCut ? work + 1 : work;
    }

    private int Receive(ServerConnection connection)
    {
        if (connection.AwaitsWritable && connection.State != ConnectionState.Closing)
        {
            // It does not read what it asked for, so it is not read either. Comes back when its output flows again.
            _active.Remove(connection);
            return 0;
        }

        if (connection.State <= ConnectionState.Open && connection.Input.IsStopped && !ResumeInput(connection))
            return 0;
        if (!connection.MayReceive && !_active.IsDirect)
        {
            _active.Remove(connection);
            return 0;
        }

        int received = connection.Socket.Receive(_receiveBuffer, ReceiveLength);
        if (received > 0)
        {
            connection.MayReceive = true;
            connection.LastReceivedNs = _now.ElapsedNs;
            Take(connection, new ReadOnlySpan<byte>(_receiveBuffer, received));
            return 1;
        }

        if (received == TcpSocket.WouldBlock)
        {
            connection.MayReceive = false;
            _poller.Await(connection.Key, PollReadiness.Readable);
            if (!_active.MayStay(connection, _now.ElapsedNs))
                _active.Remove(connection);
            return 0;
        }

        // A peer may end its stream behind its last word and still read the answer.
        if (received == 0 && (connection.State == ConnectionState.Leaving || (connection.State == ConnectionState.Closing && !connection.HasEndedSending)))
        {
            connection.HasPeerEnded = true;
            connection.MayReceive = false;
            _active.Remove(connection);
            return 0;
        }

        Drop(connection); // The connection is over or lost: nobody is left to tell.
        return 1;
    }

    private void Take(ServerConnection connection, ReadOnlySpan<byte> received)
    {
        if (connection.State is ConnectionState.Closing or ConnectionState.Leaving)
            return; // Thrown away.
        NativeSession session = new(this, connection, _now.UnixNs);
        _openedInTurn = 0;
        connection.Input.Feed(received, ref session, out FrameError error);
        AfterInput(connection, error);
    }

    /// <returns>False when it is still stopped.</returns>
    private bool ResumeInput(ServerConnection connection)
    {
        NativeSession session = new(this, connection, _now.UnixNs);
        _openedInTurn = 0;
        connection.Input.Resume(ref session, out FrameError error);
        AfterInput(connection, error);
        connection.LastReceivedNs = _now.ElapsedNs;
        return !connection.Input.IsStopped && connection.State != ConnectionState.Closed;
    }

    private void AfterInput(ServerConnection connection, scoped in FrameError error)
    {
        if (!error.IsNone)
            Fail(connection, error.Code, error.Sentence);
    }
}
