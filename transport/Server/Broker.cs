using System.Diagnostics;
using System.Net;
using LowLatency.Core.Agents;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>A whole broker: journal, engine, listeners and their threads. Open, start, stop, dispose.</summary>
/// <remarks>All calls from one owner thread, except the properties.</remarks>
public sealed class Broker : IDisposable
{
    private static readonly TimeSpan DisposeTimeout = TimeSpan.FromSeconds(5);

    private readonly ServerOptions _options;
    private readonly CancellationTokenSource _stopping = new();
    private readonly WakeSignal _engineWake;
    private readonly WakeSignal _transportWake;
    private readonly TransportAgent? _transport;
    private readonly EgressPort? _port;
    private readonly MessageReader? _reader;
    private readonly AgentRunner[] _runners;
    private Exception? _error;
    private bool _started;
    private bool _stopped;
    private bool _disposed;

    private Broker(ServerOptions options, TcpAcceptor[] acceptors)
    {
        _options = options;
        bool isShared = options.Threading == ThreadingMode.Shared;
        Poller? poller = acceptors.Length > 0 ? Poller.Create() : null;
        _transportWake = poller != null ? new PollerWakeSignal(poller) : new ThreadWakeSignal();
        _engineWake = isShared ? _transportWake : new ThreadWakeSignal();
        try
        {
            Core = BrokerCore.Open(options.Broker, _engineWake);
        }
        catch
        {
            poller?.Dispose();
            throw;
        }

        if (poller != null)
        {
            _port = new EgressPort(Core.Limits.EgressCapacity, isShared ? null : _transportWake, alwaysDrained: true);
            Core.Ports.Add(_port);
            _reader = Core.CreateReader();
            _transport = new TransportAgent(DescribeBroker(isShared, _port, _reader), poller, new SystemClock(), acceptors);
        }

        _runners = CreateRunners();
        Endpoints = Array.ConvertAll(acceptors, acceptor => acceptor.Endpoint);
    }

    /// <summary>The addresses that the broker listens on, with the ports that the system chose.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints { get; }

    /// <summary>The same as addresses for clients.</summary>
    public IReadOnlyList<string> Addresses => Endpoints.Select(endpoint => TransportAddress.From(endpoint).ToString()).ToArray();

    /// <summary>What was found in the data folder, in a few lines; empty without one.</summary>
    public string RecoveryText => Core.Recovery == null ? "" : RecoverySummary.Describe(Core.Recovery, Core.RecoveredMessages);

    /// <summary>Why the broker no longer works, or null. Stop and dispose it then. Any thread.</summary>
    public Exception? Error => Volatile.Read(ref _error) ?? Core.BackgroundError;

    /// <summary>Connections over the network. Any thread.</summary>
    public int ConnectionCount => _transport?.ConnectionCount ?? 0;

    /// <summary>What compression spared: bytes of batches that clients sent, and of all that was sent to those that asked for them. When the broker has stopped.</summary>
    internal (ByteCounts Opened, ByteCounts Sent) BatchCounts => _transport?.BatchCounts ?? default;

    internal BrokerCore Core { get; }

    /// <summary>Binds the listeners, opens the journal and recovers. Nothing runs yet; clients that connect wait.</summary>
    /// <exception cref="TransportException">An address cannot be listened on, or the in-process name is taken.</exception>
    public static Broker Open(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        TcpAcceptor[] acceptors = Listen(options.Listen);
        Broker broker;
        try
        {
            broker = new Broker(options, acceptors);
        }
        catch
        {
            foreach (TcpAcceptor acceptor in acceptors)
                acceptor.Dispose();
            throw;
        }

        if (options.InprocName == null || InprocRegistry.TryAdd(options.InprocName, broker.Core, broker._stopping.Token))
            return broker;
        broker.ReleaseAll();
        throw new TransportException($"A broker is open as inproc://{options.InprocName} in this process: choose another name.");
    }

