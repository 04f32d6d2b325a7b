using System.Runtime.InteropServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Transactions: operations are kept until the commit. That checks all of them first, as if those before were done, and then does them in
// order, as one group in each log: rules X1 to X5.
internal sealed unsafe partial class BrokerEngine
{
    // What the commit that is being worked on takes.
    private int _commitDurable;
    private int _commitTransient;
    private bool _commitBringsMessages;
    private bool _commitAwaitsDisk;
    private readonly List<(BrokerQueue Queue, int PayloadLength, int Count)> _commitReserved = [];
    private readonly List<Consumer> _commitMarked = [];
    private readonly List<BrokerQueue> _commitTargets = [];

    /// <summary>Transactions that were committed with something in them, since the start.</summary>
    internal long CommittedCount { get; private set; }

    /// <summary>Where the journal ended with the last of them that has a record there.</summary>
    internal long CommittedEnd { get; private set; }

    /// <summary>Most bytes of a transaction: what one group can hold.</summary>
    private int MaxTransactionLength => Math.Min(_limits.MaxTransactionBytes, (_durableLog ?? _transientLog).MaxBodyLength);

    private static Transaction TransactionOf(Session session) => session.Transaction ??= new Transaction();

    private void AddToTransaction(EnginePublication publication, in PublishCommand command, ReadOnlySpan<byte> payload)
    {
        if (command.Sequence != 0)
            Fault(publication.Session, ErrorCode.InvalidArgument, $"Publication {publication.Handle} sent sequence {command.Sequence} in a transaction: it must be 0 there.");
        else if (command.BodyLength > _limits.MaxBodyLength)
            Fault(publication.Session, ErrorCode.ContentTooLarge, $"The body has {command.BodyLength} bytes: the broker's limit is {_limits.MaxBodyLength}.");
        else
            TransactionOf(publication.Session).Add(CommandType.Publish, in command, payload, publication, MaxTransactionLength);
    }

    private void AddToTransaction(Consumer consumer, in SettleCommand command)
    {
        TransactionOf(consumer.Session).Add(CommandType.Settle, in command, default, consumer, MaxTransactionLength);
        if (command.CreditMessages == 0 && command.CreditBytes == 0)
            return;
        if (TryAddCredit(consumer, command.CreditMessages, command.CreditBytes, settled: 0))
            Schedule(consumer.Queue);
    }

    private void OnRollbackTransaction(in RequestCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return;
        int count = session.Transaction?.Count ?? 0;
        session.Transaction?.Clear();
        Done(session, command.Request, (ulong)count);
    }

    /// <returns>False when a log is preparing its next segment; nothing was done then.</returns>
    private bool OnCommitTransaction(in RequestCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        Transaction? transaction = session.Transaction;
        if (transaction == null || (transaction.Count == 0 && transaction.Problem == null))
        {
            Done(session, command.Request);
            return true;
        }
        if (transaction.Problem != null)
            return FailCommit(session, command.Request, transaction.ProblemAt, ErrorCode.PreconditionFailed, transaction.Problem);
        int failedAt = CheckTransaction(transaction, out ErrorCode code, out string? problem);
        if (failedAt > 0)
            return FailCommit(session, command.Request, failedAt, code, problem!);
        AppendStatus status = TryBeginCommit(out bool isTransientFull);
        if (status == AppendStatus.NotReady)
            return false;
        if (status != AppendStatus.Appended)
            return FailBegin(session, command.Request, status, isTransientFull);
        ApplyTransaction(transaction);
        return EndCommit(session, command.Request, transaction);
    }

    private bool EndCommit(Session session, uint request, Transaction transaction)
    {
        if (_transientLog.IsInGroup)
            _transientLog.EndGroup();
        long end = 0;
        if (_durableLog is { IsInGroup: true })
        {
            _durableLog.EndGroup();
            CommittedEnd = _durableLog.Tail;
            end = _commitAwaitsDisk ? CommittedEnd : 0;
        }
        ulong count = (ulong)transaction.Count;
        transaction.Clear();
        CommittedCount++;
        AnswerWhenDurable(session, new PendingReply(EventType.Done, session, request, end, null, count));
        return true;
    }

    private bool FailCommit(Session session, uint request, int at, ErrorCode code, string problem)
    {
        session.Transaction!.Clear();
        return Fail(session, request, code, $"Operation {at} of the transaction: {problem} Nothing of the transaction was done.");
    }

