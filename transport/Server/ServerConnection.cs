using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>One accepted connection: its socket, what came in and what goes out, and where it is in its life. The transport agent's thread only.</summary>
internal sealed class ServerConnection : IDisposable
{
    internal const int NoSession = -1;

    /// <param name="socket">From now on the connection's.</param>
    /// <param name="slot">Its place in the table.</param>
    /// <param name="key">Its key in the poller.</param>
    /// <param name="pool">Of the agent.</param>
    /// <param name="maxFrameLength">Longest frame accepted, in bytes.</param>
    /// <param name="acceptedNs">When, by the agent's elapsed time.</param>
    internal ServerConnection(TcpSocket socket, int slot, int key, SendBlockPool pool, int maxFrameLength, long acceptedNs)
    {
        Socket = socket;
        Slot = slot;
        Key = key;
        Output = new ConnectionOutput(socket, pool);
        Input = new ReceiveBuffer(FrameReceiver.Server, maxFrameLength);
        LastReceivedNs = acceptedNs;
        LastSentNs = acceptedNs;
        StateSinceNs = acceptedNs;
    }

    internal TcpSocket Socket { get; }

    internal int Slot { get; }

    internal int Key { get; }

    internal ReceiveBuffer Input { get; }

    internal ConnectionOutput Output { get; }

    /// <summary>Deliveries and confirms that wait while the output is blocked.</summary>
    internal DeliverBacklog Backlog { get; } = new();

    internal WaitingConfirms Confirms { get; } = new();

    internal ConnectionState State { get; private set; }

    /// <summary>Its session in the engine, or <see cref="NoSession"/>.</summary>
    internal int Session { get; set; } = NoSession;

    /// <summary>Its Hello asked for batches, and they are granted.</summary>
    internal bool IsCompressed { get; set; }

    /// <summary>Bytes taken of the frames in the batch that <see cref="Input"/> holds and offers again.</summary>
    internal int TakenOfBatch { get; set; }

    /// <summary>Agreed interval in nanoseconds; 0 before the handshake.</summary>
    internal long HeartbeatNs { get; set; }

    /// <summary>By the agent's elapsed time, as are all times here.</summary>
    internal long StateSinceNs { get; private set; }

    internal long LastReceivedNs { get; set; }

    internal long LastSentNs { get; set; }

    /// <summary>The output's sent length at <see cref="LastSentNs"/>.</summary>
    internal long SentLengthSeen { get; set; }

    /// <summary>The socket may have something to receive: it has not said "would block" since the last sign.</summary>
    internal bool MayReceive { get; set; }

    /// <summary>Place in the list of connections to receive from, or -1.</summary>
    internal int ActiveIndex { get; set; } = -1;

    /// <summary>Is in the list of connections with something to send.</summary>
    internal bool IsSendDue { get; set; }

    /// <summary>Waits for the poller to say that its socket is writable.</summary>
    internal bool AwaitsWritable { get; set; }

    /// <summary>The stream to the peer has ended.</summary>
    internal bool HasEndedSending { get; set; }

    /// <summary>The stream from the peer has ended: nothing more can be received.</summary>
    internal bool HasPeerEnded { get; set; }

    /// <summary>Events that could be sent now must wait behind others.</summary>
    internal bool HasWaitingEvents => Backlog.Count > 0 || Confirms.Count > 0;

    internal void Enter(ConnectionState state, long nowNs)
    {
        State = state;
        StateSinceNs = nowNs;
    }

    /// <summary>Closes the socket and gives all memory back.</summary>
    public void Dispose()
    {
        State = ConnectionState.Closed;
        Backlog.Dispose();
        Confirms.Clear();
        Output.Dispose();
        Input.Dispose();
        Socket.Dispose();
    }
}
