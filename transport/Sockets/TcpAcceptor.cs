using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace LowLatency.Transport.Sockets;

/// <summary>A listening TCP socket that accepts without blocking.</summary>
internal sealed unsafe class TcpAcceptor : IDisposable
{
    private const int Backlog = 1024;

    private TcpAcceptor(Socket socket)
    {
        Socket = socket;
        Descriptor = OperatingSystem.IsLinux() ? (int)socket.SafeHandle.DangerousGetHandle() : -1;
    }

    /// <summary>For what is not the hot path.</summary>
    internal Socket Socket { get; }

    /// <summary>The system's number of the socket (Linux).</summary>
    internal int Descriptor { get; }

    /// <summary>Where it listens, with the port that the system chose if 0 was asked for.</summary>
    internal IPEndPoint Endpoint => (IPEndPoint)Socket.LocalEndPoint!;

    /// <summary>Binds and listens.</summary>
    /// <exception cref="TransportException">The address cannot be listened on; the message says why and what to do.</exception>
    internal static TcpAcceptor Listen(TransportAddress address)
    {
        IPEndPoint endpoint = address.Resolve();
        Socket socket = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // No ReuseAddress: the runtime lets a restarted broker take its port back anyway, and the option would let two listen on it.
            socket.Blocking = false;
            socket.Bind(endpoint);
            socket.Listen(Backlog);
            return new TcpAcceptor(socket);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new TransportException(Explain(address, error.SocketErrorCode), error);
        }
    }

    /// <summary>Takes one waiting connection.</summary>
    /// <param name="socket">The connection when <see cref="AcceptStatus.Accepted"/>: the caller's to close.</param>
    internal AcceptStatus TryAccept(out TcpSocket? socket)
    {
        socket = null;
        if (!OperatingSystem.IsLinux())
            return AcceptPortable(out socket);
        while (true)
        {
            int descriptor = LibC.Accept(Descriptor, null, null, LibC.AcceptFlags);
            if (descriptor >= 0)
                return Wrap(new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)), out socket);
            switch (Marshal.GetLastPInvokeError())
            {
                case LibC.ErrorWouldBlock:
                    return AcceptStatus.NoneWaiting;
                case LibC.ErrorTooManyFiles or LibC.ErrorTooManyFilesInSystem or LibC.ErrorNoBuffers or LibC.ErrorNoMemory:
                    return AcceptStatus.OutOfResources;
                default:
                    continue; // This one was lost before it was accepted (accept(2) lists the network's errors): try the next.
            }
        }
    }

    /// <summary>Stops listening. Remove it from its poller before.</summary>
    public void Dispose() => Socket.Dispose();

    private AcceptStatus AcceptPortable(out TcpSocket? socket)
    {
        socket = null;
        try
        {
            return Socket.Poll(0, SelectMode.SelectRead) ? Wrap(Socket.Accept(), out socket) : AcceptStatus.NoneWaiting;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable
                ? AcceptStatus.OutOfResources
                : AcceptStatus.NoneWaiting;
        }
    }

    private static AcceptStatus Wrap(Socket accepted, out TcpSocket? socket)
    {
        try
        {
            socket = new TcpSocket(accepted);
            return AcceptStatus.Accepted;
        }
        catch (SocketException)
        {
            // Reset by the peer before its options were set.
            accepted.Dispose();
            socket = null;
            return AcceptStatus.Lost;
        }
    }

    private static string Explain(TransportAddress address, SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse
            => $"Cannot listen on {address}: the port is in use. Stop the program that listens there (ss -ltnp shows it), or choose another port (0 lets the system choose).",
        SocketError.AccessDenied
            => $"Cannot listen on {address}: access denied. Ports below 1024 need privileges; choose a higher port.",
        SocketError.AddressNotAvailable
            => $"Cannot listen on {address}: this machine has no such address. Use one of its own, 127.0.0.1 for local clients only or 0.0.0.0 for all.",
        _ => $"Cannot listen on {address}: {error}.",
    };
}
