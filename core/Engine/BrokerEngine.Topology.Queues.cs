using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Queues: rules Q1 to Q3, Q5 and Q7.
internal sealed unsafe partial class BrokerEngine
{
    private bool OnDeclareQueue(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        var flags = (QueueFlags)command.Flags;
        bool isPassive = (flags & QueueFlags.Passive) != 0;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        string? problem = isPassive ? NameRules.Problem("queue name", name) : NameRules.ProblemOrEmpty("queue name", name);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (!TryTakeTable(session, command.Request, ref strings, out ReadOnlySpan<byte> arguments))
            return true;
        if (isPassive)
        {
            BrokerQueue? found = FindQueue(session, command.Request, name);
            if (found != null)
                AnswerDeclared(session, command.Request, found);
            return true;
        }
        problem = QueueArguments.Parse(flags, arguments, _limits.DefaultQueueLength, out QueueOptions? options);
        if (options == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, problem!);
        if (session.Host.TryGetQueue(name, out BrokerQueue? queue))
            return RedeclareQueue(session, command.Request, queue, options);
        if (name.StartsWith(ReservedPrefix))
            return Fail(session, command.Request, ErrorCode.AccessRefused, $"Queue '{NameRules.Text(name)}' does not exist, and names that begin with 'amq.' are the broker's: choose another, or an empty name to be given one.");
        problem = QueueLimitProblem(session.Host);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.LimitReached, problem);
        if (options.Durable && _durableLog == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, "This broker has no journal: declare a transient queue, or start it with a data folder.");

        byte[] newName = name.Length == 0 ? NewQueueName(session) : name.ToArray();
        uint id = _nextQueueId;
        long definedAt = 0;
        if (options.Durable)
        {
            ControlRecord record = QueueRecord(new ControlRecord(), id, session.Host, newName, options);
            if (!TryAppend(RecordType.DefineQueue, id, record, out bool done, session, command.Request, out definedAt))
                return done;
        }
        queue = ApplyDefineQueue(id, session.Host, newName, options, options.Exclusive ? session.Connection : null);
        queue.DefinedAt = definedAt;
        AnswerDeclared(session, command.Request, queue);
        return true;
    }

    private bool RedeclareQueue(Session session, uint request, BrokerQueue queue, QueueOptions options)
    {
        if (IsLocked(session, request, queue))
            return true;
        string? difference = QueueArguments.Difference(queue.Options, options);
        if (difference != null)
            return Fail(session, request, ErrorCode.PreconditionFailed, $"Queue '{queue.DisplayName}' exists with {difference}: declare it alike, or delete it first.");
        AnswerDeclared(session, request, queue);
        return true;
    }

    // Declared a moment ago by somebody else, it may not be on disk yet.
    private void AnswerDeclared(Session session, uint request, BrokerQueue queue)
    {
        Used(queue);
        AnswerWhenDurable(session, new PendingReply(EventType.QueueDeclared, session, request, queue.DefinedAt, queue));
    }

    private string? QueueLimitProblem(VirtualHost host)
    {
        if (_topology.QueueCount >= _limits.MaxQueues)
            return $"The broker has {_topology.QueueCount} queues, its limit: delete some.";
        if (host.QueueCount >= host.Limits.MaxQueues)
            return $"Virtual host '{host.DisplayName}' has {host.QueueCount} queues, its limit: delete some.";
        return null;
    }

    private static byte[] NewQueueName(Session session)
    {
        while (true)
        {
            byte[] name = ServerNames.Make("amq.gen-"u8, session.Nonce, session.NextNameNumber++);
            if (!session.Host.TryGetQueue(name, out _))
                return name;
        }
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

    private BrokerQueue ApplyDefineQueue(uint id, VirtualHost host, byte[] name, QueueOptions options, Session? owner = null)
    {
        var queue = new BrokerQueue(id, host, name, options, _entryPool) { Owner = owner, ToldBy = _snapshotNumber };
        owner?.OwnedQueues.Add(queue);
        _topology.Add(queue);
        _nextQueueId = Math.Max(_nextQueueId, id + 1);
        return queue;
    }

    private bool OnDeleteQueue(in RequestCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        BrokerQueue? queue = FindQueue(session, command.Request, TakeString(ref strings));
        if (queue == null)
            return true;
        var flags = (DeleteFlags)command.Flags;
        if ((flags & DeleteFlags.IfUnused) != 0 && queue.Consumers.Count > 0)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Queue '{queue.DisplayName}' has {queue.Consumers.Count} subscriptions: end them, or delete it without if-unused.");
        if ((flags & DeleteFlags.IfEmpty) != 0 && queue.Count > 0)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Queue '{queue.DisplayName}' holds {queue.Count} messages: settle or purge them, or delete it without if-empty.");
        long ready = queue.ReadyCount;
        if (!TryRemoveQueue(queue, "was deleted", out AppendStatus status, out long end))
            return FailAppend(status, session, command.Request);
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, command.Request, end, null, (ulong)ready));
        return true;
    }

    /// <summary>Lets go of all that a queue holds, and of the queue.</summary>
    private void ApplyDeleteQueue(BrokerQueue queue)
    {
        queue.Clear(hold => Release(hold));
        OnGone(queue);
        queue.Owner?.OwnedQueues.Remove(queue);
        _topology.Remove(queue);
    }
}
