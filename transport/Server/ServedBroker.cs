using LowLatency.Core.Agents;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Transport.Server;

/// <summary>What a transport agent needs of the broker that it serves.</summary>
internal sealed record ServedBroker
{
    /// <summary>Where commands go.</summary>
    internal required MpscByteRing Ingress { get; init; }

    /// <summary>Wakes the engine's thread after commands were written; null when it is the agent's own thread.</summary>
    internal WakeSignal? EngineWake { get; init; }

    /// <summary>Where the events of the agent's sessions come from. Known to the engine; the agent is its only consumer.</summary>
    internal required EgressPort Port { get; init; }

    internal required SessionIds SessionIds { get; init; }

    /// <summary>Of the agent's thread.</summary>
    internal required MessageReader Reader { get; init; }

    internal required BrokerLimits Limits { get; init; }

    /// <summary>Rises with each start of the broker.</summary>
    internal uint Epoch { get; init; }

    /// <summary>Identity of the broker's data.</summary>
    internal ulong BrokerId { get; init; }

    /// <summary>What batches are compressed with; null when no connection is granted any.</summary>
    internal Lz4? Lz4 { get; init; }

    /// <summary>Told about what an operator may want to know, in a sentence, once per occasion. On the agent's thread.</summary>
    internal Action<string>? OnNotice { get; init; }
}
