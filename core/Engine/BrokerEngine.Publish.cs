using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Publish: recognise ▸ route ▸ admit (BrokerEngine.Admit.cs) ▸ append once and enqueue (BrokerEngine.Store.cs) ▸ remember what to confirm.
internal sealed unsafe partial class BrokerEngine
{
    private readonly SpaceWaiters _waitingForDiskSpace = new();
    private readonly SpaceWaiters _waitingForMemory = new();

    private bool OnPublish(in PublishCommand command, ReadOnlySpan<byte> payload)
    {
        Session? session = _sessions[command.Session];
        if (session == null || session.IsFaulted)
            return true;
        if (!session.Publications.TryGet(command.Publication, out EnginePublication? publication))
        {
            Fault(session, ErrorCode.UnknownHandle, $"Publication {command.Publication} is not open on this connection: open one and use the handle in its answer.");
            return true;
        }
        if ((command.Flags & (byte)PublishFlags.InTransaction) != 0)
        {
            AddToTransaction(publication, in command, payload);
            return true;
        }
        if (publication.IsEnded)
            return true;
        // Not by exactly 1: a client that sends again leaves out what it was told is rejected.
        if (publication.Outstanding >= publication.Window || command.Sequence <= publication.LastReceived)
        {
            FaultSequence(session, publication, command.Sequence);
            return true;
        }
        if (command.BodyLength > _limits.MaxBodyLength)
        {
            Fault(session, ErrorCode.ContentTooLarge, $"The body has {command.BodyLength} bytes: the broker's limit is {_limits.MaxBodyLength}.");
            return true;
        }

        Publisher? publisher = publication.Publisher;
        if (publisher != null && command.Sequence <= publisher.LastSequence)
        {
            OnResend(publication, publisher, command.Sequence);
            return true;
        }

        ReadOnlySpan<BrokerQueue> route = RouteOf(publication, payload[..command.RoutingKeyLength], payload.Slice(command.RoutingKeyLength, command.HeadersLength));
        if (IsRouteTooLarge(route))
        {
            Reject(publication, command.Sequence, ErrorCode.LimitReached, default, $"The message reaches more than {RouteSet.MaxCount} queues, the limit of one message: bind fewer.");
            return true;
        }
        if (route.Length == 0 || _isShuttingDown)
        {
            OnNotRouted(publication, in command);
            return true;
        }

        Admit(publication, in command, payload, route, out Admission admission);
        if (admission.Code != ErrorCode.None)
            return OnNotAdmitted(publication, in command, in admission);
        AppendStatus status = TryStore(publication, in command, ref admission, out long end);
        if (status != AppendStatus.Appended)
            return OnNotAppended(publication, command.Sequence, LogWithoutRoom(admission.Level), status);
        Accepted(publication, command.Sequence, admission.Level, end);
        return true;
    }

    // Its own, or the one that what it moves or replaces would have to be in.
    private RecordLog LogWithoutRoom(DurabilityLevel level)
    {
        bool isOwnTransient = level == DurabilityLevel.Memory || _durableLog == null;
        bool isOwnOpen = (isOwnTransient ? _transientLog : _durableLog!).State == JournalState.Open;
        return isOwnTransient == (!isOwnOpen || _durableLog == null) ? _transientLog : _durableLog!;
    }

    private void OnResend(EnginePublication publication, Publisher publisher, ulong sequence)
    {
        if (publisher.IsHole(sequence))
        {
            Reject(publication, sequence, ErrorCode.PreconditionFailed, default,
                "It was not kept when it was sent first, and later messages were: publish it anew with a new sequence.");
            return;
        }
        DuplicateCount++;
        publication.LastReceived = sequence;
        publication.Outstanding++;
        DurabilityLevel level = sequence <= publisher.LastMemorySequence ? DurabilityLevel.Memory : publication.Level;
        AwaitConfirm(publication, sequence, level, publisher.LastPosition);
    }

    private void OnNotRouted(EnginePublication publication, in PublishCommand command)
    {
        if (_isShuttingDown)
        {
            Reject(publication, command.Sequence, ErrorCode.ShuttingDown, default, "The broker is shutting down: publish again when it is back.");
        }
        else if (IsMandatory(publication, in command))
        {
            Reject(publication, command.Sequence, ErrorCode.NoRoute, default, NoRouteSentence(publication));
        }
        else
        {
            UnroutableCount++;
            publication.LastReceived = command.Sequence;
            publication.Outstanding++;
            AwaitConfirm(publication, command.Sequence, DurabilityLevel.None, 0);
        }
    }

