using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Declaring, binding, deleting. Control plane: allocates. A durable definition is answered when it is on disk.
internal sealed unsafe partial class BrokerEngine
{
    private uint _nextQueueId = 1;
    private uint _nextExchangeId = 1;

    private bool OnDeclareQueue(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        string? problem = NameRules.Problem("queue name", name);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        ReadOnlySpan<byte> arguments = TakeTable(ref strings);
        if (!FieldTableReader.IsValid(arguments))
            return Fail(session, command.Request, ErrorCode.MalformedHeaders, "The arguments are not a valid field table.");
        var flags = (QueueFlags)command.Flags;
        problem = QueueArguments.Parse(flags, arguments, _limits.DefaultQueueLength, out QueueOptions? options);
        if (options == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, problem!);

        if (_topology.TryGetQueue(name, out BrokerQueue? queue))
        {
            string? difference = (flags & QueueFlags.Passive) == 0 ? QueueArguments.Difference(queue.Options, options) : null;
            if (difference != null)
                return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Queue '{queue.DisplayName}' exists with {difference}: declare it alike, or delete it first.");
            // Declared a moment ago by somebody else, it may not be on disk yet.
            AnswerWhenDurable(session, new PendingReply(EventType.QueueDeclared, session, command.Request, queue.DefinedAt, queue));
            return true;
        }
        if ((flags & QueueFlags.Passive) != 0)
            return Fail(session, command.Request, ErrorCode.NotFound, $"Queue '{NameRules.Text(name)}' does not exist.");
        if (_topology.QueueCount >= _limits.MaxQueues)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"The broker has {_topology.QueueCount} queues, its limit: delete some.");
        if (options.Durable && _durableLog == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, "This broker has no journal: declare a transient queue, or start it with a data folder.");

