using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

/// <summary>A connection or in-process client as the engine sees it. Engine thread only.</summary>
internal sealed class Session(int id, EgressPort port)
{
    internal int Id { get; } = id;

    internal EgressPort Port { get; } = port;

    /// <summary>Broke a rule: its further commands are ignored until it is closed.</summary>
    internal bool IsFaulted { get; set; }

    /// <summary>An event for it found no room: it gets no other, and is ended with the batch.</summary>
    internal bool IsOverrun { get; set; }

    internal HandleTable<EnginePublication> Publications { get; } = new();

    internal HandleTable<Consumer> Consumers { get; } = new();
}
