using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

/// <summary>A connection or in-process client as the engine sees it. Engine thread only.</summary>
internal sealed class Session
{
    private List<BrokerQueue>? _ownedQueues;

    /// <param name="connection">Session of the connection that it belongs to; null when it is one itself.</param>
    internal Session(int id, EgressPort port, VirtualHost host, Session? connection = null)
    {
        Id = id;
        Port = port;
        Host = host;
        Connection = connection ?? this;
    }

    internal int Id { get; }

    internal EgressPort Port { get; }

    internal VirtualHost Host { get; }

    /// <summary>Owns what is exclusive.</summary>
    internal Session Connection { get; }

    /// <summary>Counts among the connections of its virtual host.</summary>
    internal bool IsCounted { get; set; }

    /// <summary>Names that cannot be guessed are made from it.</summary>
    internal ulong Nonce { get; init; }

    /// <summary>Another one for each name that is made.</summary>
    internal ulong NextNameNumber { get; set; }

    /// <summary>Exclusive queues of this connection.</summary>
    internal List<BrokerQueue> OwnedQueues => _ownedQueues ??= [];

    internal bool HasOwnedQueues => _ownedQueues is { Count: > 0 };

    /// <summary>Broke a rule: its further commands are ignored until it is closed.</summary>
    internal bool IsFaulted { get; set; }

    /// <summary>An event for it found no room: it gets no other, and is ended with the batch.</summary>
    internal bool IsOverrun { get; set; }

    /// <summary>For sentences.</summary>
    internal string ClientName { get; init; } = "";

    /// <summary>Most unsettled messages of all its subscriptions; 0 for no limit.</summary>
    internal uint MaxUnacked { get; set; }

    /// <summary>Messages that were delivered to it and are not settled.</summary>
    internal long UnackedCount { get; set; }

    internal bool IsAtMaxUnacked => MaxUnacked != 0 && UnackedCount >= MaxUnacked;

    /// <summary>What was marked as part of its transaction; null before the first.</summary>
    internal Transaction? Transaction { get; set; }

    internal HandleTable<EnginePublication> Publications { get; } = new();

    internal HandleTable<Consumer> Consumers { get; } = new();
}
