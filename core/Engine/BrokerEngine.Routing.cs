using System.Runtime.CompilerServices;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Where a message goes: a publication's own key by one comparison, other keys from the cache, the rest by a walk.
internal sealed unsafe partial class BrokerEngine
{
    private readonly Router _router = new();
    private readonly RouteSet _route = new();

    /// <summary>Queues of a message. Does not allocate, save when the topology has changed.</summary>
    /// <param name="key">The message's own key; empty for the publication's.</param>
    /// <param name="headers">Content header; empty for none.</param>
    /// <returns>Valid until the next message of this publication, or the next call; more than a message can have: see <see cref="RouteSet.MaxCount"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<BrokerQueue> RouteOf(EnginePublication publication, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
    {
        if (key.Length > 0)
            return RouteOfKey(publication, key, headers);
        return publication.RouteVersion == publication.Host.RouteVersion ? publication.Route : Reroute(publication, headers);
    }

    private ReadOnlySpan<BrokerQueue> Reroute(EnginePublication publication, ReadOnlySpan<byte> headers)
    {
        _router.Route(publication.Host, publication.Exchange, publication.RoutingKey, headers, _route);
        if (_route.DependsOnHeaders || _route.IsTooLarge)
            return _route.Queues;
        publication.SetRoute(_route.Queues, publication.Host.RouteVersion);
        return publication.Route;
    }

    private ReadOnlySpan<BrokerQueue> RouteOfKey(EnginePublication publication, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
    {
        // The default exchange is one look-up anyway.
        RouteCache? cache = publication.Exchange == null ? null : publication.KeyRoutes ??= new RouteCache();
        if (cache != null && cache.TryGet(key, publication.Host.RouteVersion, out ReadOnlySpan<BrokerQueue> cached))
            return cached;
        _router.Route(publication.Host, publication.Exchange, key, headers, _route);
        if (cache != null && !_route.DependsOnHeaders && !_route.IsTooLarge)
            cache.Put(key, publication.Host.RouteVersion, _route.Queues);
        return _route.Queues;
    }

    /// <summary>The walk found more queues than a message can have.</summary>
    private bool IsRouteTooLarge(ReadOnlySpan<BrokerQueue> route) => route.Length == RouteSet.MaxCount && _route.IsTooLarge;

    /// <summary>Queues of a message that the broker moves itself.</summary>
    /// <param name="exchangeName">Empty for the default exchange; one that does not exist leads nowhere.</param>
    /// <param name="set">Filled; not the one that a publish uses.</param>
    private void RouteByName(VirtualHost host, ReadOnlySpan<byte> exchangeName, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, RouteSet set)
    {
        if (exchangeName.Length == 0)
            _router.Route(host, null, key, headers, set);
        else if (host.TryGetExchange(exchangeName, out Exchange? exchange))
            _router.Route(host, exchange, key, headers, set);
        else
            set.Clear();
    }
}
