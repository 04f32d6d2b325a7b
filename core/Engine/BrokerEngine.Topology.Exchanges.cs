using LowLatency.Core.Journal;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Exchanges: rules E1 to E8.
internal sealed unsafe partial class BrokerEngine
{
    private bool OnDeclareExchange(in DeclareExchangeCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        if (name.Length == 0)
            return Fail(session, command.Request, ErrorCode.AccessRefused, "The default exchange has no name and is always there: name another one.");
        string? problem = NameRules.Problem("exchange name", name);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (!TryTakeTable(session, command.Request, ref strings, out ReadOnlySpan<byte> arguments))
            return true;
        bool isThere = session.Host.TryGetExchange(name, out Exchange? exchange);
        var flags = (ExchangeFlags)command.Flags;
        if ((flags & ExchangeFlags.Passive) != 0)
        {
            if (!isThere)
                return Fail(session, command.Request, ErrorCode.NotFound, $"Exchange '{NameRules.Text(name)}' does not exist{In(session.Host)}.");
            return AnswerDeclared(session, command.Request, exchange!);
        }
        if (command.Kind is < (byte)ExchangeKind.Direct or > (byte)ExchangeKind.ConsistentHash)
            return Fail(session, command.Request, ErrorCode.CommandInvalid, $"Exchange kind {command.Kind} does not exist: 1 is direct, 2 fanout, 3 topic, 4 headers, 5 consistent-hash.");
        problem = ExchangeArguments.Parse((ExchangeKind)command.Kind, flags, arguments, out ExchangeOptions? options);
        if (options == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, problem!);
        if (isThere)
        {
            string? difference = ExchangeArguments.Difference(exchange!.Options, options);
            if (difference != null)
                return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Exchange '{exchange.DisplayName}' exists with {difference}: declare it alike, or delete it first.");
            return AnswerDeclared(session, command.Request, exchange);
        }
        if (name.StartsWith(ReservedPrefix))
            return Fail(session, command.Request, ErrorCode.AccessRefused, $"Exchange '{NameRules.Text(name)}' does not exist, and names that begin with 'amq.' are the broker's: choose another.");
        problem = ExchangeLimitProblem(session.Host);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.LimitReached, problem);
        if (options.Durable && _durableLog == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, "This broker has no journal: declare a transient exchange, or start it with a data folder.");

        uint id = _nextExchangeId;
        long definedAt = 0;
        if (options.Durable)
        {
            ControlRecord record = ExchangeRecord(new ControlRecord(), id, session.Host, name, options);
            if (!TryAppend(RecordType.DefineExchange, 0, record, out bool done, session, command.Request, out definedAt))
                return done;
        }
        exchange = ApplyDefineExchange(id, session.Host, name.ToArray(), options);
        exchange.DefinedAt = definedAt;
        return AnswerDeclared(session, command.Request, exchange);
    }

    private bool AnswerDeclared(Session session, uint request, Exchange exchange)
    {
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, request, exchange.DefinedAt, null));
        return true;
    }

    private string? ExchangeLimitProblem(VirtualHost host)
    {
        if (_topology.ExchangeCount >= _limits.MaxExchanges)
            return $"The broker has {_topology.ExchangeCount} exchanges, its limit: delete some.";
        if (host.ExchangeCount >= host.Limits.MaxExchanges)
            return $"Virtual host '{host.DisplayName}' has {host.ExchangeCount} exchanges, its limit: delete some.";
        return null;
    }

    private static ControlRecord ExchangeRecord(ControlRecord record, uint id, VirtualHost host, ReadOnlySpan<byte> name, ExchangeOptions options)
    {
        record.U32(id);
        record.U32(host.Id);
        record.U32((uint)options.Flags);
        record.U8((byte)options.Kind);
        record.String(name);
        record.Table(options.Arguments);
        return record;
    }

    private Exchange ApplyDefineExchange(uint id, VirtualHost host, byte[] name, ExchangeOptions options)
    {
        Exchange exchange = Exchange.Create(id, host, name, options);
        exchange.ToldBy = _snapshotNumber;
        _topology.Add(exchange);
        _nextExchangeId = Math.Max(_nextExchangeId, id + 1);
        return exchange;
    }

    private bool OnDeleteExchange(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        if (name.Length == 0)
            return Fail(session, command.Request, ErrorCode.AccessRefused, "The default exchange cannot be deleted: name another one.");
        if (!session.Host.TryGetExchange(name, out Exchange? exchange))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Exchange '{NameRules.Text(name)}' does not exist{In(session.Host)}.");
        if (exchange.IsBuiltIn)
            return Fail(session, command.Request, ErrorCode.AccessRefused, $"Exchange '{exchange.DisplayName}' belongs to its virtual host and cannot be deleted: name one that was declared.");
        if ((command.Flags & (uint)DeleteFlags.IfUnused) != 0 && exchange.Bindings.Count > 0)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Exchange '{exchange.DisplayName}' has {exchange.Bindings.Count} bindings: unbind them, or delete it without if-unused.");
        if (!TryRemoveExchange(exchange, out AppendStatus status, out long end))
            return FailAppend(status, session, command.Request);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null));
        return true;
    }
}
