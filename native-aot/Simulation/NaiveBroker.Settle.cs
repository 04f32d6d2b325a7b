using System.Diagnostics.CodeAnalysis;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Credit, settlement, returns.</content>
internal sealed partial class NaiveBroker
{
    private static bool TryGetConsumer(NaiveSession session, uint handle, [NotNullWhen(true)] out NaiveConsumer? consumer)
    {
        if (!session.Consumers.TryGetValue(handle, out consumer))
            Fault(session, ErrorCode.UnknownHandle);
        return consumer is { IsEnded: false };
    }

    private void OnCredit(NaiveSession session, Credit credit)
    {
        if (TryGetConsumer(session, credit.Subscription, out NaiveConsumer? consumer))
            AddCredit(consumer, credit.Messages, credit.CreditBytes);
    }

    private void OnSettle(NaiveSession session, Settle command)
    {
        if (!TryGetConsumer(session, command.Subscription, out NaiveConsumer? consumer))
            return;
        if (command.IsInTransaction)
        {
            AddToTransaction(session, consumer, command);
            return;
        }
        if (!CanSettle(consumer, command))
        {
            Fault(session, ErrorCode.UnknownDeliveryTag);
            return;
        }
        if (command.Kind is not (SettleKind.Ack or SettleKind.Requeue or SettleKind.Reject))
        {
            Fault(session, ErrorCode.InvalidArgument);
            return;
        }
        int settled = consumer.Unsettled.Keys.Count(tag => tag <= command.Last && tag >= command.First);
        if (!CheckCredit(consumer, command.Messages, settled))
            return;
        Settle(consumer, command);
        AddCredit(consumer, command.Messages, command.CreditBytes);
    }

    /// <summary>Credit above the limit costs the session (rule C1).</summary>
    private bool CheckCredit(NaiveConsumer consumer, uint messages, int settled)
    {
        bool fits = consumer.CreditMessages + consumer.Unsettled.Count - settled + messages <= limits.MaxCreditMessages;
        if (!fits)
            Fault(consumer.Session, ErrorCode.CreditExceeded);
        return fits;
    }

    private void AddCredit(NaiveConsumer consumer, uint messages, ulong bytes)
    {
        if (CheckCredit(consumer, messages, 0) && !consumer.IsKept)
            consumer.AddCredit(messages, bytes);
    }

    private static bool CanSettle(NaiveConsumer consumer, Settle command)
    {
        if (command.Last >= consumer.NextTag || (command.Last > 0 && !consumer.IsSettling))
            return false;
        if (command.First == 0)
            return true;
        if (command.First > command.Last)
            return false;
        for (ulong tag = command.First; tag <= command.Last; tag++)
        {
            if (!consumer.Unsettled.ContainsKey(tag))
                return false;
        }
        return true;
    }

    private void Settle(NaiveConsumer consumer, Settle command)
    {
        ulong[] tags = [.. consumer.Unsettled.Keys.Where(tag => tag <= command.Last && tag >= command.First)];
        List<NaiveEntry> entries = [.. tags.Select(tag => consumer.Queue.Entries[consumer.Unsettled[tag]])];
        foreach (ulong tag in tags)
            consumer.Unsettled.Remove(tag);
        if (command.Kind == SettleKind.Requeue)
            Return(consumer.Queue, entries);
        else if (command.Kind == SettleKind.Reject)
            Bury(consumer.Queue, entries, "rejected");
        else
            Remove(consumer.Queue, entries);
        if (consumer.Unsettled.Count > 0)
            return;
        if (consumer.IsKept)
            Forget(consumer);
        Elect(consumer.Queue);
    }

    private void Remove(NaiveQueue queue, List<NaiveEntry> entries)
    {
        if (entries.Count == 0)
            return;
        bool isUncertain = IsUncertain(queue, entries);
        foreach (NaiveEntry entry in entries)
        {
            queue.Remove(entry);
            // The first of a place is the one that the journal knows.
            if (isUncertain && entry.State != NaiveEntryState.Scheduled && !queue.Ghosts.ContainsKey(entry.Sequence))
                queue.Ghosts = queue.Ghosts.Add(entry.Sequence, entry with { IsUncertain = true });
        }
        _emptied.Add(queue);
    }

    /// <summary>Messages come back (rules C3, O3, O4, O5, T1).</summary>
    private void Return(NaiveQueue queue, List<NaiveEntry> entries)
    {
        if (entries.Count == 0 || !queue.Exists)
            return;
        // As they were delivered. Which of them leave is decided before any does.
        List<(NaiveEntry Entry, string? Reason)> decided = entries.ConvertAll(entry => (entry, ReasonToLeave(queue, entry)));
        bool isUncertain = IsUncertain(queue, [.. decided.Where(one => one.Reason == null).Select(one => one.Entry)]);
        _isLarge = IsLarge(decided.Where(one => one.Reason != null).Select(one => one.Entry));
        foreach ((NaiveEntry entry, string? reason) in decided)
        {
            if (reason != null)
            {
                Bury(queue, [entry], reason);
                continue;
            }
            NaiveEntry returned = entry with { State = NaiveEntryState.Ready, Count = Math.Min(entry.Count + 1, ushort.MaxValue), IsUncertain = entry.IsUncertain || isUncertain };
            if (queue.Options.DelayMs > 0)
                returned = returned with { State = NaiveEntryState.Delayed, DelayedUntilNs = _nowNs + queue.DelayNs(returned.Count) };
            queue.Set(returned);
        }
        _isLarge = false;
        // What it brings elsewhere is there before more comes back.
        Place();
        _ready.Add(queue);
    }

    private string? ReasonToLeave(NaiveQueue queue, NaiveEntry entry)
    {
        if (queue.ValueKey(entry.Message) is { } key && queue.NewestOf(key) is { } newest && newest.Sequence > entry.Sequence)
            return "replaced";
        if (entry.Count >= queue.Options.DeliveryLimit)
            return "delivery_limit";
        return queue.ExpiresNs(entry) <= _nowNs ? "expired" : null;
    }

    /// <summary>Something changes in a queue: whether the journal does not know of it for certain.</summary>
    private bool IsUncertain(NaiveQueue queue, List<NaiveEntry> entries)
    {
        // What was in memory only is told of by nobody.
        if (!queue.Durable || entries.TrueForAll(entry => !entry.Message.IsJournaled))
            return false;
        if (!HasAppended)
            Check(!IsLogOpen, $"Messages {string.Join(", ", entries.Select(entry => entry.Sequence))} of queue {queue.Name} were changed without a record.");
        bool isUncertain = !HasAppended || !IsLogOpen;
        IsExact &= !isUncertain;
        return isUncertain;
    }
}