    private bool FailBegin(Session session, uint request, AppendStatus status, bool isTransientFull)
    {
        session.Transaction!.Clear();
        return status switch
        {
            AppendStatus.TooLarge => Fail(session, request, ErrorCode.PreconditionFailed,
                $"The transaction takes {Math.Max(_commitDurable, _commitTransient)} bytes with what it moves, more than fit into one record: commit in smaller parts. Nothing of it was done."),
            AppendStatus.NoSpace when isTransientFull => Fail(session, request, ErrorCode.MemoryLimit,
                $"The broker holds {_limits.MaxTransientBytes} bytes of transient messages, its limit: consume some. Nothing of the transaction was done."),
            AppendStatus.NoSpace => Fail(session, request, ErrorCode.DiskFull,
                "The journal's disk is full: free space, the broker goes on by itself. Nothing of the transaction was done."),
            _ => Fail(session, request, ErrorCode.JournalFailed,
                "The journal failed and keeps nothing new until the broker is restarted: see the broker's log. Nothing of the transaction was done."),
        };
    }

    /// <summary>Room for all of it, in both logs or in none.</summary>
    private AppendStatus TryBeginCommit(out bool isTransientFull)
    {
        isTransientFull = false;
        AppendStatus status = AppendStatus.Appended;
        if (_commitTransient > 0 && !_transientLog.TryBeginGroup(_commitTransient, out status, reserved: false))
        {
            isTransientFull = true;
            return status;
        }
        if (_commitDurable > 0 && !TryBeginGroupFor(CollectionsMarshal.AsSpan(_commitTargets), _commitDurable, !_commitBringsMessages, out status) && _transientLog.IsInGroup)
            _transientLog.EndGroup(); // Nothing is in it: it leaves no trace.
        return status;
    }

    /// <summary>Checks every operation as if those before it were done. Changes nothing.</summary>
    /// <returns>Number of the first one that would be refused, from 1; 0 when there is none.</returns>
    private int CheckTransaction(Transaction transaction, out ErrorCode code, out string? problem)
    {
        _commitTargets.Clear();
        _commitDurable = 0;
        _commitTransient = 0;
        _commitBringsMessages = false;
        _commitAwaitsDisk = false;
        code = ErrorCode.None;
        problem = null;
        int failedAt = 0;
        int offset = 0;
        for (int i = 0; i < transaction.Count && failedAt == 0; i++)
        {
            ReadOnlySpan<byte> operation = transaction.Read(offset, out CommandType type, out offset);
            bool isGood = type == CommandType.Publish
                ? CheckPublish((EnginePublication)transaction.Target(i), in As<PublishCommand>(operation), operation[sizeof(PublishCommand)..], out code, out problem)
                : CheckSettle((Consumer)transaction.Target(i), in As<SettleCommand>(operation), out code, out problem);
            if (!isGood)
                failedAt = i + 1;
        }
        foreach ((BrokerQueue queue, int payloadLength, int count) in _commitReserved)
            queue.Reserve(payloadLength, -count);
        _commitReserved.Clear();
        foreach (Consumer consumer in _commitMarked)
            consumer.Tags.UnmarkAll();
        _commitMarked.Clear();
        return failedAt;
    }

    private bool CheckPublish(EnginePublication publication, in PublishCommand command, ReadOnlySpan<byte> rest, out ErrorCode code, out string? problem)
    {
        problem = null;
        code = ErrorCode.None;
        ReadOnlySpan<byte> payload = PayloadOf(in command, rest);
        if (publication.IsEnded)
            code = Problem(ErrorCode.UnknownHandle, $"publication {publication.Handle} was closed meanwhile.", out problem);
        else if (_isShuttingDown)
            code = Problem(ErrorCode.ShuttingDown, "the broker is shutting down: publish again when it is back.", out problem);
        if (problem != null)
            return false;
        ReadOnlySpan<BrokerQueue> route = RouteOf(publication, payload[..command.RoutingKeyLength], payload.Slice(command.RoutingKeyLength, command.HeadersLength));
        if (IsRouteTooLarge(route))
        {
            code = Problem(ErrorCode.LimitReached, $"the message reaches more than {RouteSet.MaxCount} queues, the limit of one message: bind fewer.", out problem);
            return false;
        }
        if (route.Length == 0)
        {
            if (!IsMandatory(publication, in command))
                return true;
            code = Problem(ErrorCode.NoRoute, NoRouteSentence(publication), out problem);
            return false;
        }
        Admit(publication, in command, payload, route, out Admission admission);
        if (admission.Code != ErrorCode.None)
        {
            code = Problem(admission.Code, RejectSentence(in admission), out problem);
            return false;
        }
        CountPublish(in admission);
        return true;
    }

