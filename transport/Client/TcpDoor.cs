using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using LowLatency.Core.Agents;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>The way to a broker over a TCP socket, in frames of the native protocol.</summary>
/// <remarks>Steps: look the name up, connect, greet, open. Each has until the connect time-out.</remarks>
internal sealed partial class TcpDoor : Door
{
    private const int SocketKey = 0;

    private readonly TransportAddress _address;
    private readonly ConnectionOptions _options;
    private readonly Poller _poller = Poller.Create();
    private readonly PollerWakeSignal _wake;
    private readonly SocketOutput _output;
    private readonly SocketInput _input;
    private TcpSocket? _socket;
    private Task<IPEndPoint>? _lookup;
    private Step _step;
    private bool _isDrained; // The last receive found nothing more.
    private bool _isFull; // The last send left something over: the poller tells when there is room.
    private bool _isDisposed;
    private long _deadlineMs;
    private long _heartbeatMs;
    private long _lastReceivedMs;
    private long _lastSentMs;
    private int _maxFrameLength;
    private readonly BatchCodec? _batches; // What batches are opened with, where compression is asked for and the library is there.
    private readonly string? _noCompression; // Why it is not.
    private bool _isCompressed;
    private int _takenOfBatch;
    private bool _isInBatch;
    private bool _isInterrupted; // A handler threw: frames behind its own are there.

    internal TcpDoor(ConnectionAgent agent, TransportAddress address, ConnectionOptions options)
        : base(agent)
    {
        _address = address;
        _options = options;
        _wake = new PollerWakeSignal(_poller);
        _output = new SocketOutput(options.SendBufferLength);
        _input = new SocketInput(options.ReceiveBufferLength);
        if ((options.Compress || address.Compress) && Lz4.TryLoad(options.CompressionLibrary, out Lz4? lz4, out _noCompression))
            _batches = new BatchCodec(lz4);
    }

    private enum Step
    {
        Idle,
        LookingUp,
        Connecting,
        Greeting,
        Open,
    }

    internal override WakeSignal Wake => _wake;

    internal override bool IsBlocked => !_output.IsEmpty && _isFull;

    internal override bool HasWork => _poller.HasEvents || (_step >= Step.Greeting && !_isDrained) || _isInterrupted;

    internal override bool IsCompressed => Volatile.Read(ref _isCompressed);

    internal override string? NoCompressionReason => IsCompressed ? null
        : _noCompression != null ? $"{_noCompression} Nothing is compressed."
        : _batches == null ? null : $"The broker at {_address} does not compress: it was told not to, or has no LZ4 library.";

    internal override long NextTimerMs => _step == Step.Open
        ? Math.Min(_lastSentMs + _heartbeatMs / 2, _lastReceivedMs + 2 * _heartbeatMs)
        : _deadlineMs;

    /// <summary>Room for one frame in what is gathered; empty when there is none.</summary>
    internal Span<byte> Room(int length) => _output.Room(length);

    internal void Gathered(int length) => _output.Add(length);

    internal override Outlet CreateOutlet(Publication publication, PublicationOptions options)
        => new RetainOutlet(publication, this, options.WindowBytes, options.Window);

    internal override void Connect(long nowMs)
    {
        _output.Clear();
        _input.Clear();
        _poller.Clear();
        _output.Compress(null);
        _batches?.Close();
        Volatile.Write(ref _isCompressed, false);
        _takenOfBatch = 0;
        _isInterrupted = false;
        _isDrained = false;
        _deadlineMs = nowMs + (long)_options.ConnectTimeout.TotalMilliseconds;
        if (IPAddress.TryParse(_address.Host, out IPAddress? literal))
        {
            StartConnect(new IPEndPoint(literal, _address.Port));
            return;
        }

        // The name service blocks: not on this thread. Its answer ends a park.
        _step = Step.LookingUp;
        _lookup = Task.Run(() =>
        {
            try
            {
                return _address.Resolve();
            }
            finally
            {
                _wake.Wake();
            }
        });
    }

    internal override int Receive(long nowMs)
    {
        int work = _step switch
        {
            Step.LookingUp => CheckLookup(),
            Step.Connecting => CheckConnect(),
            Step.Greeting or Step.Open => ReceiveFrames(nowMs),
            _ => 0,
        };
        CheckTimers(nowMs);
        return work;
    }

    internal override int Send(long nowMs)
    {
        if (_step != Step.Open || _output.IsEmpty || IsLost)
            return 0;
        int sent = _output.SendTo(_socket!);
        _isFull = !_output.IsEmpty;
        if (sent > 0)
            _lastSentMs = nowMs;
        else if (sent == TcpSocket.Failed)
            LoseSocket();
        return Math.Max(sent, 0);
    }

