using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Bindings: rules B1, B4, B5 and E9.
internal sealed unsafe partial class BrokerEngine
{
    private bool OnBind(in RequestCommand command, ReadOnlySpan<byte> strings, bool bind)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> sourceName = TakeString(ref strings);
        ReadOnlySpan<byte> destinationName = TakeString(ref strings);
        ReadOnlySpan<byte> key = TakeString(ref strings);
        bool toExchange = (command.Flags & (uint)BindFlags.ToExchange) != 0;
        if (sourceName.Length == 0 || (toExchange && destinationName.Length == 0))
            return Fail(session, command.Request, ErrorCode.AccessRefused, "Every queue is bound to the default exchange by its name, and stays so: name another exchange.");
        string? problem = NameRules.ProblemOrEmpty("binding key", key);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (!TryTakeTable(session, command.Request, ref strings, out ReadOnlySpan<byte> arguments))
            return true;

        if (!session.Host.TryGetExchange(sourceName, out Exchange? source))
            return FailNoExchange(session, command.Request, sourceName);
        Exchange? exchange = null;
        if (toExchange && !session.Host.TryGetExchange(destinationName, out exchange))
            return FailNoExchange(session, command.Request, destinationName);
        BrokerQueue? queue = toExchange ? null : FindQueue(session, command.Request, destinationName, ": declare it first");
        if (!toExchange && queue == null)
            return true;

        byte[] sorted = FieldTableOrder.Sorted(arguments);
        source.TryFind(new BindingIdentity(queue, exchange, key, sorted), out Binding? binding);
        if (!bind)
            return Unbind(session, command.Request, binding, source, destinationName, key);
        if (binding != null)
        {
            AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, binding.Durable ? _lastDefinition : 0, null));
            return true;
        }
        return Bind(session, command.Request, new Binding(source, queue, exchange, key.ToArray(), sorted));
    }

    private bool FailNoExchange(Session session, uint request, ReadOnlySpan<byte> name) =>
        Fail(session, request, ErrorCode.NotFound, $"Exchange '{NameRules.Text(name)}' does not exist{In(session.Host)}: declare it first.");

    private bool Bind(Session session, uint request, Binding binding)
    {
        string? problem = binding.Source.BindingProblem(binding.Key, binding.Arguments);
        if (problem != null)
            return Fail(session, request, ErrorCode.PreconditionFailed, problem);
        problem = BindingLimitProblem(session.Host, binding.Source);
        if (problem != null)
            return Fail(session, request, ErrorCode.LimitReached, problem);
        long end = 0;
        if (binding.Durable && !TryAppend(RecordType.Bind, StreamOf(binding), BindingRecord(new ControlRecord(), binding), out bool done, session, request, out end))
            return done;
        _topology.Add(binding);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, request, end, null));
        return true;
    }

    private string? BindingLimitProblem(VirtualHost host, Exchange source)
    {
        if (_topology.BindingCount >= _limits.MaxBindings)
            return $"The broker has {_topology.BindingCount} bindings, its limit: remove some.";
        if (host.BindingCount >= host.Limits.MaxBindings)
            return $"Virtual host '{host.DisplayName}' has {host.BindingCount} bindings, its limit: remove some.";
        if (source is ConsistentHashExchange { IsFull: true })
            return $"Exchange '{source.DisplayName}' has {source.Bindings.Count} bindings, the limit of a consistent-hash exchange: remove some.";
        return null;
    }

    private bool Unbind(Session session, uint request, Binding? binding, Exchange source, ReadOnlySpan<byte> destination, ReadOnlySpan<byte> key)
    {
        if (binding == null)
            return Fail(session, request, ErrorCode.NotFound, $"'{NameRules.Text(destination)}' is not bound to exchange '{source.DisplayName}' with key '{NameRules.Text(key)}' and these arguments: name a binding that exists.");
        _removal.ForBinding(binding);
        ControlRecord? record = binding.Durable ? BindingRecord(new ControlRecord(), binding) : null;
        if (!TryJournalRemoval(RecordType.Unbind, StreamOf(binding), record, out AppendStatus status, out long end))
            return FailAppend(status, session, request);
        _topology.Remove(binding);
        ApplyRemoval();
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, request, end, null));
        return true;
    }

    private static uint StreamOf(Binding binding) => binding.Queue?.Id ?? 0;

    private static ControlRecord BindingRecord(ControlRecord record, Binding binding)
    {
        record.U32((uint)(binding.IsToExchange ? BindFlags.ToExchange : BindFlags.None));
        record.U32(binding.Source.Id);
        record.U32(binding.DestinationId);
        record.String(binding.Key);
        record.Table(binding.Arguments);
        return record;
    }

    /// <param name="isTold">In a snapshot, which tells of them in their order: one that was made meanwhile is behind those before it.</param>
    private void ReplayBinding(bool bind, bool isTold, ref ControlRecordReader reader)
    {
        bool toExchange = (reader.U32() & (uint)BindFlags.ToExchange) != 0;
        uint sourceId = reader.U32();
        uint destinationId = reader.U32();
        ReadOnlySpan<byte> key = reader.String();
        ReadOnlySpan<byte> arguments = reader.Table();
        BrokerQueue? queue = null;
        Exchange? exchange = null;
        bool isThere = toExchange ? _topology.TryGetExchange(destinationId, out exchange) : _topology.TryGetQueue(destinationId, out queue);
        if (!isThere || !_topology.TryGetExchange(sourceId, out Exchange? source))
            return;
        bool isBound = source.TryFind(new BindingIdentity(queue, exchange, key, arguments), out Binding? binding);
        if (bind && isBound && isTold)
            _topology.Remove(binding!);
        if (bind && (!isBound || isTold))
            _topology.Add(new Binding(source, queue, exchange, key.ToArray(), arguments.ToArray()));
        else if (!bind && isBound)
            _topology.Remove(binding!);
    }
}