    private void CountPublish(in Admission admission)
    {
        _commitBringsMessages = true;
        _commitAwaitsDisk |= admission.Level == DurabilityLevel.Disk;
        _commitDurable = Add(_commitDurable, admission.DurableLength);
        _commitTransient = Add(_commitTransient, admission.TransientLength);
        for (int i = 0; i < admission.Route.Length; i++)
        {
            BrokerQueue queue = admission.Route[i];
            _commitTargets.Add(queue);
            if (_places[i] != Elsewhere)
                ReserveInCommit(queue, admission.PayloadLength, 1);
            // One that it replaces may have come with the transaction.
            if (queue.Options.LastValueKey != null && queue.Durable && _durableLog != null)
                _commitDurable = Add(_commitDurable, DropLength);
        }
        // What went elsewhere for want of room may find it by then, which makes a longer record.
        int slack = 2 * MessageLayout.RouteLength * (admission.Route.Length - admission.Takers);
        if (admission.Level == DurabilityLevel.Memory)
            _commitTransient = Add(_commitTransient, slack);
        else
            _commitDurable = Add(_commitDurable, slack);
        ReserveMoved();
        _departures.Clear();
    }

    /// <summary>Dead letters take room where they go.</summary>
    private void ReserveMoved()
    {
        for (int i = 0; i < _departures.Count; i++)
        {
            foreach (BrokerQueue target in _departures.RouteOf(in _departures[i]))
            {
                _commitTargets.Add(target);
                ReserveInCommit(target, 0, 1);
            }
        }
    }

    /// <summary>Lengths are compared with what a record can hold; they do not wrap.</summary>
    private static int Add(int length, long more) => (int)Math.Min(int.MaxValue / 2, length + more);

    private void ReserveInCommit(BrokerQueue queue, int payloadLength, int count)
    {
        queue.Reserve(payloadLength, count);
        _commitReserved.Add((queue, payloadLength, count));
    }

    private bool CheckSettle(Consumer consumer, in SettleCommand command, out ErrorCode code, out string? problem)
    {
        code = ErrorCode.None;
        problem = null;
        if (consumer.IsEnded && !consumer.Queue.Exists)
            return true; // As outside of a transaction: what it held went with its queue.
        _ranges.Clear();
        if (consumer.IsEnded || !TryFindTags(consumer, command.FirstTag, command.LastTag, _ranges, out _))
        {
            code = Problem(ErrorCode.UnknownDeliveryTag, TagProblem(consumer, in command) + ".", out problem);
            return false;
        }
        if (!_commitMarked.Contains(consumer))
            _commitMarked.Add(consumer);
        consumer.Tags.Mark(command.FirstTag, command.LastTag);
        CountSettle(consumer.Queue, _ranges, (SettleKind)command.Kind);
        return true;
    }

    private void CountSettle(BrokerQueue queue, SequenceRanges ranges, SettleKind kind)
    {
        if (ranges.Count == 0)
            return;
        bool isTold = queue.Durable && _durableLog != null;
        if (kind != SettleKind.Requeue)
            FreeInCommit(queue, ranges);
        if (kind == SettleKind.Ack || (kind == SettleKind.Reject && queue.Options.DeadLetterExchange == null))
        {
            if (isTold)
                _commitDurable = Add(_commitDurable, RecordLayout.AlignedLength(ranges.Count * SequenceRange.Length));
            return;
        }
        PlanSettle(queue, ranges, kind);
        _commitDurable = Add(_commitDurable, _departures.DurableLength);
        _commitTransient = Add(_commitTransient, _departures.TransientLength);
        _commitBringsMessages |= _departures.Count > 0;
        if (isTold)
            CountReturns(queue, ranges);
        ReserveMoved();
        _departures.Clear();
        // What leaves after the commit, in groups of its own, counts as the rest does: as if it were done.
        for (int next = 0; next < _leavingLater.Count;)
        {
            while (next < _leavingLater.Count && TryPlanDeparture(queue, _leavingLater[next].Sequence, queue.Entries.Find(_leavingLater[next].Sequence), _leavingLater[next].Reason))
                next++;
            ReserveMoved();
            _departures.Clear();
        }
    }

