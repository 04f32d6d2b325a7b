using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Queues: declare, delete, purge (rules Q).</content>
internal sealed partial class NaiveBroker
{
    private void OnDeclareQueue(NaiveSession session, DeclareQueue command)
    {
        NaiveVirtualHost host = session.Host;
        if (command.Queue.Length == 0 && command.IsPassive)
        {
            Fail(session, command.Request, ErrorCode.InvalidName);
            return;
        }
        host.Queues.TryGetValue(command.Queue, out NaiveQueue? queue);
        NaiveQueueOptions? options = command.IsPassive ? null : NaiveQueueOptions.Parse(command.Flags, command.Arguments, limits.DefaultQueueLength);
        if (options == null && !command.IsPassive)
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (queue != null && IsLocked(session, queue))
        {
            Fail(session, command.Request, ErrorCode.ResourceLocked);
            return;
        }
        if (command.IsPassive)
        {
            if (queue == null)
                Fail(session, command.Request, ErrorCode.NotFound);
            else
                Declared(session, command, queue);
            return;
        }
        if (queue != null && queue.Options != options)
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (queue != null)
        {
            Declared(session, command, queue);
            return;
        }
        if (IsReserved(command.Queue))
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        if (_state.Queues.Count(known => !known.IsReplyTo) >= limits.MaxQueues || host.Queues.Values.Count(known => !known.IsReplyTo) >= host.Limit("max-queues"))
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        if (options!.Durable && !WasDefined(session, command.Request))
            return;
        string name = command.Queue.Length > 0 ? command.Queue : NewName(host, "amq.gen-");
        queue = new NaiveQueue(host.Name, name, options, command.Arguments) { DefinedAt = options.Durable ? Log.Tail : 0, Owner = options.Exclusive ? session.Id : -1 };
        host.Queues.Add(name, queue);
        Declared(session, command, queue);
    }

    private void Declared(NaiveSession session, DeclareQueue command, NaiveQueue queue)
    {
        queue.UsedNs = _nowNs;
        WhenDurable(session, command.Request, EventType.QueueDeclared, queue.DefinedAt);
    }

    /// <summary>The name that the engine gave: it may be any that nobody can guess.</summary>
    private string NewName(NaiveVirtualHost host, string prefix)
    {
        string[] names = [.. _engine.QueueNames(host.Name).Where(name => !host.Queues.ContainsKey(name))];
        Check(names.Length == 1, $"A queue was to be named; new are {string.Join(", ", names)}.");
        Check(names[0].StartsWith(prefix, StringComparison.Ordinal) && names[0].Length == prefix.Length + 22, $"A queue was named {names[0]}.");
        return names[0];
    }

    private void OnDeleteQueue(NaiveSession session, DeleteQueue command)
    {
        if (!TryGetQueue(session, command.Request, command.Queue, out NaiveQueue queue))
            return;
        bool isUsed = (command.Flags & DeleteFlags.IfUnused) != 0 && queue.Consumers.Count > 0;
        bool isFilled = (command.Flags & DeleteFlags.IfEmpty) != 0 && queue.Count > 0;
        if (isUsed || isFilled)
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
            return;
        }
        if (!WasRemoved(session, command.Request, queue.Durable, _engine.Find(queue.Host, queue.Name) != null))
            return;
        int ready = queue.ReadyCount;
        Delete(queue, told: true);
        WhenDurable(session, command.Request, EventType.Done, HasAppended ? Log.Tail : 0, (ulong)ready);
    }

    private void Delete(NaiveQueue queue, bool told)
    {
        if (!queue.Exists)
            return;
        queue.Exists = false;
        foreach (NaiveConsumer consumer in queue.Consumers.ToArray())
        {
            consumer.IsEnded = true;
            consumer.Unsettled.Clear();
            consumer.News.Clear();
            NaivePull? pull = consumer.Pull;
            consumer.Pull = null;
            if (!told)
            {
                if (pull != null)
                    consumer.Session.Replies.Remove(pull.Request);
                continue;
            }
            if (pull != null && consumer.Session.Replies.ContainsKey(pull.Request))
                consumer.Session.Replies[pull.Request] = new ExpectedReply(EventType.Failed, ErrorCode.NotFound, 0, 0);
            Tell(consumer.Session, new ExpectedEvent(EventType.SubscriptionEnded, consumer.Handle, 0, ErrorCode.NotFound, false));
        }
        queue.Consumers.Clear();
        foreach (NaiveConsumer consumer in queue.Kept.ToArray())
            Forget(consumer);
        NaiveVirtualHost host = _state.Hosts[queue.Host];
        host.Queues.Remove(queue.Name);
        RemoveBindingsTo(host, toExchange: false, queue.Name);
        WakeWaiting(queue);
        LetGoOfAll(queue);
    }

    /// <summary>Nobody asked for it: where the journal cannot be told now, it goes later.</summary>
    private void DeleteByItself(NaiveQueue queue)
    {
        if (queue.Exists && _engine.Find(queue.Host, queue.Name) == null)
            Delete(queue, told: true);
        else if (queue.Exists && !_leaving.Contains(queue))
            _leaving.Add(queue);
    }

    private readonly List<NaiveQueue> _leaving = [];

    /// <summary>Queues that were to go by themselves are gone as soon as the journal takes it, unless they are used again.</summary>
    private void DeleteLeaving()
    {
        foreach (NaiveQueue queue in _leaving.ToArray())
        {
            bool isGone = _engine.Find(queue.Host, queue.Name) == null;
            bool isUsed = queue.Consumers.Count > 0 && queue.Owner < 0;
            if (isGone && !isUsed)
                Delete(queue, told: true);
            if (!queue.Exists || isUsed)
                _leaving.Remove(queue);
            else
                Check(IsLogBusy, $"Queue {queue.Name} should have been deleted.");
        }
        DeleteLeavingExchanges();
    }

    private void OnPurgeQueue(NaiveSession session, PurgeQueue command)
    {
        if (!TryGetQueue(session, command.Request, command.Queue, out NaiveQueue queue))
            return;
        List<NaiveEntry> purged = [.. queue.All.Where(entry => entry.State is NaiveEntryState.Ready or NaiveEntryState.Scheduled)];
        if (queue.Durable && purged.Count > 0 && !WasDefined(session, command.Request))
            return;
        Remove(queue, purged);
        WhenDurable(session, command.Request, EventType.Done, queue.Durable && purged.Count > 0 ? Log.Tail : 0, (ulong)purged.Count);
    }

    private static bool TryGetQueue(NaiveSession session, uint request, string name, out NaiveQueue queue)
    {
        queue = null!;
        if (!session.Host.Queues.TryGetValue(name, out NaiveQueue? found))
        {
            Fail(session, request, ErrorCode.NotFound);
            return false;
        }
        if (found.IsReplyTo)
        {
            Fail(session, request, ErrorCode.AccessRefused);
            return false;
        }
        if (IsLocked(session, found))
        {
            Fail(session, request, ErrorCode.ResourceLocked);
            return false;
        }
        queue = found;
        return true;
    }
}
