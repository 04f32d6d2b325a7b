using System.Net;
using System.Net.Sockets;
using LowLatency.Core.Metrics;

namespace LowLatency.Server.Demo;

/// <summary>The floor of this machine: 128 bytes over TCP loopback and back, between two threads, with nothing in between.</summary>
/// <remarks>A publish that is delivered over TCP crosses the loopback twice, as a round trip does: no broker can be faster.</remarks>
internal static class PingPong
{
    private const int Length = 128;
    private const int WarmUpRounds = 200;
    private const int LooksBeforeYield = 500;

    /// <summary>On a machine that is busy with other things, as long as it takes for a median that means something; within reason.</summary>
    private const int FewestRounds = 200;
    private const long LongestNs = 3_000_000_000;

    /// <summary>Measures round trips for a while.</summary>
    /// <param name="spin">True: both ends poll without waiting. False: both block in the kernel.</param>
    /// <param name="duration">How long.</param>
    /// <returns>Round trips in nanoseconds.</returns>
    internal static Histogram Measure(bool spin, TimeSpan duration)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(listener.LocalEndPoint!);
        using Socket far = listener.Accept();
        near.NoDelay = far.NoDelay = true;
        near.Blocking = far.Blocking = !spin;
        var echo = new Thread(() => Echo(far)) { IsBackground = true, Name = "ping-pong" };
        echo.Start();
        Histogram times = Ping(near, duration);
        near.Shutdown(SocketShutdown.Both);
        echo.Join();
        return times;
    }

    private static Histogram Ping(Socket socket, TimeSpan duration)
    {
        var times = new Histogram();
        byte[] buffer = new byte[Length];
        long begin = MonotonicClock.NowNs;
        long end = begin + (long)duration.TotalNanoseconds;
        long start;
        for (int round = 0; (start = MonotonicClock.NowNs) < end || (times.Count < FewestRounds && start < begin + LongestNs); round++)
        {
            if (!SendAll(socket, buffer) || !ReceiveAll(socket, buffer))
                break;
            if (round >= WarmUpRounds)
                times.Record(MonotonicClock.NowNs - start);
        }
        return times;
    }

    private static void Echo(Socket socket)
    {
        byte[] buffer = new byte[Length];
        while (ReceiveAll(socket, buffer) && SendAll(socket, buffer))
        {
        }
    }

    private static bool ReceiveAll(Socket socket, Span<byte> buffer)
    {
        int looks = 0;
        while (!buffer.IsEmpty)
        {
            int received = socket.Receive(buffer, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                // Far longer than any round trip: the other end has no processor to run on.
                if (++looks % LooksBeforeYield == 0)
                    Thread.Yield();
                continue;
            }
            if (error != SocketError.Success || received == 0)
                return false;
            buffer = buffer[received..];
        }
        return true;
    }

    private static bool SendAll(Socket socket, ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int sent = socket.Send(buffer, SocketFlags.None, out SocketError error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                return false;
            buffer = buffer[sent..];
        }
        return true;
    }
}
