using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What a client gives back: credit, and what it was delivered.
internal sealed unsafe partial class BrokerEngine
{
    private void OnCredit(in CreditCommand command)
    {
        if (TryGetConsumer(command.Session, command.Subscription, out Consumer? consumer) && TryAddCredit(consumer, command.Messages, command.Bytes, settled: 0))
            Schedule(consumer.Queue);
    }

    /// <param name="settled">Unsettled messages that are settled with it.</param>
    private bool CheckCredit(Consumer consumer, uint messages, int settled)
    {
        if (consumer.HasRoomForCredit(messages, settled, _limits.MaxCreditMessages))
            return true;
        Fault(consumer.Session, ErrorCode.CreditExceeded,
            $"Subscription {consumer.Handle} was given credit for {messages} messages beside {consumer.CreditMessages} and {consumer.Tags.UnsettledCount - settled} unsettled: the broker's limit for all three is {_limits.MaxCreditMessages}.");
        return false;
    }

    private bool TryAddCredit(Consumer consumer, uint messages, ulong bytes, int settled)
    {
        if (!CheckCredit(consumer, messages, settled))
            return false;
        if (!consumer.IsKept)
            consumer.AddCredit(messages, bytes);
        return true;
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnSettle(in SettleCommand command)
    {
        if (!TryGetConsumer(command.Session, command.Subscription, out Consumer? consumer))
            return true;
        if ((command.Flags & (byte)SettleFlags.InTransaction) != 0)
        {
            if (CheckKind(consumer, in command))
                AddToTransaction(consumer, in command);
            return true;
        }
        _ranges.Clear();
        if (!TryFindTags(consumer, command.FirstTag, command.LastTag, _ranges, out int count))
        {
            FaultTag(consumer, in command);
            return true;
        }
        if (!CheckKind(consumer, in command))
            return true;
        if (!CheckCredit(consumer, command.CreditMessages, count))
            return true;
        if (!TrySettle(consumer.Queue, _ranges, (SettleKind)command.Kind))
            return false;
        SettleTags(consumer, command.FirstTag, command.LastTag);
        if (command.CreditMessages > 0 || command.CreditBytes > 0)
            TryAddCredit(consumer, command.CreditMessages, command.CreditBytes, settled: 0);
        return true;
    }

    private bool CheckKind(Consumer consumer, in SettleCommand command)
    {
        if (command.Kind is >= (byte)SettleKind.Ack and <= (byte)SettleKind.Reject)
            return true;
        Fault(consumer.Session, ErrorCode.InvalidArgument, $"Settle kind {command.Kind} does not exist: 1 acknowledges, 2 requeues, 3 rejects.");
        return false;
    }

    /// <summary>The queue sequences of tags that are to be settled.</summary>
    /// <param name="first">0 for all unsettled ones up to <paramref name="last"/>.</param>
    /// <param name="count">How many there are.</param>
    /// <returns>False when one was never delivered, or is settled already.</returns>
    private static bool TryFindTags(Consumer consumer, ulong first, ulong last, SequenceRanges sequences, out int count)
    {
        count = 0;
        TagRing tags = consumer.Tags;
        bool isCumulative = first == 0;
        if (last >= tags.Next || (!isCumulative && (first > last || first < tags.First)) || (last > 0 && !consumer.KeepsTags))
            return false;
        for (ulong tag = isCumulative ? tags.First : first; tag <= last; tag++)
        {
            long sequence = tags[tag];
            if (sequence != 0)
            {
                sequences.Add(sequence);
                count++;
            }
            else if (!isCumulative)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The tags are settled, and their messages have been dealt with.</summary>
    private void SettleTags(Consumer consumer, ulong first, ulong last)
    {
        TagRing tags = consumer.Tags;
        int before = tags.UnsettledCount;
        for (ulong tag = first == 0 ? tags.First : first; tag <= last; tag++)
            tags.Settle(tag);
        consumer.LastTakenNs = _nowNs;
        Unack(consumer.Session, before - tags.UnsettledCount);
        Schedule(consumer.Queue);
        if (tags.UnsettledCount > 0)
            return;
        if (consumer.IsKept)
            Forget(consumer);
        Elect(consumer.Queue);
    }

    /// <summary>All that was kept of it is settled.</summary>
    private static void Forget(Consumer consumer)
    {
        consumer.IsEnded = true;
        consumer.Queue.Consumers.Remove(consumer, keep: false);
        consumer.Session.Consumers.Remove(consumer.Handle);
    }

    /// <summary>A session has fewer unsettled messages: where that was what held its consumers back, they go on.</summary>
    private void Unack(Session session, int count)
    {
        bool wasFull = session.IsAtMaxUnacked;
        session.UnackedCount -= count;
        if (wasFull && !session.IsAtMaxUnacked)
            ScheduleQueues(session);
    }

    private void ScheduleQueues(Session session)
    {
        foreach (Consumer? consumer in session.Consumers.Items)
        {
            if (consumer is { IsEnded: false, IsKept: false })
                Schedule(consumer.Queue);
        }
    }

    private void OnSetMaxUnacked(in RequestCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return;
        session.MaxUnacked = command.Flags;
        ScheduleQueues(session);
        Done(session, command.Request);
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnRecover(in RequestCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        if (!CanReturn(ReturnLength(session)))
            return false;
        ulong count = 0;
        foreach (Consumer? consumer in session.Consumers.Items)
        {
            if (consumer is not { IsEnded: false })
                continue;
            count += (ulong)ReturnUnsettled(consumer);
            if (consumer.IsKept)
                Forget(consumer);
            Elect(consumer.Queue);
        }
        Done(session, command.Request, count);
        return true;
    }

    private void FaultTag(Consumer consumer, in SettleCommand command) =>
        Fault(consumer.Session, ErrorCode.UnknownDeliveryTag, $"{TagProblem(consumer, in command)}.");

    private static string TagProblem(Consumer consumer, in SettleCommand command)
    {
        string tags = command.FirstTag == 0 ? $"up to {command.LastTag}" : $"{command.FirstTag} to {command.LastTag}";
        string why = consumer.KeepsTags
            ? $"tags {consumer.Tags.First} to {consumer.Tags.Next - 1} were delivered last, and each is settled once"
            : "its deliveries are not to be settled";
        return $"Subscription {consumer.Handle} cannot settle tags {tags}: {why}";
    }
}
