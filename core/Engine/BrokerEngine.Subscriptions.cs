using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Subscriptions: what opens and closes them, and which is active.
internal sealed unsafe partial class BrokerEngine
{
    private const SubscribeFlags KnownSubscribeFlags = SubscribeFlags.NoAck | SubscribeFlags.Exclusive | SubscribeFlags.Browse | SubscribeFlags.Conflate;

    private void OnSubscribe(in SubscribeCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return;
        ReadOnlySpan<byte> name = TakeString(ref strings);
        ReadOnlySpan<byte> key = TakeString(ref strings);
        string? problem = NameRules.Problem("queue name", name) ?? NameRules.ProblemOrEmpty("conflation key", key);
        if (problem != null)
        {
            Fail(session, command.Request, ErrorCode.InvalidName, problem);
            return;
        }
        if (!CheckSubscribe(session, in command))
            return;
        if (name.SequenceEqual(ReplyToName))
        {
            SubscribeReplyTo(session, in command);
            return;
        }
        BrokerQueue? queue = FindQueue(session, command.Request, name, ": declare it first");
        if (queue == null)
            return;
        problem = AccessProblem(queue, (SubscribeFlags)command.Flags);
        if (problem != null)
        {
            Fail(session, command.Request, ErrorCode.AccessRefused, problem);
            return;
        }
        Subscribe(session, in command, queue, key);
    }

    private bool CheckSubscribe(Session session, in SubscribeCommand command)
    {
        var flags = (SubscribeFlags)command.Flags;
        if ((flags & ~KnownSubscribeFlags) != 0)
            Fail(session, command.Request, ErrorCode.InvalidArgument, $"Subscribe flags {command.Flags:x} do not exist: 1 is no-ack, 2 exclusive, 4 browse, 8 conflate.");
        else if ((flags & SubscribeFlags.Browse) != 0 && (flags & SubscribeFlags.Conflate) != 0)
            Fail(session, command.Request, ErrorCode.InvalidArgument, "A subscription cannot both browse and conflate: ask for one of them.");
        else if (command.CreditMessages > (uint)_limits.MaxCreditMessages)
            Fail(session, command.Request, ErrorCode.CreditExceeded, $"Credit for {command.CreditMessages} messages is more than the broker's limit of {_limits.MaxCreditMessages}: ask for less.");
        else if (session.Consumers.Count >= _limits.MaxSubscriptionsPerSession)
            Fail(session, command.Request, ErrorCode.LimitReached, $"This connection has {session.Consumers.Count} subscriptions open, the limit: close some.");
        else
            return true;
        return false;
    }

    private static string? AccessProblem(BrokerQueue queue, SubscribeFlags flags)
    {
        if (queue.Consumers.Exclusive != null)
            return $"Queue '{queue.DisplayName}' has an exclusive subscription: wait until it ends.";
        if ((flags & SubscribeFlags.Exclusive) == 0)
            return null;
        if (queue.Options.SingleActiveConsumer)
            return $"Queue '{queue.DisplayName}' has a single active consumer, which leaves no place for an exclusive one: subscribe without exclusive.";
        if (queue.Consumers.Count > 0)
            return $"Queue '{queue.DisplayName}' has {queue.Consumers.Count} subscriptions already: an exclusive one has to be alone.";
        return null;
    }