    /// <summary>Starts the threads: clients are served.</summary>
    public void Start()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_started)
            throw new InvalidOperationException("The broker was started before.");
        _started = true;
        foreach (AgentRunner runner in _runners)
            runner.Start();
    }

    /// <summary>Ends in good order: accepts nobody, carries out and flushes what was sent, says goodbye, ends the threads. Idempotent.</summary>
    /// <param name="timeout">Longest time to wait for clients and disk.</param>
    /// <returns>Whether all of that was done in time. What was confirmed is kept either way.</returns>
    public bool Stop(TimeSpan timeout)
    {
        if (_stopped)
            return true;
        _stopped = true;
        if (_options.InprocName != null)
            InprocRegistry.Remove(_options.InprocName);
        _stopping.Cancel();
        bool isClean = !_started || Drain(timeout);
        foreach (AgentRunner runner in _runners)
            isClean &= runner.Stop();
        return isClean;
    }

    /// <summary>Stops, if nobody has, writes the closing marker and gives everything back.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        Stop(DisposeTimeout);
        ReleaseAll();
    }

    private static TcpAcceptor[] Listen(IReadOnlyList<string> addresses)
    {
        TcpAcceptor[] acceptors = new TcpAcceptor[addresses.Count];
        for (int i = 0; i < acceptors.Length; i++)
        {
            try
            {
                acceptors[i] = TcpAcceptor.Listen(TransportAddress.Parse(addresses[i]));
            }
            catch
            {
                for (int bound = 0; bound < i; bound++)
                    acceptors[bound].Dispose();
                throw;
            }
        }

        return acceptors;
    }

    private ServedBroker DescribeBroker(bool isShared, EgressPort port, MessageReader reader) => new()
    {
        Ingress = Core.Ingress,
        EngineWake = isShared ? null : _engineWake,
        Port = port,
        SessionIds = Core.SessionIds,
        Reader = reader,
        Limits = Core.Limits,
        Epoch = Core.Epoch,
        BrokerId = Core.BrokerId,
        Lz4 = LoadCompression(),
        OnNotice = _options.OnNotice,
    };

    // Without it everything else works, so this is no reason not to start.
    private Lz4? LoadCompression()
    {
        if (!_options.Compression)
            return null;
        if (!Lz4.TryLoad(_options.CompressionLibrary, out Lz4? lz4, out string? problem))
            _options.OnNotice?.Invoke($"{problem} Nothing is compressed.");
        return lz4;
    }

    private AgentRunner[] CreateRunners()
    {
        IAgent agent = _options.Companion == null
            ? Core.EngineAgent
            : new CompositeAgent(Core.EngineAgent.Name, Core.EngineAgent, _options.Companion(Core));
        (IAgent, WakeSignal) engine = (agent, _engineWake);
        return _transport == null
            ? AgentThreads.CreateRunners(ThreadingMode.Shared, [engine], _options.Idle, OnAgentError, _options.Adaptive, _options.Processors)
            : AgentThreads.CreateRunners(_options.Threading, [(_transport, _transportWake), engine], _options.Idle, OnAgentError, _options.Adaptive, _options.Processors);
    }

    private void OnAgentError(string agent, Exception error)
    {
        Interlocked.CompareExchange(ref _error, error, null);
        _options.OnNotice?.Invoke($"The {agent} thread stopped: {error.Message} The broker must be restarted.");
    }

    private bool Drain(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        _transport?.StopAccepting();
        Core.BeginShutdown();
        _transportWake.Wake();

        // Busy clients keep the engine from being done; they get half of the time to see that it rejects what they publish.
        bool isDrained = WaitUntil(() => Core.IsDrained, start, timeout / 2);
        _transport?.CloseConnections();
        _transportWake.Wake();
        bool isClosed = WaitUntil(() => ConnectionCount == 0 && HasNoClients(), start, timeout);
        return (isDrained || WaitUntil(() => Core.IsDrained, start, timeout)) && isClosed;
    }

    private bool WaitUntil(Func<bool> condition, long start, TimeSpan timeout)
    {
        while (!condition())
        {
            if (Error != null || Stopwatch.GetElapsedTime(start) >= timeout)
                return condition();
            Thread.Sleep(1);
        }

        return true;
    }

    // No in-process client has a port any more.
    private bool HasNoClients()
    {
        foreach (EgressPort? port in Core.Ports.All)
        {
            if (port != null && port != _port)
                return false;
        }

        return true;
    }

    private void ReleaseAll()
    {
        _disposed = true;
        foreach (AgentRunner runner in _runners)
        {
            if (runner.IsRunning)
            {
                // Its thread may still use all that memory.
                _options.OnNotice?.Invoke("A thread of the broker did not stop: its memory is not given back and the journal is left as after a crash.");
                return;
            }
        }

        if (!_started)
            _transport?.OnClose();
        _transport?.Dispose();
        if (_port != null)
            Core.Ports.Remove(_port);
        _reader?.Dispose();
        if (!HasNoClients())
        {
            _options.OnNotice?.Invoke("In-process clients still use the broker: its memory is not given back and the journal is left as after a crash. Dispose of them first.");
            return;
        }

        Core.Dispose();
        _port?.Dispose();
        _transportWake.Dispose();
        if (_engineWake != _transportWake)
            _engineWake.Dispose();
        _stopping.Dispose();
    }
}
