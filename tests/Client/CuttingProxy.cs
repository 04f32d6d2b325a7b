using System.Net;
using System.Net.Sockets;

namespace LowLatency.Tests.Client;

/// <summary>Passes bytes between clients and a broker, and cuts each connection after a seeded number of them.</summary>
internal sealed class CuttingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _target;
    private readonly Random _random;
    private readonly int _bytesMax;
    private readonly List<Thread> _threads = [];
    private readonly Lock _gate = new();
    private bool _isDisposed;
    private int _cuts;

    /// <param name="target">Of the broker.</param>
    /// <param name="seed">Decides where it cuts.</param>
    /// <param name="bytesMax">Most bytes of one connection, both ways together.</param>
    internal CuttingProxy(IPEndPoint target, int seed, int bytesMax)
    {
        _target = target;
        _random = new Random(seed);
        _bytesMax = bytesMax;
        _listener.Start();
        Start(AcceptAll);
    }

    internal string Address => $"tcp://{_listener.LocalEndpoint}";

    /// <summary>Cut so far.</summary>
    internal int Cuts => Volatile.Read(ref _cuts);

    /// <summary>No more cuts.</summary>
    internal bool IsCalm { get; set; }

    public void Dispose()
    {
        _isDisposed = true;
        _listener.Dispose();
        Thread[] threads;
        lock (_gate)
            threads = [.. _threads];
        foreach (Thread thread in threads)
            thread.Join(2000);
    }

    private void Start(Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true };
        lock (_gate)
            _threads.Add(thread);
        thread.Start();
    }

    private void AcceptAll()
    {
        while (!_isDisposed)
        {
            try
            {
                Socket client = _listener.AcceptSocket();
                var broker = new Socket(SocketType.Stream, ProtocolType.Tcp);
                broker.Connect(_target);
                long budget = _random.Next(_bytesMax);
                bool isHard = _random.Next(2) == 0;
                long passed = 0;
                Action<int> pass = count =>
                {
                    if (Interlocked.Add(ref passed, count) <= budget || IsCalm)
                        return;
                    Interlocked.Increment(ref _cuts);
                    if (isHard)
                        client.LingerState = broker.LingerState = new LingerOption(true, 0); // With a reset, which loses what is under way.
                    client.Dispose();
                    broker.Dispose();
                };
                Start(() => Pump(client, broker, pass));
                Start(() => Pump(broker, client, pass));
            }
            catch (SocketException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Pump(Socket from, Socket to, Action<int> pass)
    {
        byte[] buffer = new byte[8192];
        try
        {
            from.ReceiveTimeout = 100;
            while (!_isDisposed)
            {
                int count;
                try
                {
                    count = from.Receive(buffer);
                }
                catch (SocketException error) when (error.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
                {
                    continue;
                }

                if (count == 0)
                    break;
                to.Send(buffer, count, SocketFlags.None);
                pass(count);
            }
        }
        catch (SocketException)
        {
        }
        catch (ObjectDisposedException)
        {
        }

        from.Dispose();
        to.Dispose();
    }
}
