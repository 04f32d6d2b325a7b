using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Transactions: all of it or nothing (rules X1 to X5).</content>
internal sealed partial class NaiveBroker
{
    private bool _isCommitting;

    private bool WasCommitted => _core.Engine.CommittedCount > _committedBefore;

    private void AddToTransaction(NaiveSession session, NaivePublication publication, Publish command)
    {
        if (command.Sequence != 0)
            Fault(session, ErrorCode.InvalidArgument);
        else if (command.Message.Body.Length > limits.MaxBodyLength)
            Fault(session, ErrorCode.ContentTooLarge);
        else
            session.Transaction.Add(publication, null, command, MostOfTransaction);
    }

    private void AddToTransaction(NaiveSession session, NaiveConsumer consumer, Settle command)
    {
        if (command.Kind is not (SettleKind.Ack or SettleKind.Requeue or SettleKind.Reject))
        {
            Fault(session, ErrorCode.InvalidArgument);
            return;
        }
        session.Transaction.Add(null, consumer, command, MostOfTransaction);
        if (command.Messages > 0 || command.CreditBytes > 0)
            AddCredit(consumer, command.Messages, command.CreditBytes);
    }

    private long MostOfTransaction => Math.Min(limits.MaxTransactionBytes, Log.MaxBodyLength);

    private void OnCommit(NaiveSession session, SessionRequest command)
    {
        NaiveTransaction transaction = session.Transaction;
        if (transaction.IsEmpty)
        {
            Check(!WasCommitted, "A transaction was committed that has nothing in it.");
            Now(session, command.Request, EventType.Done, 0);
            return;
        }
        ExpectedReply? problem = transaction.IsTooLong ? new ExpectedReply(EventType.Failed, ErrorCode.PreconditionFailed, 0, 0) : FindProblem(transaction);
        Check(problem == null || !WasCommitted, $"A transaction was committed that should have failed: {problem}.");
        if (problem == null && WasCommitted)
            Commit(session, command, transaction);
        else
            Reply(session, command.Request, problem ?? WithoutRoom(transaction));
        transaction.Clear();
    }

    /// <summary>What would be refused, looked at in order as if all before it were done (rule X2); null when nothing would.</summary>
    private ExpectedReply? FindProblem(NaiveTransaction transaction)
    {
        var settled = new Dictionary<NaiveConsumer, HashSet<ulong>>();
        ExpectedReply? problem = null;
        foreach ((NaivePublication? publication, NaiveConsumer? consumer, SimulatedCommand command) in transaction.Operations)
        {
            problem = publication != null ? FindProblem(publication, (Publish)command) : FindProblem(consumer!, (Settle)command, settled);
            if (problem != null)
                break;
        }
        foreach (NaiveQueue queue in _state.Queues)
            (queue.PromisedCount, queue.PromisedBytes) = (0, 0);
        _emptied.Clear();
        return problem;
    }

    private ExpectedReply? FindProblem(NaivePublication publication, Publish command)
    {
        if (publication.IsEnded || !publication.Session.Publications.ContainsValue(publication))
            return Failed(ErrorCode.UnknownHandle);
        if (_isShuttingDown)
            return Failed(ErrorCode.ShuttingDown);
        (string key, List<NaiveQueue> route) = RouteOf(publication, command);
        if (route.Count == 0)
            return IsMandatory(publication, command) ? Failed(ErrorCode.NoRoute) : null;
        Admitted admitted = Admit(publication, command, key, route);
        if (admitted.IsRejected)
            return Failed(admitted.Full.Count > 0 ? ErrorCode.QueueFull : ErrorCode.DeadLetterCycle) with { OtherCode = admitted.Cycles.Count > 0 ? ErrorCode.DeadLetterCycle : ErrorCode.None };
        // One that replaces another takes room too: which is the newest of its key is known when all is done.
        foreach (NaiveQueue queue in admitted.Takers)
            (queue.PromisedCount, queue.PromisedBytes) = (queue.PromisedCount + 1, queue.PromisedBytes + admitted.Message.PayloadLength);
        foreach ((_, NaiveQueue queue) in admitted.Elsewhere)
            queue.PromisedCount++;
        return null;
    }

