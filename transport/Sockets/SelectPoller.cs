using System.Net;
using System.Net.Sockets;

namespace LowLatency.Transport.Sockets;

/// <summary>The portable poller: <c>select</c> over the sockets that wait for something. Cost grows with their number.</summary>
/// <remarks><c>select</c> reports readiness as long as it lasts; a direction that was reported is left out until <see cref="Await"/>.</remarks>
internal sealed class SelectPoller : Poller
{
    private readonly Socket _wakeSender;
    private readonly Socket _wakeReceiver;
    private readonly byte[] _wakeBytes = new byte[64];
    private readonly Dictionary<Socket, int> _keys = [];
    private readonly List<Socket> _readers = [];
    private readonly List<Socket> _writers = [];
    private Socket?[] _sockets = new Socket?[16];
    private PollReadiness[] _awaited = new PollReadiness[16];

    internal SelectPoller()
    {
        _wakeReceiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        _wakeReceiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _wakeSender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        _wakeSender.Connect(_wakeReceiver.LocalEndPoint!);
    }

    internal override void Add(TcpSocket socket, int key) => Add(socket.Socket, key, PollReadiness.Readable | PollReadiness.Writable);

    internal override void Add(TcpAcceptor acceptor, int key) => Add(acceptor.Socket, key, PollReadiness.Readable);

    internal override void Remove(TcpSocket socket, int key) => Remove(socket.Socket, key);

    internal override void Remove(TcpAcceptor acceptor, int key) => Remove(acceptor.Socket, key);

    internal override void Await(int key, PollReadiness readiness) => _awaited[key] |= readiness;

    internal override void Wake() => _wakeSender.Send(_wakeBytes.AsSpan(0, 1), SocketFlags.None, out _);

    protected override void Collect(int timeoutMs)
    {
        _readers.Clear();
        _writers.Clear();
        _readers.Add(_wakeReceiver);
        for (int key = 0; key < _sockets.Length; key++)
        {
            if (_sockets[key] is not { } socket)
                continue;
            if ((_awaited[key] & PollReadiness.Readable) != 0)
                _readers.Add(socket);
            if ((_awaited[key] & PollReadiness.Writable) != 0)
                _writers.Add(socket);
        }

        Socket.Select(_readers, _writers, null, timeoutMs < 0 ? -1 : (int)Math.Min(timeoutMs * 1000L, int.MaxValue));
        foreach (Socket socket in _readers)
            ReportOnce(socket, PollReadiness.Readable);
        foreach (Socket socket in _writers)
            ReportOnce(socket, PollReadiness.Writable);
    }

    protected override void Release()
    {
        _wakeSender.Dispose();
        _wakeReceiver.Dispose();
    }

    private void ReportOnce(Socket socket, PollReadiness readiness)
    {
        if (ReferenceEquals(socket, _wakeReceiver))
        {
            while (_wakeReceiver.Receive(_wakeBytes, SocketFlags.None, out SocketError error) > 0 && error == SocketError.Success)
            {
                // Many wakes are one.
            }

            return;
        }

        // What does not fit stays awaited and comes with the next wait.
        if (Events.Length == EventCapacity)
            return;
        int key = _keys[socket];
        _awaited[key] &= ~readiness;
        Report(key, readiness);
    }

    private void Add(Socket socket, int key, PollReadiness awaited)
    {
        if (key >= _sockets.Length)
        {
            int capacity = Math.Max(key + 1, _sockets.Length * 2);
            Array.Resize(ref _sockets, capacity);
            Array.Resize(ref _awaited, capacity);
        }

        _keys.Add(socket, key);
        _sockets[key] = socket;
        _awaited[key] = awaited;
    }

    private void Remove(Socket socket, int key)
    {
        if (_keys.Remove(socket))
            _sockets[key] = null;
    }
}