    private void Subscribe(Session session, in SubscribeCommand command, BrokerQueue queue, ReadOnlySpan<byte> key)
    {
        SubscribedEvent* subscribed = TryClaimReply<SubscribedEvent>(session, EventType.Subscribed, 1 + queue.Name.Length);
        if (subscribed == null)
            return;
        uint handle = session.Consumers.NextHandle();
        *subscribed = new SubscribedEvent { Session = session.Id, Request = command.Request, Subscription = handle };
        WriteString((byte*)(subscribed + 1), queue.Name);
        session.Port.Ring.Stage();

        var flags = (SubscribeFlags)command.Flags;
        var consumer = new Consumer(session, handle, queue, flags, command.CreditMessages)
        {
            Priority = command.Priority,
            MaxUnacked = command.MaxUnacked,
            Conflation = (flags & SubscribeFlags.Conflate) != 0 ? new Conflation(key.ToArray(), _limits.MaxConflationKeys, queue.Entries.Head) : null,
            BrowseNext = queue.Entries.Head,
            LastTakenNs = _nowNs,
        };
        consumer.AddCredit(command.CreditMessages, command.CreditBytes);
        session.Consumers.Set(handle, consumer);
        queue.Consumers.Add(consumer);
        if (queue.Options.SingleActiveConsumer && !consumer.IsViewer)
        {
            Elect(queue);
            if (queue.Consumers.Active != consumer)
                SendActive(consumer, isActive: false);
        }
        Schedule(queue);
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnUnsubscribe(in UnsubscribeCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        if (!session.Consumers.TryGet(command.Subscription, out Consumer? consumer))
            return Fail(session, command.Request, ErrorCode.UnknownHandle, $"Subscription {command.Subscription} is not open on this connection.");
        bool keep = (command.Flags & (uint)UnsubscribeFlags.KeepUnsettled) != 0 && consumer is { IsEnded: false, Tags.UnsettledCount: > 0 };
        if (!keep && !consumer.IsEnded && !CanReturn(ReturnLength(consumer)))
            return false;
        if (consumer.Pull.IsActive)
            Answer(consumer);
        Detach(consumer, keep);
        if (!keep)
            session.Consumers.Remove(command.Subscription);
        Done(session, command.Request);
        return true;
    }

    /// <summary>Takes a consumer from its queue: nothing more is delivered.</summary>
    /// <param name="keep">What is unsettled stays with it; otherwise it returns.</param>
    private void Detach(Consumer consumer, bool keep)
    {
        if (consumer.IsEnded)
            return;
        BrokerQueue queue = consumer.Queue;
        consumer.IsKept = keep;
        consumer.IsEnded = !keep;
        EndPull(consumer);
        ReleaseConflation(consumer);
        queue.Consumers.Remove(consumer, keep);
        Used(queue);
        if (!keep)
            ReturnUnsettled(consumer);
        Elect(queue);
        OnConsumerGone(queue);
    }

    /// <returns>How many messages went back.</returns>
    private int ReturnUnsettled(Consumer consumer)
    {
        TagRing tags = consumer.Tags;
        int count = tags.UnsettledCount;
        if (count == 0)
            return 0;
        _ranges.Clear();
        for (ulong tag = tags.First; tag < tags.Next; tag++)
        {
            long sequence = tags.Settle(tag);
            if (sequence != 0)
                _ranges.Add(sequence);
        }
        Return(consumer.Queue, _ranges);
        Unack(consumer.Session, count);
        Schedule(consumer.Queue); // It may take more now, though nothing may have come back to the queue.
        return count;
    }

    /// <summary>A queue goes: tells its subscriptions, and forgets what was kept of others.</summary>
    /// <param name="sentence">Null when their sessions end with it, and are told so.</param>
    private void EndConsumers(BrokerQueue queue, string? sentence)
    {
        foreach (Consumer consumer in queue.Consumers.All.ToArray())
        {
            consumer.IsEnded = true;
            bool isPulling = consumer.Pull.IsActive;
            EndPull(consumer);
            ReleaseConflation(consumer);
            queue.Consumers.Remove(consumer, keep: false);
            Unack(consumer.Session, consumer.Tags.UnsettledCount);
            if (sentence == null)
                continue;
            if (isPulling)
                Fail(consumer.Session, consumer.Pull.Request, ErrorCode.NotFound, sentence);
            SendEnded(consumer.Session, consumer.Handle, isPublication: false, ErrorCode.NotFound, sentence);
        }
        foreach (Consumer consumer in queue.Consumers.Kept.ToArray())
        {
            consumer.IsEnded = true;
            queue.Consumers.Remove(consumer, keep: false);
            Unack(consumer.Session, consumer.Tags.UnsettledCount);
            consumer.Session.Consumers.Remove(consumer.Handle);
        }
    }

    /// <summary>Sees to it that the right consumer is the active one, and tells those whom it concerns.</summary>
    private void Elect(BrokerQueue queue)
    {
        if (!queue.Consumers.Elect(out Consumer? passive, out Consumer? active))
            return;
        if (passive != null)
            SendActive(passive, isActive: false);
        if (active == null)
            return;
        SendActive(active, isActive: true);
        Schedule(queue);
    }

    private void SendActive(Consumer consumer, bool isActive)
    {
        SubscriptionActiveEvent* changed = TryClaimReply<SubscriptionActiveEvent>(consumer.Session, EventType.SubscriptionActive, 0);
        if (changed == null)
            return;
        *changed = new SubscriptionActiveEvent { Session = consumer.Session.Id, Subscription = consumer.Handle, IsActive = isActive ? 1u : 0u };
        consumer.Session.Port.Ring.Stage();
    }

    private bool TryGetConsumer(int sessionId, uint handle, [NotNullWhen(true)] out Consumer? consumer)
    {
        Session? session = _sessions[sessionId];
        if (session == null || session.IsFaulted)
        {
            consumer = null;
            return false;
        }
        if (!session.Consumers.TryGet(handle, out consumer))
        {
            Fault(session, ErrorCode.UnknownHandle, $"Subscription {handle} is not open on this connection: subscribe and use the handle in the answer.");
            return false;
        }
        return !consumer.IsEnded;
    }
}