    internal override void Drop()
    {
        if (_socket != null)
        {
            _poller.Remove(_socket, SocketKey);
            _socket.Dispose();
            _socket = null;
        }

        _lookup = null;
        _step = Step.Idle;
    }

    internal override void Leave()
    {
        const int LeaveMs = 500;
        if (_step == Step.Open && !IsLost)
        {
            long endMs = Environment.TickCount64 + LeaveMs;
            bool isSaid = false;
            while (Environment.TickCount64 < endMs && !(isSaid && _output.IsEmpty) && !IsLost)
            {
                Span<byte> room = isSaid ? default : Room(FrameWriter.MaxControlLength);
                if (!room.IsEmpty)
                {
                    Gathered(FrameWriter.WriteClose(room, ErrorCode.None, "Goodbye."));
                    isSaid = true;
                }

                if (Send(0) == 0)
                    Thread.Yield(); // The broker is slow to take the last bytes: only at the very end, and only for a moment.
            }

            _socket?.EndSending();
        }

        Drop();
    }

    public override void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        Drop();
        _poller.Dispose();
        _batches?.Dispose();
        _wake.Dispose();
    }

    private int CheckLookup()
    {
        if (!_lookup!.IsCompleted)
            return 0;
        if (_lookup.IsCompletedSuccessfully)
            StartConnect(_lookup.Result);
        else
            Lose(ErrorCode.NotConnected, _lookup.Exception!.InnerException!.Message);
        _lookup = null;
        return 1;
    }

    private void StartConnect(IPEndPoint endpoint)
    {
        try
        {
            _socket = TcpSocket.Connect(endpoint, out bool connected);
            _poller.Add(_socket, SocketKey);
            _step = Step.Connecting;
            if (connected)
                Greet();
        }
        catch (SocketException error)
        {
            Lose(Unreachable(error.SocketErrorCode, error));
        }
    }

    private int CheckConnect()
    {
        _poller.Wait(0);
        bool isWritable = false;
        foreach (PollEvent seen in _poller.Events)
            isWritable |= (seen.Readiness & PollReadiness.Writable) != 0;
        _poller.Clear();
        if (!isWritable)
            return 0;
        SocketError result = _socket!.ConnectResult();
        if (result == SocketError.Success)
            Greet();
        else
            Lose(Unreachable(result, null));
        return 1;
    }

    private void Greet()
    {
        _step = Step.Greeting;
        _maxFrameLength = ushort.MaxValue;
        Span<byte> room = Room(FrameWriter.MaxControlLength);
        Gathered(FrameWriter.WriteHello(
            room, (uint)_options.HeartbeatInterval.TotalMilliseconds, Encoding.UTF8.GetBytes(_options.ClientName),
            Encoding.UTF8.GetBytes(_options.VirtualHostOf(_address)), _batches != null ? FrameLayout.CompressionFlag : 0u));
        if (_output.SendTo(_socket!) == TcpSocket.Failed)
            LoseSocket();
    }

    private void CheckTimers(long nowMs)
    {
        if (_step == Step.Idle || IsLost)
            return;
        if (_step != Step.Open)
        {
            if (nowMs >= _deadlineMs)
            {
                Lose(ErrorCode.Timeout, string.Create(CultureInfo.InvariantCulture,
                    $"{_address} did not answer within {_options.ConnectTimeout.TotalMilliseconds} ms. Check that it is a LowLatency broker and that a firewall lets it through."));
            }
        }
        else if (nowMs - _lastReceivedMs >= 2 * _heartbeatMs)
        {
            Lose(ErrorCode.Timeout, string.Create(CultureInfo.InvariantCulture,
                $"{_address} was silent for {nowMs - _lastReceivedMs} ms, two heartbeats of {_heartbeatMs} ms: it is taken for dead."));
        }
        else if (nowMs - _lastSentMs >= _heartbeatMs / 2)
        {
            Span<byte> room = Room(FrameLayout.HeaderLength);
            if (!room.IsEmpty)
                Gathered(FrameWriter.WriteHeartbeat(room));
            _lastSentMs = nowMs; // With bytes waiting the peer hears of us anyway, or never.
        }
    }

    private void LoseSocket()
        => Lose(ErrorCode.NotConnected, $"The connection to {_address} was lost: {new SocketException((int)_socket!.LastError).Message}.");

    private LowLatencyException Unreachable(SocketError error, Exception? cause)
    {
        string message = error == SocketError.ConnectionRefused
            ? $"Nothing listens on {_address}: start a broker there with `lowlatency serve --listen {_address}`."
            : $"{_address} cannot be reached: {new SocketException((int)error).Message}. Check host, port and network.";
        return new LowLatencyException(ErrorCode.NotConnected, message, cause);
    }
}