    private ExpectedReply? FindProblem(NaiveConsumer consumer, Settle command, Dictionary<NaiveConsumer, HashSet<ulong>> settled)
    {
        if (consumer.IsEnded && !consumer.Queue.Exists)
            return null; // What it held went with its queue.
        if (!settled.TryGetValue(consumer, out HashSet<ulong>? before))
            settled.Add(consumer, before = []);
        if (consumer.IsEnded || !CanSettle(consumer, command) || (command.First > 0 && before.Any(tag => tag >= command.First && tag <= command.Last)))
            return Failed(ErrorCode.UnknownDeliveryTag);
        foreach ((ulong tag, long sequence) in consumer.Unsettled.Where(pair => pair.Key >= command.First && pair.Key <= command.Last && !before.Contains(pair.Key)))
        {
            before.Add(tag);
            NaiveQueue queue = consumer.Queue;
            NaiveEntry entry = queue.Entries[sequence];
            if (command.Kind != SettleKind.Requeue)
                (queue.PromisedCount, queue.PromisedBytes) = (queue.PromisedCount - 1, queue.PromisedBytes - entry.Message.PayloadLength);
            string? reason = command.Kind switch { SettleKind.Ack => null, SettleKind.Reject => "rejected", _ => ReasonToLeave(queue, entry) };
            if (reason == null || reason == "replaced")
                continue;
            // Dead letters take room where they go; how much is not looked at.
            foreach (NaiveQueue to in DeadRoute(queue, entry.Message, reason).Route)
                to.PromisedCount++;
        }
        return null;
    }

    private static ExpectedReply Failed(ErrorCode code) => new(EventType.Failed, code, 0, 0);

    /// <summary>Nothing is wrong with it, and it was not done: there is no room for it, in one record or at all.</summary>
    private ExpectedReply WithoutRoom(NaiveTransaction transaction)
    {
        RecordLog transient = _core.Transient.Log;
        ErrorCode code = transient.State != JournalState.Open ? ErrorCode.MemoryLimit
            : Log.State == JournalState.Failed ? ErrorCode.JournalFailed
            : Log.State != JournalState.Open ? ErrorCode.DiskFull
            : ErrorCode.PreconditionFailed;
        Check(code != ErrorCode.PreconditionFailed || Log.Next == null || transaction.Length + MostMoved(transaction) > Log.MaxBodyLength / 2, "A transaction that has room was not committed.");
        return Failed(code) with { OtherCode = ErrorCode.PreconditionFailed };
    }

    /// <summary>More than what its rejects move takes in the journal.</summary>
    private static long MostMoved(NaiveTransaction transaction) => transaction.Operations.Sum(operation => operation.Consumer?.Queue.Bytes ?? 0);

    /// <summary>Does all of it in order.</summary>
    private void Commit(NaiveSession session, SessionRequest command, NaiveTransaction transaction)
    {
        bool isOnDisk = false;
        _isCommitting = true;
        foreach ((NaivePublication? publication, NaiveConsumer? consumer, SimulatedCommand operation) in transaction.Operations)
        {
            if (publication != null)
                isOnDisk |= CommitPublish(publication, (Publish)operation) == DurabilityLevel.Disk;
            else if (!consumer!.IsEnded)
                Settle(consumer, (Settle)operation);
            PlaceArrivals();
        }
        _isCommitting = false;
        // What it pushes out has records of its own.
        if (_core.Engine.CommittedEnd > _tailBefore)
            Remember(_core.Engine.CommittedEnd, isWhole: true);
        foreach (NaiveQueue queue in _state.Queues)
            DropFromHead(queue);
        PlaceArrivals();
        long end = isOnDisk ? Log.Tail : 0;
        WhenDurable(session, command.Request, EventType.Done, end, (ulong)transaction.Operations.Count);
    }

    private DurabilityLevel CommitPublish(NaivePublication publication, Publish command)
    {
        (string key, List<NaiveQueue> route) = RouteOf(publication, command);
        if (route.Count == 0)
            return DurabilityLevel.None;
        Admitted admitted = Admit(publication, command, key, route);
        if (admitted.IsRejected)
        {
            // What the transaction has moved itself takes no room.
            admitted = new Admitted(admitted.Message) { Level = route.Exists(queue => queue.Durable) ? LevelOf(publication, command) : DurabilityLevel.Memory };
            admitted.Takers.AddRange(route);
        }
        Store(admitted);
        HoldBack(publication, admitted.Blocking);
        return admitted.Level;
    }

    private (string Key, List<NaiveQueue> Route) RouteOf(NaivePublication publication, Publish command)
    {
        string key = command.Message.OwnKey.Length > 0 ? command.Message.OwnKey : publication.Key;
        return (key, Route(publication.Session.Host, publication.Exchange, key, command.Message.Headers));
    }

    private static bool IsMandatory(NaivePublication publication, Publish command) => publication.IsMandatory || (command.Flags & PublishFlags.Mandatory) != 0;
}
