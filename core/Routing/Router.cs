using System.Runtime.CompilerServices;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Routing;

/// <summary>Finds the queues of a message: from one exchange on through bindings between exchanges and alternate exchanges. Engine thread only.</summary>
/// <remarks>
/// Each walk has a number. A queue or an exchange that carries it was met already: so each queue gets the message once, and a cycle ends.
/// Nothing is allocated, save for lists that grow to their largest size.
/// </remarks>
internal sealed class Router
{
    private readonly HeaderIndex _headerIndex = new();
    private Exchange[] _pending = new Exchange[8];
    private int _pendingCount;
    private RouteSet _set = new();
    private long _walk;
    private long _indexedWalk;
    private bool _reached;

    /// <summary>Collects the queues of a message. Replaces what was in the set.</summary>
    /// <param name="host">Virtual host of the message.</param>
    /// <param name="exchange">Where it was published to; null for the default exchange.</param>
    /// <param name="key">Routing key.</param>
    /// <param name="headers">Content header; empty for none.</param>
    internal void Route(VirtualHost host, Exchange? exchange, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, RouteSet set)
    {
        set.Clear();
        _set = set;
        _walk++;
        if (exchange == null)
        {
            ReachByName(host, key);
            return;
        }
        if (!exchange.Exists)
            return;
        var message = new RoutedMessage(key, headers);
        Push(exchange);
        // In the order in which they are met: _pending is a queue that is emptied whole.
        for (int i = 0; i < _pendingCount; i++)
        {
            Exchange current = _pending[i];
            set.DependsOnHeaders |= current.DependsOnHeaders;
            _reached = false;
            current.Match(this, in message);
            if (!_reached && current.Options.Alternate is { } alternate)
                PushAlternate(host, alternate, key);
        }
        _pending.AsSpan(0, _pendingCount).Clear();
        _pendingCount = 0;
    }

    /// <summary>A binding matches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Reach(Binding binding)
    {
        _reached = true;
        if (binding.Queue != null)
            Reach(binding.Queue);
        else
            Push(binding.Exchange!);
    }

    /// <summary>Bindings match; at least one.</summary>
    internal void Reach(ReadOnlySpan<Binding> bindings)
    {
        foreach (Binding binding in bindings)
            Reach(binding);
    }

    /// <summary>The header table of this walk's message, taken apart once however many exchanges ask.</summary>
    internal ReadOnlySpan<byte> ReadHeaderTable(ReadOnlySpan<byte> headers, out HeaderIndex index)
    {
        ReadOnlySpan<byte> entries = HeaderTable(headers);
        index = _headerIndex;
        if (_indexedWalk != _walk)
        {
            _indexedWalk = _walk;
            index.Read(entries);
        }
        return entries;
    }

    /// <summary>Entries of a message's header table; none when the headers are malformed.</summary>
    internal static ReadOnlySpan<byte> HeaderTable(ReadOnlySpan<byte> headers) =>
        ContentHeader.TryRead(headers, out ContentHeader header) ? header.HeaderTable : [];

    private void Reach(BrokerQueue queue)
    {
        if (queue.RouteStamp == _walk)
            return;
        queue.RouteStamp = _walk;
        _set.Add(queue);
    }

    private void ReachByName(VirtualHost host, ReadOnlySpan<byte> key)
    {
        if (host.TryGetQueue(key, out BrokerQueue? queue))
            Reach(queue);
    }

    private void Push(Exchange exchange)
    {
        if (exchange.RouteStamp == _walk)
            return;
        exchange.RouteStamp = _walk;
        if (_pendingCount == _pending.Length)
            Array.Resize(ref _pending, _pendingCount * 2);
        _pending[_pendingCount++] = exchange;
    }

    private void PushAlternate(VirtualHost host, byte[] name, ReadOnlySpan<byte> key)
    {
        if (name.Length == 0)
            ReachByName(host, key);
        else if (host.TryGetExchange(name, out Exchange? alternate))
            Push(alternate);
    }
}
