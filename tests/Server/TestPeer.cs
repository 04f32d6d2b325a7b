using System.Buffers;
using System.Net;
using LowLatency.Core.Engine;
using LowLatency.Tests.Wire;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Tests.Server;

/// <summary>A client made of a bare socket: sends the bytes that a test wants and keeps the frames that come.</summary>
internal sealed class TestPeer : IDisposable, IFrameSink
{
    private readonly TcpSocket _socket;
    private readonly ReceiveBuffer _input = new(FrameReceiver.Client, 16 * 1024 * 1024);
    private readonly byte[] _chunk = new byte[64 * 1024];
    private readonly byte[] _frame = new byte[FrameWriter.MaxControlLength];
    private readonly List<byte> _unsent = [];
    private BatchOpener? _batches;
    private uint _request;

    internal TestPeer(IPEndPoint endpoint, int receiveBufferLength = 0)
    {
        System.Net.Sockets.Socket socket = new(endpoint.AddressFamily, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        if (receiveBufferLength > 0)
            socket.ReceiveBufferSize = receiveBufferLength;
        socket.Connect(endpoint);
        _socket = new TcpSocket(socket);
    }

    internal List<ReceivedFrame> Frames { get; } = [];

    /// <summary>The server has ended its stream, or reset it.</summary>
    internal bool IsEnded { get; private set; }

    internal FrameError Error { get; private set; }

    /// <summary>Deliveries counted without keeping them.</summary>
    internal long DeliveredCount { get; private set; }

    /// <summary>Batches received, and opened.</summary>
    internal int BatchCount { get; private set; }

    /// <summary>Bytes received.</summary>
    internal long ReceivedLength { get; private set; }

    internal bool KeepsDeliveries { get; set; } = true;

    internal bool IsReading { get; set; } = true;

    internal int UnsentLength => _unsent.Count;

    /// <summary>For tests that count.</summary>
    internal int Published { get; set; }

    internal System.Net.Sockets.Socket Socket => _socket.Socket;

    /// <summary>Sends, or keeps what the socket does not take for the next pump.</summary>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        _unsent.AddRange(bytes);
        Flush();
    }

    internal void SendHello(uint heartbeatMs = 0, string virtualHost = "/", bool compress = false)
    {
        uint flags = compress ? FrameLayout.CompressionFlag : 0u;
        if (compress)
            _batches = new BatchOpener(FrameReceiver.Client, isAgreed: true, 16 * 1024 * 1024);
        Send(_frame.AsSpan(0, FrameWriter.WriteHello(_frame, heartbeatMs, "test"u8, System.Text.Encoding.UTF8.GetBytes(virtualHost), flags)));
    }

    internal uint SendDeclareQueue(string queue, ulong maxLength = 0)
    {
        Send(_frame.AsSpan(0, TestFrames.WriteDeclareQueue(_frame, ++_request, QueueFlags.None, maxLength, System.Text.Encoding.UTF8.GetBytes(queue))));
        return _request;
    }

    internal uint SendSubscribe(string queue, uint credit)
    {
        Send(_frame.AsSpan(0, TestFrames.WriteSubscribe(_frame, ++_request, credit, FrameLayout.NoByteLimit, System.Text.Encoding.UTF8.GetBytes(queue))));
        return _request;
    }

    internal uint SendOpenPublication(string routingKey, uint window = 65_536)
    {
        Send(_frame.AsSpan(0, TestFrames.WriteOpenPublication(
            _frame, ++_request, window, DurabilityLevel.Memory, PublicationFlags.Mandatory, ""u8, ""u8, System.Text.Encoding.UTF8.GetBytes(routingKey))));
        return _request;
    }

    internal void SendPublish(uint publication, ulong sequence, ReadOnlySpan<byte> body)
    {
        int length = FrameWriter.PublishLength(0, 0, body.Length);
        byte[] frame = ArrayPool<byte>.Shared.Rent(length);
        FrameWriter.WritePublish(frame, publication, sequence, 0, body);
        Send(frame.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(frame);
    }

    internal void SendAck(uint subscription, ulong upTo, uint credit)
        => Send(_frame.AsSpan(0, FrameWriter.WriteSettle(_frame, subscription, SettleKind.Ack, 0, upTo, credit, 0)));

    internal void SendHeartbeat() => Send(_frame.AsSpan(0, FrameWriter.WriteHeartbeat(_frame)));

    internal void SendClose() => Send(_frame.AsSpan(0, FrameWriter.WriteClose(_frame, ErrorCode.None, "")));

    /// <summary>Moves bytes in both directions, once.</summary>
    internal void Pump()
    {
        Flush();
        if (!IsReading || IsEnded || !Error.IsNone)
            return;
        int received = _socket.Receive(_chunk);
        if (received is 0 or TcpSocket.Failed)
            IsEnded = true;
        if (received <= 0)
            return;
        ReceivedLength += received;
        TestPeer sink = this;
        _input.Feed(_chunk.AsSpan(0, received), ref sink, out FrameError error);
        Error = error;
    }

    public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
    {
        if (type == FrameType.Batch && _batches != null)
        {
            BatchCount++;
            TestPeer sink = this;
            bool isTaken = _batches.Take(frame, ref sink, out FrameError error);
            Xunit.Assert.True(isTaken, error.ToString());
            return isTaken;
        }

        if (type == FrameType.Deliver)
            DeliveredCount++;
        if (type != FrameType.Deliver || KeepsDeliveries)
            Frames.Add(new ReceivedFrame(type, frame.ToArray()));
        return true;
    }

    internal int Count(FrameType type) => Frames.Count(frame => frame.Type == type);

    internal ReceivedFrame? First(FrameType type) => Frames.Find(frame => frame.Type == type);

    /// <summary>Ends the connection with a reset.</summary>
    internal void Reset()
    {
        _socket.Socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        _socket.Dispose();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _input.Dispose();
        _batches?.Dispose();
    }

    private void Flush()
    {
        if (_unsent.Count == 0)
            return;
        int sent = _socket.Send(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_unsent));
        if (sent > 0)
            _unsent.RemoveRange(0, sent);
        else if (sent == TcpSocket.Failed)
            _unsent.Clear();
    }
}