        uint id = _nextQueueId;
        long definedAt = 0;
        if (options.Durable)
        {
            ControlRecord record = QueueRecord(new ControlRecord(), id, _topology.Default, name, options);
            if (!TryAppend(RecordType.DefineQueue, id, record, out bool done, session, command.Request, out definedAt))
                return done;
        }
        queue = ApplyDefineQueue(id, _topology.Default, name.ToArray(), options);
        queue.DefinedAt = definedAt;
        AnswerWhenDurable(session, new PendingReply(EventType.QueueDeclared, session, command.Request, definedAt, queue));
        return true;
    }

    // The bound beside the arguments: where they name none it is the broker's default of that time, whatever that is later.
    private static ControlRecord QueueRecord(ControlRecord record, uint id, VirtualHost host, ReadOnlySpan<byte> name, QueueOptions options)
    {
        record.U32(id);
        record.U32(host.Id);
        record.I64(options.MaxLength);
        record.U32((uint)(QueueFlags.Durable | (options.AutoDelete ? QueueFlags.AutoDelete : 0)));
        record.String(name);
        record.Table(options.Arguments);
        return record;
    }

    private BrokerQueue ApplyDefineQueue(uint id, VirtualHost host, byte[] name, QueueOptions options)
    {
        var queue = new BrokerQueue(id, host, name, options, _entryPool);
        _topology.Add(queue);
        _nextQueueId = Math.Max(_nextQueueId, id + 1);
        return queue;
    }

    private bool OnDeleteQueue(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        if (!_topology.TryGetQueue(name, out BrokerQueue? queue))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Queue '{NameRules.Text(name)}' does not exist.");
        long end = 0;
        if (queue.Durable)
        {
            var record = new ControlRecord();
            record.U32(queue.Id);
            if (!TryAppend(RecordType.DeleteQueue, queue.Id, record, out bool done, session, command.Request, out end))
                return done;
        }
        EndConsumers(queue, ErrorCode.NotFound, $"Queue '{queue.DisplayName}' was deleted.");
        ApplyDeleteQueue(queue);
        WakeWaiting(queue);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null));
        return true;
    }

    private void ApplyDeleteQueue(BrokerQueue queue)
    {
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
        {
            QueueEntry* entry = queue.Entries.Find(sequence);
            if (entry != null)
                LogOf(entry->Position)?.Release(entry->Position);
        }
        queue.Entries.Clear();
        queue.Exists = false;
        _topology.Remove(queue);
    }

    private bool OnDeclareExchange(in DeclareExchangeCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        string? problem = NameRules.Problem("exchange name", name);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (command.Kind != (byte)ExchangeKind.Direct)
            return Fail(session, command.Request, ErrorCode.InvalidArgument, $"Exchange kind {command.Kind} does not exist: 1 is direct.");
        bool isDurable = (command.Flags & (ushort)ExchangeFlags.Durable) != 0;
        if (_topology.TryGetExchange(name, out DirectExchange? exchange))
        {
            if (exchange.Durable != isDurable)
                return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Exchange '{NameRules.Text(name)}' exists with durable = {Word(exchange.Durable)}, not {Word(isDurable)}: declare it alike, or delete it first.");
            AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, exchange.DefinedAt, null));
            return true;
        }
        if (_topology.ExchangeCount >= _limits.MaxExchanges)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"The broker has {_topology.ExchangeCount} exchanges, its limit: delete some.");
        if (isDurable && _durableLog == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, "This broker has no journal: declare a transient exchange, or start it with a data folder.");

        uint id = _nextExchangeId;
        long definedAt = 0;
        if (isDurable)
        {
            ControlRecord record = ExchangeRecord(id, name);
            if (!TryAppend(RecordType.DefineExchange, 0, record, out bool done, session, command.Request, out definedAt))
                return done;
        }
        exchange = ApplyDefineExchange(id, name.ToArray(), isDurable);
        exchange.DefinedAt = definedAt;
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, definedAt, null));
        return true;
    }

    private static ControlRecord ExchangeRecord(uint id, ReadOnlySpan<byte> name)
    {
        var record = new ControlRecord();
        record.U32(id);
        record.U8((byte)ExchangeKind.Direct);
        record.String(name);
        return record;
    }

    private DirectExchange ApplyDefineExchange(uint id, byte[] name, bool isDurable)
    {
        var exchange = new DirectExchange(id, name, isDurable);
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
        if (!_topology.TryGetExchange(name, out DirectExchange? exchange))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Exchange '{NameRules.Text(name)}' does not exist.");
        long end = 0;
        if (exchange.Durable)
        {
            var record = new ControlRecord();
            record.String(name);
            if (!TryAppend(RecordType.DeleteExchange, 0, record, out bool done, session, command.Request, out end))
                return done;
        }
        _topology.Remove(exchange);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null));
        return true;
    }

    private bool OnBind(in RequestCommand command, ReadOnlySpan<byte> strings, bool bind)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> exchangeName = TakeString(ref strings);
        ReadOnlySpan<byte> queueName = TakeString(ref strings);
        ReadOnlySpan<byte> key = TakeString(ref strings);
        if (exchangeName.Length == 0)
            return Fail(session, command.Request, ErrorCode.AccessRefused, "Every queue is bound to the default exchange by its name, and stays so: name another exchange.");
        string? problem = NameRules.ProblemOrEmpty("binding key", key);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (!_topology.TryGetExchange(exchangeName, out DirectExchange? exchange))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Exchange '{NameRules.Text(exchangeName)}' does not exist: declare it first.");
        if (!_topology.TryGetQueue(queueName, out BrokerQueue? queue))
            return Fail(session, command.Request, ErrorCode.NotFound, $"Queue '{NameRules.Text(queueName)}' does not exist: declare it first.");

        bool isBound = Array.IndexOf(exchange.Route(key), queue) >= 0;
        if (!bind && !isBound)
            return Fail(session, command.Request, ErrorCode.NotFound, $"Queue '{queue.DisplayName}' is not bound to exchange '{NameRules.Text(exchangeName)}' with key '{NameRules.Text(key)}'.");
        if (bind && !isBound && _topology.BindingCount >= _limits.MaxBindings)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"The broker has {_topology.BindingCount} bindings, its limit: remove some.");
        if (bind && !isBound && exchange.Route(key).Length >= MaxQueuesPerRoute)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"{MaxQueuesPerRoute} queues are bound with this key, the limit of one route.");

        long end = 0;
        if (exchange.Durable && queue.Durable && bind != isBound)
        {
            ControlRecord record = BindingRecord(exchange.Name, queue.Name, key);
            if (!TryAppend(bind ? RecordType.Bind : RecordType.Unbind, queue.Id, record, out bool done, session, command.Request, out end))
                return done;
        }
        if (bind)
            _topology.Bind(exchange, queue, key);
        else
            _topology.Unbind(exchange, queue, key);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, bind && isBound ? _lastDefinition : end, null));
        return true;
    }

    /// <summary>A message record counts its routes in 16 bits.</summary>
    private const int MaxQueuesPerRoute = ushort.MaxValue;

    private static ControlRecord BindingRecord(ReadOnlySpan<byte> exchange, ReadOnlySpan<byte> queue, ReadOnlySpan<byte> key)
    {
        var record = new ControlRecord();
        record.String(exchange);
        record.String(queue);
        record.String(key);
        return record;
    }

    private long _lastDefinition;

    /// <summary>Appends a definition record, or answers why it cannot be.</summary>
    /// <param name="done">When the result is false: the request was answered (true), or the journal is not ready and the command must come again (false).</param>
    /// <param name="session">Whom to answer; null when nobody asked.</param>
    /// <param name="end">End of the record: durable up to here makes the definition durable.</param>
    private bool TryAppend(RecordType type, uint streamId, ControlRecord record, out bool done, Session? session, uint request, out long end)
    {
        done = true;
        end = 0;
        if (_durableLog == null)
            return true;
        byte* body = _durableLog.TryClaim(type, streamId, record.Span.Length, out _, out AppendStatus status);
        if (body != null)
        {
            record.Span.CopyTo(new Span<byte>(body, record.Span.Length));
            _durableLog.Commit();
            end = _durableLog.Tail;
            _lastDefinition = end;
            return true;
        }
        done = FailAppend(status, session, request);
        return false;
    }

    /// <returns>False when the journal is preparing its next segment and the command must come again; otherwise it was answered.</returns>
    private bool FailAppend(AppendStatus status, Session? session, uint request)
    {
        if (status == AppendStatus.NotReady)
            return false;
        if (session != null && status == AppendStatus.NoSpace)
            Fail(session, request, ErrorCode.DiskFull, "The journal's disk is full: free space, the broker goes on by itself.");
        else if (session != null)
            Fail(session, request, ErrorCode.JournalFailed, "The journal failed and keeps nothing new until the broker is restarted: see the broker's log.");
        return true;
    }

    private static string Word(bool value) => value ? "true" : "false";
}
