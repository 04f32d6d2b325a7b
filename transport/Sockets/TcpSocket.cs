using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace LowLatency.Transport.Sockets;

/// <summary>A connected, non-blocking TCP socket without delay of small sends (TCP_NODELAY).</summary>
/// <remarks>
/// Receive and send are system calls of ours on Linux and the managed socket's elsewhere; neither allocates or throws.
/// One thread at a time.
/// </remarks>
internal sealed unsafe class TcpSocket : IDisposable
{
    /// <summary>Nothing to receive, or no room to send, for now.</summary>
    internal const int WouldBlock = -1;

    /// <summary>The connection is lost: see <see cref="LastError"/>.</summary>
    internal const int Failed = -2;

    /// <summary>Most pieces of one gathered send (the system takes up to 1,024).</summary>
    internal const int MaxVectors = 256;

    private readonly int _descriptor;

    /// <param name="socket">Connected or connecting. From now on this object's to close.</param>
    internal TcpSocket(Socket socket)
    {
        Socket = socket;
        _descriptor = OperatingSystem.IsLinux() ? (int)socket.SafeHandle.DangerousGetHandle() : -1;
        socket.Blocking = false;
        socket.NoDelay = true;
    }

    /// <summary>For what is not the hot path.</summary>
    internal Socket Socket { get; }

    /// <summary>The system's number of the socket (Linux).</summary>
    internal int Descriptor => _descriptor;

    /// <summary>The error of the last call that answered <see cref="Failed"/>.</summary>
    internal SocketError LastError { get; private set; }

    /// <summary>Starts to connect; the result is known when the socket becomes writable: ask <see cref="ConnectResult"/>.</summary>
    /// <param name="endpoint">Where to.</param>
    /// <param name="connected">Whether it is connected already.</param>
    internal static TcpSocket Connect(IPEndPoint endpoint, out bool connected)
    {
        Socket socket = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            TcpSocket tcp = new(socket);
            try
            {
                socket.Connect(endpoint);
                connected = true;
            }
            catch (SocketException refused) when (refused.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                connected = false;
            }

            return tcp;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>How the connect ended: <see cref="SocketError.Success"/>, or why not. Takes the socket's pending error.</summary>
    internal SocketError ConnectResult()
        => (SocketError)(int)Socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;

    /// <summary>Takes what has arrived.</summary>
    /// <returns>Bytes received; 0 when the peer has ended its stream; <see cref="WouldBlock"/> or <see cref="Failed"/>.</returns>
    internal int Receive(byte* target, int capacity)
    {
        if (!OperatingSystem.IsLinux())
            return Portable(Socket.Receive(new Span<byte>(target, capacity), SocketFlags.None, out SocketError error), error);
        nint received = LibC.Receive(_descriptor, target, (nuint)capacity, LibC.MessageDontWait);
        return received >= 0 ? (int)received : NotDone();
    }

    /// <inheritdoc cref="Receive(byte*, int)"/>
    internal int Receive(Span<byte> target)
    {
        fixed (byte* start = target)
            return Receive(start, target.Length);
    }

    /// <summary>Hands bytes to the system: all, some or none of them.</summary>
    /// <returns>Bytes taken; <see cref="WouldBlock"/> or <see cref="Failed"/>.</returns>
    internal int Send(byte* source, int length)
    {
        if (!OperatingSystem.IsLinux())
            return Portable(Socket.Send(new ReadOnlySpan<byte>(source, length), SocketFlags.None, out SocketError error), error);
        nint sent = LibC.Send(_descriptor, source, (nuint)length, LibC.MessageDontWait | LibC.MessageNoSignal);
        return sent >= 0 ? (int)sent : NotDone();
    }

    /// <inheritdoc cref="Send(byte*, int)"/>
    internal int Send(ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
            return Send(start, source.Length);
    }

    /// <summary>Sends several pieces, in order, as if they were one, in one system call (Linux).</summary>
    /// <param name="vectors">The pieces, 1 to <see cref="MaxVectors"/>, together at most <see cref="int.MaxValue"/> bytes. None is kept.</param>
    /// <param name="count">How many.</param>
    /// <returns>Bytes taken of all pieces; <see cref="WouldBlock"/> or <see cref="Failed"/>.</returns>
    internal int SendGather(IoVector* vectors, int count)
    {
        if (!OperatingSystem.IsLinux())
            return SendEach(vectors, count);
        LibC.MessageHeader message = default;
        message.Vectors = vectors;
        message.VectorCount = (nuint)count;
        nint sent = LibC.SendMessage(_descriptor, &message, LibC.MessageDontWait | LibC.MessageNoSignal);
        return sent >= 0 ? (int)sent : NotDone();
    }

    /// <summary>Ends the stream to the peer: it sees the end after the last byte sent. Receiving goes on.</summary>
    internal void EndSending()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The peer is gone: there is nobody to tell.
        }
    }

    /// <summary>Closes the socket. Remove it from its poller before.</summary>
    public void Dispose() => Socket.Dispose();

    private int SendEach(IoVector* vectors, int count)
    {
        int total = 0;
        for (int i = 0; i < count; i++)
        {
            int length = (int)vectors[i].Length;
            int sent = Send(vectors[i].Start, length);
            if (sent < 0)
                return total > 0 ? total : sent;
            total += sent;
            if (sent < length)
                break;
        }

        return total;
    }

    private int NotDone()
    {
        int error = Marshal.GetLastPInvokeError();
        if (error is LibC.ErrorWouldBlock or LibC.ErrorInterrupted) // Interrupted: the caller comes back as after "would block".
            return WouldBlock;
        LastError = ToSocketError(error);
        return Failed;
    }

    private int Portable(int bytes, SocketError error)
    {
        if (error == SocketError.Success)
            return bytes;
        if (error is SocketError.WouldBlock or SocketError.IOPending or SocketError.NoBufferSpaceAvailable)
            return WouldBlock;
        LastError = error;
        return Failed;
    }

    private static SocketError ToSocketError(int error) => error switch
    {
        LibC.ErrorBrokenPipe => SocketError.Shutdown,
        LibC.ErrorConnectionReset => SocketError.ConnectionReset,
        LibC.ErrorTimedOut => SocketError.TimedOut,
        _ => SocketError.SocketError,
    };
}
