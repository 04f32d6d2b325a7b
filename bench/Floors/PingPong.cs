using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>Raw TCP round trips over loopback between two processes: what no broker on the machine can beat.</summary>
/// <remarks>
/// A publish and its delivery cross the loopback twice, as a round trip does. Both ends do nothing but <c>recv</c> and
/// <c>send</c>: spinning on a non-blocking socket, as a polled broker does, or blocking in <c>recv</c>, as an idle one.
/// </remarks>
internal static unsafe class PingPong
{
    /// <summary>Client's side: measures round trips for a while, after a warm-up that is not counted.</summary>
    /// <param name="length">Bytes in each direction, 1 or more.</param>
    /// <param name="spin">Spin on both ends instead of blocking.</param>
    /// <param name="seconds">How long to measure.</param>
    /// <param name="results">Takes round-trip times in nanoseconds; with a rate, from the moment when each was due.</param>
    /// <param name="rate">Round trips a second, on a schedule that does not wait for late ones, as an open-loop workload; 0: one after the other.
    /// What the machine itself does to a tail shows only on a schedule: a stall of 4 ms is one slow round trip in a row, but forty late ones
    /// of 10,000 a second.</param>
    internal static void Measure(int length, bool spin, double seconds, Histogram results, int rate = 0)
    {
        using EchoProcess echo = EchoProcess.Start(length, spin);
        using PinnedThread pin = PinnedThread.ForClient(spin);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, echo.Port);
        int handle = (int)socket.Handle;
        byte* buffer = (byte*)NativeMemory.AllocZeroed((nuint)length);
        try
        {
            // The warm-up lets both processes' code reach its last tier and the cores their speed.
            RunFor(Math.Min(seconds, 0.5), null);
            RunFor(seconds, results);
        }
        finally
        {
            NativeMemory.Free(buffer);
        }

        void RunFor(double duration, Histogram? into)
        {
            long start = MonotonicClock.NowNs;
            long end = start + (long)(duration * 1e9);
            double intervalNs = rate == 0 ? 0 : 1e9 / rate;
            double due = start;
            while (start < end)
            {
                if (rate != 0)
                {
                    due += intervalNs;
                    start = (long)due;
                    while (MonotonicClock.NowNs < start)
                    {
                        if (!spin)
                            _ = Libc.Yield();
                    }
                }
                if (!SendAll(handle, buffer, length, spin) || !ReceiveAll(handle, buffer, length, spin))
                    throw new IOException("the echo process closed the connection");
                long now = MonotonicClock.NowNs;
                into?.Record(now - start);
                start = now;
            }
        }
    }

    /// <summary>Server's side: accepts one connection, says its port on standard output, echoes until the client closes.</summary>
    internal static void Echo(int length, bool spin)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        Console.Out.WriteLine(((IPEndPoint)listener.LocalEndPoint!).Port);
        Console.Out.Flush();
        using Socket socket = listener.Accept();
        using PinnedThread pin = PinnedThread.ForEcho(spin);
        socket.NoDelay = true;
        int handle = (int)socket.Handle;
        byte* buffer = (byte*)NativeMemory.AllocZeroed((nuint)length);
        while (ReceiveAll(handle, buffer, length, spin) && SendAll(handle, buffer, length, spin))
        {
        }
        NativeMemory.Free(buffer);
    }

    private static bool ReceiveAll(int handle, byte* buffer, int length, bool spin)
    {
        int flags = spin ? Libc.DontWait : 0;
        int received = 0;
        while (received < length)
        {
            nint result = Libc.Receive(handle, buffer + received, length - received, flags);
            if (result > 0)
                received += (int)result;
            else if (result == 0 || !ShouldRetry())
                return false;
        }
        return true;
    }

    private static bool SendAll(int handle, byte* buffer, int length, bool spin)
    {
        int flags = spin ? Libc.DontWait : 0;
        int sent = 0;
        while (sent < length)
        {
            nint result = Libc.Send(handle, buffer + sent, length - sent, flags);
            if (result >= 0)
                sent += (int)result;
            else if (!ShouldRetry())
                return false;
        }
        return true;
    }

    private static bool ShouldRetry() => Marshal.GetLastPInvokeError() is Libc.TryAgain or Libc.Interrupted;
}
