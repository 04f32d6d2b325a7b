using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Exchanges and bindings (rules E and B).</content>
internal sealed partial class NaiveBroker
{
    private static readonly string[] ExchangeArguments = ["alternate-exchange", "hash-header", "hash-property"];

    private static bool IsReserved(string name) => name.StartsWith("amq.", StringComparison.Ordinal);

    private void OnDeclareExchange(NaiveSession session, DeclareExchange command)
    {
        NaiveVirtualHost host = session.Host;
        if (command.Exchange.Length == 0)
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        host.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange);
        if (command.IsPassive)
        {
            if (exchange == null)
                Fail(session, command.Request, ErrorCode.NotFound);
            else
                WhenDurable(session, command.Request, EventType.Done, exchange.DefinedAt);
            return;
        }
        if (command.Kind is < ExchangeKind.Direct or > ExchangeKind.ConsistentHash)
        {
            Fail(session, command.Request, ErrorCode.CommandInvalid);
            return;
        }
        if (!AreExchangeArgumentsRight(command))
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (exchange != null)
        {
            bool isSame = exchange.Kind == command.Kind && exchange.Flags == (command.Flags & ~ExchangeFlags.Passive)
                && ExchangeArguments.All(name => Equals(Meaning(exchange.Kind, exchange.Arguments, name), Meaning(command.Kind, command.Arguments, name)));
            if (isSame)
                WhenDurable(session, command.Request, EventType.Done, exchange.DefinedAt);
            else
                Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (IsReserved(command.Exchange))
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        if (DeclaredExchanges(_state) >= limits.MaxExchanges || DeclaredExchanges(host) >= host.Limit("max-exchanges"))
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        exchange = new NaiveExchange(command.Exchange, command.Kind, command.Flags, command.Arguments);
        if (exchange.Durable && !WasDefined(session, command.Request))
            return;
        exchange.DefinedAt = exchange.Durable ? Log.Tail : 0;
        host.Exchanges.Add(command.Exchange, exchange);
        WhenDurable(session, command.Request, EventType.Done, exchange.DefinedAt);
    }

    private static object? Meaning(ExchangeKind kind, NaiveTable arguments, string name) =>
        kind == ExchangeKind.ConsistentHash || name == "alternate-exchange" ? arguments.Get(name) : null;

    private static bool AreExchangeArgumentsRight(DeclareExchange command)
    {
        if (command.Arguments.TryGet("alternate-exchange", out object? alternate) && alternate is not string)
            return false;
        if (command.Kind != ExchangeKind.ConsistentHash)
            return true;
        bool hasHeader = command.Arguments.TryGet("hash-header", out object? header);
        bool hasProperty = command.Arguments.TryGet("hash-property", out object? property);
        return (!hasHeader || header is string) && (!hasProperty || property is "message_id" or "correlation_id" or "timestamp") && !(hasHeader && hasProperty);
    }

    /// <summary>Those that every virtual host has count for nothing.</summary>
    private static int DeclaredExchanges(NaiveVirtualHost host) => host.Exchanges.Keys.Count(name => !IsReserved(name));

    private static int DeclaredExchanges(NaiveState state) => state.Hosts.Values.Sum(DeclaredExchanges);

