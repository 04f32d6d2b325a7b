using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

/// <summary>A publication as the engine sees it: where a session's messages of one kind go, and what it must still be told. Engine thread only.</summary>
internal sealed class EnginePublication(Session session, uint handle, Exchange? exchange, byte[] routingKey)
{
    internal Session Session { get; } = session;

    internal VirtualHost Host { get; } = session.Host;

    internal uint Handle { get; } = handle;

    /// <summary>Null for the default exchange.</summary>
    internal Exchange? Exchange { get; } = exchange;

    internal byte[] RoutingKey { get; } = routingKey;

    /// <summary>Null when it has no name: resends are not recognised.</summary>
    internal Publisher? Publisher { get; init; }

    internal DurabilityLevel Level { get; init; }

    internal bool IsMandatory { get; init; }

    /// <summary>Most messages that may wait for their confirm.</summary>
    internal uint Window { get; init; }

    /// <summary>Messages that wait for their confirm.</summary>
    internal uint Outstanding { get; set; }

    /// <summary>Sequence of the last message that came; 0 before the first.</summary>
    internal ulong LastReceived { get; set; }

    internal PendingConfirms Pending { get; } = new();

    /// <summary>How many hold its confirms back: queues beyond their bounds, and the disk.</summary>
    internal int Blocks { get; set; }

    /// <summary>Confirms from this sequence on are held back; <see cref="ulong.MaxValue"/>: none.</summary>
    internal ulong BlockedFrom { get; set; } = ulong.MaxValue;

    /// <summary>The next message is the first whose confirm is held back.</summary>
    internal bool BeginsBlocked { get; set; }

    /// <summary>Why it is held back, null for the disk: it was told of the first, and is told of the next when that is over.</summary>
    internal List<BrokerQueue?> BlockReasons { get; } = [];

    /// <summary>Since when the first of them was so, Unix time in nanoseconds.</summary>
    internal long BlockedSinceNs { get; set; }

    /// <summary>In the engine's list of publications that may have something to be told.</summary>
    internal bool IsScheduled { get; set; }

    /// <summary>In the list of those looked at when the durable position has moved.</summary>
    internal bool WaitsForDisk { get; set; }

    /// <summary>The broker closed it: what still comes is ignored until the client closes it too.</summary>
    internal bool IsEnded { get; set; }

    private BrokerQueue[] _route = [];
    private int _routeCount;

    /// <summary>Queues for <see cref="RoutingKey"/>, true while <see cref="RouteVersion"/> is the virtual host's.</summary>
    internal ReadOnlySpan<BrokerQueue> Route => _route.AsSpan(0, _routeCount);

    internal long RouteVersion { get; private set; }

    /// <summary>Routes of messages that bring their own keys; null before the first.</summary>
    internal RouteCache? KeyRoutes { get; set; }

    internal void SetRoute(ReadOnlySpan<BrokerQueue> queues, long version)
    {
        if (_route.Length < queues.Length)
            _route = new BrokerQueue[queues.Length];
        queues.CopyTo(_route);
        _route.AsSpan(queues.Length).Clear(); // A queue that was deleted is not held on to.
        _routeCount = queues.Length;
        RouteVersion = version;
    }
}
