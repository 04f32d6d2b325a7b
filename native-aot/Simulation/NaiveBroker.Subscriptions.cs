using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Subscriptions: open, close, get, recover, who is active (rules C).</content>
internal sealed partial class NaiveBroker
{
    private const string ReplyTo = "amq.rabbitmq.reply-to";

    private void OnSubscribe(NaiveSession session, Subscribe command)
    {
        ErrorCode problem = SubscribeProblem(session, command);
        if (problem != ErrorCode.None)
        {
            Fail(session, command.Request, problem);
            return;
        }
        NaiveQueue queue;
        if (command.Queue == ReplyTo)
        {
            if (command.Flags != SubscribeFlags.NoAck || session.Consumers.Values.Any(known => known.Queue.IsReplyTo && !known.IsEnded))
            {
                Fail(session, command.Request, ErrorCode.PreconditionFailed);
                return;
            }
            if (session.Port.Port.IsOverrun)
                return; // Nobody was told of the address, and it went at once.
            NaiveTable arguments = new NaiveTable().With("x-max-length", limits.DefaultReplyLength);
            queue = new NaiveQueue(session.Host.Name, NewName(session.Host, ReplyTo + "."), NaiveQueueOptions.Parse(QueueFlags.AutoDelete, arguments, 0)!, arguments) { IsReplyTo = true };
            session.Host.Queues.Add(queue.Name, queue);
        }
        else if (!TryGetQueue(session, command.Request, command.Queue, out queue))
        {
            return;
        }
        bool isExclusive = (command.Flags & SubscribeFlags.Exclusive) != 0;
        if (queue.Consumers.Exists(known => known.IsExclusive) || (isExclusive && (queue.Options.SingleActive || queue.Consumers.Count > 0)))
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
            return;
        }
        // The answer found no room. Where it did, and only the word of who is active did not, the subscription is there until the session ends.
        if (session.Port.Port.IsOverrun && _engine.Find(queue.Host, queue.Name)!.Consumers == queue.Consumers.Count)
            return;
        uint handle = NaiveSession.NextHandle(session.Consumers);
        var consumer = new NaiveConsumer(session, handle, queue, command);
        consumer.AddCredit(command.Messages, command.CreditBytes);
        session.Consumers.Add(handle, consumer);
        queue.Consumers.Add(consumer);
        Reply(session, command.Request, new ExpectedReply(EventType.Subscribed, ErrorCode.None, 0, 0) { Handle = handle });
        if (queue.Options.SingleActive && !consumer.IsViewer)
        {
            Elect(queue);
            if (queue.Active != consumer)
                TellActive(consumer, isActive: false);
        }
    }

    private ErrorCode SubscribeProblem(NaiveSession session, Subscribe command)
    {
        const SubscribeFlags viewing = SubscribeFlags.Browse | SubscribeFlags.Conflate;
        if ((uint)command.Flags > 15 || (command.Flags & viewing) == viewing)
            return ErrorCode.InvalidArgument;
        if (command.Messages > limits.MaxCreditMessages)
            return ErrorCode.CreditExceeded;
        return session.Consumers.Count >= limits.MaxSubscriptionsPerSession ? ErrorCode.LimitReached : ErrorCode.None;
    }

    private void OnUnsubscribe(NaiveSession session, Unsubscribe command)
    {
        if (!session.Consumers.TryGetValue(command.Subscription, out NaiveConsumer? consumer))
        {
            Fail(session, command.Request, ErrorCode.UnknownHandle);
            return;
        }
        bool keeps = command.KeepsUnsettled && !consumer.IsEnded && consumer.Unsettled.Count > 0;
        if (consumer.Pull != null)
            session.Replies[consumer.Pull.Request] = new ExpectedReply(EventType.Done, ErrorCode.None, 0, 0) { Count = consumer.Pull.Count };
        Detach(consumer, keeps);
        if (!keeps)
            session.Consumers.Remove(command.Subscription);
        Now(session, command.Request, EventType.Done, count: 0);
    }

    private void Detach(NaiveConsumer consumer, bool keeps = false)
    {
        if (consumer.IsEnded)
            return;
        consumer.IsEnded = !keeps;
        consumer.IsKept = keeps;
        consumer.Pull = null;
        consumer.News.Clear();
        NaiveQueue queue = consumer.Queue;
        queue.Consumers.Remove(consumer);
        queue.Kept.Remove(consumer);
        if (keeps)
            queue.Kept.Add(consumer);
        else
            ReturnUnsettled(consumer);
        queue.UsedNs = _nowNs;
        Elect(queue);
        if (queue.Options.AutoDelete && queue.Consumers.Count == 0)
            DeleteByItself(queue);
    }

    private int ReturnUnsettled(NaiveConsumer consumer)
    {
        List<NaiveEntry> returned = [.. consumer.Unsettled.Values.Select(sequence => consumer.Queue.Entries[sequence])];
        consumer.Unsettled.Clear();
        Return(consumer.Queue, returned);
        return returned.Count;
    }

    /// <summary>All that was kept of a closed subscription is settled.</summary>
    private static void Forget(NaiveConsumer consumer)
    {
        consumer.IsEnded = true;
        consumer.Queue.Kept.Remove(consumer);
        consumer.Session.Consumers.Remove(consumer.Handle);
    }

    private void OnRecover(NaiveSession session, SessionRequest command)
    {
        int count = 0;
        foreach (NaiveConsumer consumer in session.Consumers.Values.Where(consumer => !consumer.IsEnded).ToArray())
        {
            count += ReturnUnsettled(consumer);
            if (consumer.IsKept)
                Forget(consumer);
            Elect(consumer.Queue);
        }
        Now(session, command.Request, EventType.Done, (ulong)count);
    }

    private void OnGet(NaiveSession session, Get command)
    {
        if (!session.Consumers.TryGetValue(command.Subscription, out NaiveConsumer? consumer))
            Fail(session, command.Request, ErrorCode.UnknownHandle);
        else if (consumer.IsEnded)
            Fail(session, command.Request, ErrorCode.NotFound);
        else if (consumer.IsKept || (consumer.Pull != null && command.MaxMessages > 0))
            Fail(session, command.Request, ErrorCode.PreconditionFailed);
        else if (command.MaxMessages == 0)
            Fail(session, command.Request, ErrorCode.InvalidArgument);
        else
            Begin(consumer, command);
    }

    private void Begin(NaiveConsumer consumer, Get command)
    {
        consumer.Pull = new NaivePull(command, _nowNs + command.WaitMs * 1_000_000L, Math.Min(command.MaxMessages, (uint)limits.MaxCreditMessages));
        consumer.Queue.UsedNs = _nowNs;
        Reply(consumer.Session, command.Request, new ExpectedReply(EventType.Done, ErrorCode.None, 0, long.MaxValue) { Pull = consumer });
    }

    /// <summary>A get was answered: with all that came for it, and not with nothing before its time.</summary>
    private void OnPulled(NaiveConsumer consumer, uint request, ulong count)
    {
        NaivePull? pull = consumer.Pull;
        if (pull == null || pull.Request != request)
            return; // It was answered because its subscription ended.
        Check(count == pull.Count, $"A get was answered with {count}, it was given {pull.Count} messages.");
        Check(count > 0 || pull.DeadlineNs <= _nowNs, $"A get was answered with nothing at {_nowNs}, it waits until {pull.DeadlineNs}.");
        consumer.Pull = null;
    }

    /// <summary>Something was settled at once: the queue has another turn with the next batch.</summary>
    private static bool HasPassed(NaiveQueue queue) => queue.Consumers.Exists(consumer => consumer.IsNoAck && consumer.BatchCount > 0);

    private void CheckPulls(NaiveSession session)
    {
        bool isHeld = Log.CheckAppend(MaxDeliveredBody, reserved: true) == Core.Journal.AppendStatus.NotReady;
        foreach (NaiveConsumer consumer in session.Consumers.Values.Where(consumer => consumer.Pull != null && !isHeld && !HasPassed(consumer.Queue) && !AwaitsLoad(consumer.Queue)))
        {
            // While the queue has another turn there may be more for it: a batch or two.
            bool isOver = consumer.Pull!.Count > 0 || consumer.Pull.DeadlineNs <= _nowNs;
            bool isIdle = consumer.BatchCount == 0;
            consumer.Pull.IdleBatches = isOver && isIdle ? consumer.Pull.IdleBatches + 1 : 0;
            Check(consumer.Pull.IdleBatches < 3, $"A get was given {consumer.Pull.Count} messages and is not answered at {_nowNs}, its time is {consumer.Pull.DeadlineNs}.");
        }
    }

    /// <summary>One is given messages: the first by priority, then by age, once the one before it has nothing left (rule C7).</summary>
    private static void Elect(NaiveQueue queue)
    {
        if (!queue.Options.SingleActive || !queue.Exists)
            return;
        NaiveConsumer? first = queue.Consumers.Where(consumer => !consumer.IsViewer).OrderByDescending(consumer => consumer.Priority).FirstOrDefault();
        if (queue.Active != null && queue.Active != first)
        {
            queue.Leaving = queue.Active;
            queue.Active = null;
            if (queue.Consumers.Contains(queue.Leaving))
                TellActive(queue.Leaving, isActive: false);
        }
        if (queue.Leaving != null && (queue.Leaving == first || queue.Leaving.IsEnded || queue.Leaving.Unsettled.Count == 0))
            queue.Leaving = null;
        if (queue.Leaving == null && queue.Active != first)
        {
            queue.Active = first;
            if (first != null)
                TellActive(first, isActive: true);
        }
    }

    private static void TellActive(NaiveConsumer consumer, bool isActive) =>
        Tell(consumer.Session, new ExpectedEvent(EventType.SubscriptionActive, consumer.Handle, isActive ? 1ul : 0, ErrorCode.None, false));
}
