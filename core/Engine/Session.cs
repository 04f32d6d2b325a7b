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

    /// <summary>Random: names that the broker makes for it come from here.</summary>
    internal ulong Nonce { get; init; }

    /// <summary>Another one for each name that is made.</summary>
    internal ulong NextNameNumber { get; set; }

    /// <summary>For sentences.</summary>
    internal string ClientName { get; init; } = "";

    /// <summary>Most unsettled messages of all its subscriptions; 0 for no limit.</summary>
    internal uint MaxUnacked { get; set; }

    /// <summary>Messages that were delivered to it and are not settled.</summary>
    internal long UnackedCount { get; set; }

    internal bool IsAtMaxUnacked => MaxUnacked != 0 && UnackedCount >= MaxUnacked;

    internal HandleTable<EnginePublication> Publications { get; } = new();

    internal HandleTable<Consumer> Consumers { get; } = new();
}
