using LowLatency.Core.Agents;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Server;

/// <summary>How a broker with its doors is set up.</summary>
public sealed record ServerOptions
{
    /// <summary>Address that a broker listens on unless told otherwise: this machine's clients only.</summary>
    public const string DefaultAddress = "tcp://127.0.0.1:7400";

    /// <summary>Journal and limits.</summary>
    public BrokerOptions Broker { get; init; } = new();

    /// <summary>Addresses to listen on, <c>tcp://host:port</c>. Port 0: the system chooses. Empty: in-process clients only.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [DefaultAddress];

    /// <summary>Name under which <c>inproc://name</c> reaches the broker from within this process; null for none.</summary>
    public string? InprocName { get; init; }

    /// <summary>How transport and engine are given to threads.</summary>
    public ThreadingMode Threading { get; init; } = ThreadingMode.Shared;

    /// <summary>What those threads do when there is nothing to do.</summary>
    public IdleMode Idle { get; init; } = IdleMode.Adaptive;

    /// <summary>Grant compressed batches (LZ4) to clients that ask for them, where the machine has the library.</summary>
    public bool Compression { get; init; } = true;

    /// <summary>Name or path of the library; null for the usual one.</summary>
    internal string? CompressionLibrary { get; init; }

    /// <summary>Makes an agent that runs after the engine on its thread, to watch it; null for none.</summary>
    internal Func<BrokerCore, IAgent>? Companion { get; init; }

    /// <summary>Processors that the hot threads are held on: one for the shared thread, or one each for network and engine. Empty: any.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [];

    /// <summary>Told about what an operator may want to know, in sentences. From any thread of the broker; must not block.</summary>
    public Action<string>? OnNotice { get; init; }

    /// <summary>Settings of <see cref="IdleMode.Adaptive"/>; null for their defaults.</summary>
    internal AdaptiveIdle? Adaptive { get; init; }
}