    /// <summary>Room for the record of what returns (<c>_returned</c>): a run of sequences falls apart where one of it leaves.</summary>
    private void CountReturns(BrokerQueue queue, SequenceRanges ranges)
    {
        long runs = _returned.Count;
        if (queue.Options.LastValueKey != null)
        {
            // Which of them return depends on what the transaction publishes and acknowledges before.
            runs = CountOf(ranges);
            _commitDurable = Add(_commitDurable, runs * DropLength);
        }
        if (runs > 0)
            _commitDurable = Add(_commitDurable, RecordLayout.AlignedLength(DropLayout.DeferRanges + (int)Math.Min(runs, MaxTransactionLength) * SequenceRange.Length));
    }

    private static long CountOf(SequenceRanges ranges)
    {
        long count = 0;
        foreach (ref readonly SequenceRange range in ranges.Span)
            count += range.Count;
        return count;
    }

    /// <summary>What is settled makes room for what the same transaction publishes later.</summary>
    private void FreeInCommit(BrokerQueue queue, SequenceRanges ranges)
    {
        foreach (ref readonly SequenceRange range in ranges.Span)
        {
            for (long sequence = range.First; sequence < range.First + range.Count; sequence++)
            {
                QueueEntry* entry = queue.Entries.Find(sequence);
                if (entry != null)
                    ReserveInCommit(queue, entry->PayloadLength, -1);
            }
        }
    }

    private void ApplyTransaction(Transaction transaction)
    {
        int offset = 0;
        for (int i = 0; i < transaction.Count; i++)
        {
            ReadOnlySpan<byte> operation = transaction.Read(offset, out CommandType type, out offset);
            if (type == CommandType.Publish)
                ApplyPublish((EnginePublication)transaction.Target(i), in As<PublishCommand>(operation), operation[sizeof(PublishCommand)..]);
            else
                ApplySettle((Consumer)transaction.Target(i), in As<SettleCommand>(operation));
        }
    }

    private void ApplyPublish(EnginePublication publication, in PublishCommand command, ReadOnlySpan<byte> rest)
    {
        ReadOnlySpan<byte> payload = PayloadOf(in command, rest);
        ReadOnlySpan<BrokerQueue> route = RouteOf(publication, payload[..command.RoutingKeyLength], payload.Slice(command.RoutingKeyLength, command.HeadersLength));
        if (route.Length == 0)
            return;
        Admit(publication, in command, payload, route, out Admission admission);
        if (admission.Code != ErrorCode.None)
        {
            _takesAll = true;
            Admit(publication, in command, payload, route, out admission);
            _takesAll = false;
        }
        AppendStatus status = admission.Code == ErrorCode.None ? TryStore(publication, in command, ref admission, out _) : AppendStatus.Failed;
        if (status != AppendStatus.Appended)
            throw new InvalidOperationException($"A transaction that was checked could not be carried out: {admission.Code}, {status}.");
    }

    private void ApplySettle(Consumer consumer, in SettleCommand command)
    {
        if (consumer.IsEnded)
            return;
        _ranges.Clear();
        TryFindTags(consumer, command.FirstTag, command.LastTag, _ranges, out _);
        if (!TrySettle(consumer.Queue, _ranges, (SettleKind)command.Kind))
            throw new InvalidOperationException($"A transaction that was checked could not settle in queue '{consumer.Queue.DisplayName}'.");
        SettleTags(consumer, command.FirstTag, command.LastTag);
    }

    // Operations are padded: the lengths in the command say what belongs to it.
    private static ReadOnlySpan<byte> PayloadOf(in PublishCommand command, ReadOnlySpan<byte> rest) =>
        rest[..(command.RoutingKeyLength + command.HeadersLength + command.BodyLength)];

    private static ErrorCode Problem(ErrorCode code, string sentence, out string? problem)
    {
        problem = sentence;
        return code;
    }
}