    /// <summary>Whether a message that reaches no queue is rejected.</summary>
    private static bool IsMandatory(EnginePublication publication, in PublishCommand command) =>
        publication.IsMandatory || (command.Flags & (byte)PublishFlags.Mandatory) != 0;

    private static string NoRouteSentence(EnginePublication publication)
    {
        string exchange = publication.Exchange == null ? "the default exchange" : $"exchange '{NameRules.Text(publication.Exchange.Name)}'";
        string gone = publication.Exchange is { Exists: false } ? ", which was deleted" : "";
        return $"No queue is bound to {exchange}{gone} for the message's routing key: declare and bind one first.";
    }

    private bool OnNotAdmitted(EnginePublication publication, in PublishCommand command, in Admission admission)
    {
        if (admission.DeadLettersRejected)
        {
            AppendStatus status = TryDeadLetterRejected(in command, publication, in admission);
            if (status == AppendStatus.NotReady)
                return false;
        }
        Reject(publication, command.Sequence, admission.Code, admission.Full == null ? default : admission.Full.Name, RejectSentence(in admission));
        if (admission.Code == ErrorCode.QueueFull && !admission.Full!.Waiting.Contains(publication))
        {
            admission.Full.Waiting.RemoveAll(static other => other.IsEnded); // Who comes back again and again is there once.
            admission.Full.Waiting.Add(publication);
        }
        return true;
    }

    private bool OnNotAppended(EnginePublication publication, ulong sequence, RecordLog log, AppendStatus status)
    {
        switch (status)
        {
            case AppendStatus.NotReady:
                return false;
            case AppendStatus.NoSpace when log == _transientLog:
                Reject(publication, sequence, ErrorCode.MemoryLimit, default,
                    $"The broker holds {_limits.MaxTransientBytes} bytes of transient messages, its limit: consume some, or publish at level process or disk.");
                break;
            case AppendStatus.NoSpace:
                Reject(publication, sequence, ErrorCode.DiskFull, default, DiskFullSentence());
                break;
            case AppendStatus.TooLarge:
                Reject(publication, sequence, ErrorCode.ContentTooLarge, default, "The message does not fit into a journal segment: send a smaller one or raise the segment size.");
                return true;
            default:
                Reject(publication, sequence, ErrorCode.JournalFailed, default,
                    "The journal failed and keeps nothing new until the broker is restarted: see the broker's log.");
                return true;
        }
        (log == _transientLog ? _waitingForMemory : _waitingForDiskSpace).Add(publication);
        return true;
    }

    /// <summary>Something waits for room in a log, publications or what the broker does by itself, and there is some.</summary>
    internal bool CanServeWaiting =>
        CanServe(_waitingForDiskSpace.Count + SpaceTimers, _durableLog) || CanServe(_waitingForMemory.Count + SpaceTimers, _transientLog) || CanRemoveDue;

    /// <summary>A log has room again: tell those that were refused.</summary>
    internal void OnSpace()
    {
        if (SpaceTimers > 0 && CanServeWaiting)
            ResumeTimers();
        if (CanServe(_waitingForDiskSpace.Count, _durableLog))
            Serve(_waitingForDiskSpace);
        if (CanServe(_waitingForMemory.Count, _transientLog))
            Serve(_waitingForMemory);
    }

    private bool CanServe(int waiting, RecordLog? log) =>
        waiting > 0 && log != null && log.CanAppend(Math.Min(_limits.MaxFrameLength, log.MaxBodyLength), reserved: false);

    private void Serve(SpaceWaiters waiters)
    {
        while (waiters.TryTake(out EnginePublication? publication))
            SendReady(publication);
    }

    private void FaultSequence(Session session, EnginePublication publication, ulong sequence)
    {
        if (publication.Outstanding >= publication.Window)
        {
            Fault(session, ErrorCode.WindowExceeded,
                $"Publication {publication.Handle} has {publication.Outstanding} unconfirmed messages, its window is {publication.Window}: wait for confirms.");
        }
        else
        {
            Fault(session, ErrorCode.WindowExceeded,
                $"Publication {publication.Handle} sent sequence {sequence} after {publication.LastReceived}: sequences start at 1 or more and rise.");
        }
    }
}