    private void OnDeleteExchange(NaiveSession session, DeleteExchange command)
    {
        NaiveVirtualHost host = session.Host;
        if (command.Exchange.Length == 0 || (IsReserved(command.Exchange) && host.Exchanges.ContainsKey(command.Exchange)))
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        if (!host.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if ((command.Flags & DeleteFlags.IfUnused) != 0 && exchange.Bindings.Count > 0)
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (!WasRemoved(session, command.Request, exchange.Durable, _engine.HasExchange(host.Name, exchange.Name)))
            return;
        Delete(host, exchange);
        WhenDurable(session, command.Request, EventType.Done, HasAppended ? Log.Tail : 0, count: 0);
    }

    private void Delete(NaiveVirtualHost host, NaiveExchange exchange)
    {
        if (!exchange.Exists)
            return;
        exchange.Exists = false;
        host.Exchanges.Remove(exchange.Name);
        RemoveBindingsTo(host, toExchange: true, exchange.Name);
    }

    /// <summary>A destination goes, and with it auto-delete exchanges that lose their last binding by that (rules E5, E7).</summary>
    private void RemoveBindingsTo(NaiveVirtualHost host, bool toExchange, string destination)
    {
        foreach (NaiveExchange source in host.Exchanges.Values.ToArray())
        {
            NaiveBinding[] gone = [.. source.Bindings.Where(binding => binding.ToExchange == toExchange && binding.Destination == destination)];
            foreach (NaiveBinding binding in gone)
                source.Remove(binding);
            if (gone.Length > 0 && source.IsAutoDelete && source.Bindings.Count == 0)
                DeleteByItself(host, source);
        }
    }

    /// <summary>Nobody asked for it: where the journal cannot be told now, it goes later.</summary>
    private void DeleteByItself(NaiveVirtualHost host, NaiveExchange exchange)
    {
        if (exchange.Exists && !_engine.HasExchange(host.Name, exchange.Name))
            Delete(host, exchange);
        else if (exchange.Exists)
            _leavingExchanges.Add((host, exchange));
    }

    private readonly List<(NaiveVirtualHost Host, NaiveExchange Exchange)> _leavingExchanges = [];

    /// <summary>Exchanges that were to go by themselves are gone as soon as the journal takes it, unless they are bound again.</summary>
    private void DeleteLeavingExchanges()
    {
        foreach ((NaiveVirtualHost host, NaiveExchange exchange) leaving in _leavingExchanges.ToArray())
        {
            (NaiveVirtualHost host, NaiveExchange exchange) = leaving;
            if (exchange.Exists && exchange.Bindings.Count == 0 && !_engine.HasExchange(host.Name, exchange.Name))
                Delete(host, exchange);
            if (!exchange.Exists || exchange.Bindings.Count > 0)
                _leavingExchanges.Remove(leaving);
            else
                Check(exchange.Durable && IsLogBusy, $"Exchange {exchange.Name} should have been deleted with its last binding.");
        }
    }

    private void OnBind(NaiveSession session, Bind command)
    {
        NaiveVirtualHost host = session.Host;
        NaiveBinding wanted = command.Binding;
        if (command.Exchange.Length == 0 || (wanted.ToExchange && wanted.Destination.Length == 0))
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        NaiveQueue? queue = null;
        bool isThere = wanted.ToExchange ? host.Exchanges.ContainsKey(wanted.Destination) : host.Queues.TryGetValue(wanted.Destination, out queue);
        if (!host.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange) || !isThere)
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (queue != null && IsLocked(session, queue))
        {
            Fail(session, command.Request, ErrorCode.ResourceLocked);
            return;
        }
        if (command.IsBind && !IsBindingRight(exchange, wanted))
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        NaiveBinding? bound = exchange.Bindings.Find(wanted.IsSame);
        if (!command.IsBind && bound == null)
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (command.IsBind && bound == null && (_state.Hosts.Values.Sum(known => known.BindingCount) >= limits.MaxBindings || host.BindingCount >= host.Limit("max-bindings")))
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        bool isChange = command.IsBind == (bound == null);
        bool isKept = isChange && exchange.Durable && host.IsDurable(wanted);
        if (isKept && command.IsBind && !WasDefined(session, command.Request))
            return;
        if (isChange && !command.IsBind && !WasRemoved(session, command.Request, isKept, _engine.HasBinding(host.Name, exchange.Name, bound!)))
            return;
        if (isChange && command.IsBind)
        {
            exchange.Add(wanted);
        }
        else if (isChange)
        {
            exchange.Remove(bound!);
            if (exchange.IsAutoDelete && exchange.Bindings.Count == 0)
                DeleteByItself(host, exchange);
        }
        // Bound before, by somebody who may not have been answered yet: at the latest with everything.
        WhenDurable(session, command.Request, EventType.Done, isChange && HasAppended ? Log.Tail : 0, count: 0);
    }

    private static bool IsBindingRight(NaiveExchange exchange, NaiveBinding binding) => exchange.Kind switch
    {
        ExchangeKind.ConsistentHash => int.TryParse(binding.Key, System.Globalization.NumberStyles.None, null, out int weight) && weight is >= 1 and <= 1000,
        ExchangeKind.Headers => !binding.Arguments.TryGet("x-match", out object? how) || how is "all" or "any" or "all-with-x" or "any-with-x",
        _ => true,
    };

    /// <summary>Another connection's exclusive queue (rule Q2).</summary>
    private static bool IsLocked(NaiveSession session, NaiveQueue queue) => queue.Options.Exclusive && queue.Owner != session.Id;

    /// <summary>Where a message goes. Where a hash decides, the engine's is taken, and each key has to keep to its choice (rule B5).</summary>
    private List<NaiveQueue> Route(NaiveVirtualHost host, NaiveExchange? exchange, string key, NaiveHeaders headers)
    {
        if (exchange is { Exists: false })
            return [];
        return host.Route(exchange, key, headers.Table ?? new NaiveTable(), at => ChooseByHash(host, at, key, headers));
    }

    private NaiveBinding? ChooseByHash(NaiveVirtualHost host, NaiveExchange exchange, string key, NaiveHeaders headers)
    {
        if (exchange.Bindings.Count == 0)
            return null;
        string hashed = HashedBy(exchange, key, headers);
        NaiveBinding? found = _engine.ChooseByHash(host.Name, exchange.Name, exchange.Bindings, key, headers);
        if (found == null)
            return exchange.Bindings[0]; // It went with the same batch, and where it led with it.
        if (exchange.Chosen.TryGetValue(hashed, out NaiveBinding? chosen))
        {
            bool mayMove = exchange.Added.TryGetValue(hashed, out List<NaiveBinding>? added) && added.Exists(found!.IsSame);
            Check(found!.IsSame(chosen) || mayMove, $"Exchange {exchange.Name} moved key '{hashed}' from {chosen} to {found}, for no reason.");
        }
        exchange.Chosen[hashed] = exchange.Bindings.Find(found!.IsSame)!;
        exchange.Added.Remove(hashed);
        return exchange.Chosen[hashed];
    }

    private static string HashedBy(NaiveExchange exchange, string key, NaiveHeaders headers)
    {
        if (exchange.Arguments.Get("hash-header") is string header)
            return headers.Table != null && headers.Table.TryGet(header, out object? value) ? "header " + new NaiveTable().With("", value) : "none";
        return exchange.Arguments.Get("hash-property") switch
        {
            "message_id" => "message id " + headers.MessageId,
            "correlation_id" => "correlation id " + headers.CorrelationId,
            "timestamp" => "timestamp " + headers.Timestamp,
            _ => "key " + key,
        };
    }
}
