using System.Net;
using System.Net.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>A listener that the test plays the broker on, frame by frame.</summary>
internal sealed class FakeBroker : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<FakeSession> _sessions = [];

    internal FakeBroker() => _listener.Start();

    internal string Address => $"tcp://{_listener.LocalEndpoint}";

    internal bool HasCaller => _listener.Pending();

    /// <summary>Waits for a client.</summary>
    internal FakeSession Accept()
    {
        Eventually.True(_listener.Pending, "a client connects");
        var session = new FakeSession(_listener.AcceptSocket());
        _sessions.Add(session);
        return session;
    }

    /// <summary>Waits for a client and lets it in.</summary>
    internal FakeSession AcceptAndWelcome(uint heartbeatMs = 10_000, ushort flags = 0)
    {
        FakeSession session = Accept();
        session.Read(FrameType.Hello);
        session.Welcome(heartbeatMs, flags);
        return session;
    }

    public void Dispose()
    {
        foreach (FakeSession session in _sessions)
            session.Dispose();
        _listener.Dispose();
    }
}

/// <summary>One connection of a <see cref="FakeBroker"/>.</summary>
internal sealed class FakeSession : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[1 << 20];

    internal FakeSession(Socket socket)
    {
        _socket = socket;
        socket.NoDelay = true;
        socket.ReceiveTimeout = Eventually.DeadlineMs;
    }

    internal static WelcomeFrame DefaultWelcome => new()
    {
        HeartbeatMs = 10_000, MaxFrameLength = 200_000, MaxBodyLength = 100_000, MaxWindow = 65_536, MaxCreditMessages = 65_536, Epoch = 1, BrokerId = 7,
    };

    internal void Welcome(uint heartbeatMs = 10_000, ushort flags = 0)
        => Send(buffer => FrameWriter.WriteWelcome(buffer, DefaultWelcome with { HeartbeatMs = heartbeatMs, Flags = flags }, "fake"u8));

    internal void Send(Func<byte[], int> write)
    {
        byte[] buffer = new byte[1 << 18];
        Send(buffer.AsSpan(0, write(buffer)));
    }

    internal void Send(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    /// <summary>The next frame, which has to be of this type; heartbeats are passed over.</summary>
    internal byte[] Read(FrameType type)
    {
        while (true)
        {
            byte[] frame = Read() ?? throw new InvalidOperationException($"The client closed instead of sending {type}.");
            if ((FrameType)frame[4] == FrameType.Heartbeat && type != FrameType.Heartbeat)
                continue;
            Assert.Equal(type, (FrameType)frame[4]);
            return frame;
        }
    }

    /// <summary>The next frame, or null when the client has closed.</summary>
    internal byte[]? Read()
    {
        if (!Fill(0, FrameLayout.HeaderLength))
            return null;
        int length = (int)BitConverter.ToUInt32(_buffer);
        if (!Fill(FrameLayout.HeaderLength, FrameLayout.PaddedLength(length)))
            return null;
        return _buffer[..length];
    }

    /// <summary>Whether bytes come within that time.</summary>
    internal bool HasMore(int waitMs) => _socket.Poll(waitMs * 1000, SelectMode.SelectRead);

    /// <summary>Reads until the client has closed.</summary>
    internal void ReadToEnd()
    {
        long deadline = Environment.TickCount64 + Eventually.DeadlineMs;
        while (Read() != null)
            Assert.True(Environment.TickCount64 < deadline, "the client closes");
    }

    private bool Fill(int from, int to)
    {
        while (from < to)
        {
            int count;
            try
            {
                count = _socket.Receive(_buffer, from, to - from, SocketFlags.None);
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
            {
                return false;
            }

            if (count == 0)
                return false;
            from += count;
        }

        return true;
    }

    public void Dispose() => _socket.Dispose();
}
