using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Publish: recognise ▸ route ▸ bound ▸ append once ▸ enqueue ▸ remember what to confirm.
internal sealed unsafe partial class BrokerEngine
{
    private readonly SpaceWaiters _waitingForDiskSpace = new();
    private readonly SpaceWaiters _waitingForMemory = new();
    private readonly List<EnginePublication> _waitingForDisk = [];

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
            OnNotRouted(publication, command.Sequence);
            return true;
        }

        bool anyDurable = false;
        foreach (BrokerQueue queue in route)
        {
            if (queue.IsFull)
            {
                RejectFull(publication, command.Sequence, queue);
                return true;
            }
            anyDurable |= queue.Durable;
        }

        // A message for transient queues alone is not worth the disk; the confirm names what it got.
        DurabilityLevel level = anyDurable ? publication.Level : DurabilityLevel.Memory;
        RecordLog log = level == DurabilityLevel.Memory ? _transientLog : _durableLog!;
        ReadOnlySpan<byte> key = command.RoutingKeyLength == 0 ? publication.RoutingKey : payload[..command.RoutingKeyLength];
        ReadOnlySpan<byte> rest = payload[command.RoutingKeyLength..];
        int payloadLength = key.Length + rest.Length;
        int bodyLength = MessageLayout.Payload(route.Length) + payloadLength;

        byte* body = log.TryClaim(RecordType.Message, route[0].Id, bodyLength, out long position, out AppendStatus status);
        if (body == null)
            return OnNotAppended(publication, command.Sequence, log, status);

        WriteMessage(body, in command, publication, key, rest, route);
        log.Commit();
        log.AddReferences(position, route.Length);
        foreach (BrokerQueue queue in route)
        {
            queue.Enqueue(queue.Entries.Next, position, payloadLength);
            Schedule(queue);
        }
        PublishedCount++;
        Accepted(publication, command.Sequence, level, log.Tail);
        return true;
    }

    private void WriteMessage(
        byte* body, in PublishCommand command, EnginePublication publication, ReadOnlySpan<byte> key, ReadOnlySpan<byte> rest, ReadOnlySpan<BrokerQueue> route)
    {
        *(ulong*)(body + MessageLayout.PublisherSequence) = command.Sequence;
        *(uint*)(body + MessageLayout.PublisherId) = publication.Publisher?.Id ?? 0;
        *(ushort*)(body + MessageLayout.RouteCount) = (ushort)route.Length;
        *(ushort*)(body + MessageLayout.Flags) = 0;
        *(long*)(body + MessageLayout.PublishedNs) = command.PublishedNs;
        *(long*)(body + MessageLayout.ReceivedNs) = command.ReceivedNs;
        *(uint*)(body + MessageLayout.JournaledDeltaNs) = (uint)Math.Clamp(_nowNs - command.ReceivedNs, 0, uint.MaxValue);
        *(ushort*)(body + MessageLayout.RoutingKeyLength) = (ushort)key.Length;
        *(ushort*)(body + MessageLayout.HeadersLength) = command.HeadersLength;
        *(int*)(body + MessageLayout.BodyLength) = command.BodyLength;
        *(uint*)(body + MessageLayout.ExchangeId) = publication.Exchange?.Id ?? 0;
        byte* at = body + MessageLayout.Routes;
        foreach (BrokerQueue queue in route)
        {
            *(long*)(at + MessageLayout.RouteQueueSequence) = queue.Entries.Next;
            *(ulong*)(at + MessageLayout.RouteQueueId) = queue.Id;
            at += MessageLayout.RouteLength;
        }
        key.CopyTo(new Span<byte>(at, key.Length));
        rest.CopyTo(new Span<byte>(at + key.Length, rest.Length));
    }

    /// <summary>Counts a message as taken, to be confirmed at <paramref name="level"/>.</summary>
    private void Accepted(EnginePublication publication, ulong sequence, DurabilityLevel level, long endPosition)
    {
        publication.LastReceived = sequence;
        publication.Outstanding++;
        publication.Publisher?.Stored(sequence, level == DurabilityLevel.Memory ? 0 : endPosition, _limits.MaxWindow);
        AwaitConfirm(publication, sequence, level, endPosition);
    }

    private void AwaitConfirm(EnginePublication publication, ulong sequence, DurabilityLevel level, long endPosition)
    {
        publication.Pending.Add(sequence, level, endPosition, _batch);
        if (level == DurabilityLevel.Disk)
            _waitsForDisk = Math.Max(_waitsForDisk, endPosition);
        Schedule(publication);
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

    private void OnNotRouted(EnginePublication publication, ulong sequence)
    {
        if (_isShuttingDown)
        {
            Reject(publication, sequence, ErrorCode.ShuttingDown, default, "The broker is shutting down: publish again when it is back.");
        }
        else if (publication.IsMandatory)
        {
            string exchange = publication.Exchange == null ? "the default exchange" : $"exchange '{NameRules.Text(publication.Exchange.Name)}'";
            string gone = publication.Exchange is { Exists: false } ? ", which was deleted" : "";
            Reject(publication, sequence, ErrorCode.NoRoute, default,
                $"No queue is bound to {exchange}{gone} for the message's routing key: declare and bind one first.");
        }
        else
        {
            publication.LastReceived = sequence;
            publication.Outstanding++;
            AwaitConfirm(publication, sequence, DurabilityLevel.None, 0);
        }
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
                Reject(publication, sequence, ErrorCode.DiskFull, default,
                    "The journal's disk is full: free space, the broker goes on by itself.");
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

    /// <summary>Publications or removals wait for room in a log, and there is some.</summary>
    internal bool CanServeWaiting => CanServe(_waitingForDiskSpace, _durableLog) || CanServe(_waitingForMemory, _transientLog) || CanRemoveDue;

    /// <summary>A log has room again: tell those that were refused.</summary>
    internal void OnSpace()
    {
        if (CanServe(_waitingForDiskSpace, _durableLog))
            Serve(_waitingForDiskSpace);
        if (CanServe(_waitingForMemory, _transientLog))
            Serve(_waitingForMemory);
    }

    private bool CanServe(SpaceWaiters waiters, RecordLog? log) =>
        waiters.Count > 0 && log != null && log.CanAppend(Math.Min(_limits.MaxFrameLength, log.MaxBodyLength), reserved: false);

    private void Serve(SpaceWaiters waiters)
    {
        while (waiters.TryTake(out EnginePublication? publication))
            SendReady(publication);
    }

    private void RejectFull(EnginePublication publication, ulong sequence, BrokerQueue queue)
    {
        Reject(publication, sequence, ErrorCode.QueueFull, queue.Name,
            $"Queue '{queue.DisplayName}' holds {queue.Count} messages, its limit is {queue.MaxLength}: consume some, or declare it with a larger limit.");
        if (!queue.Waiting.Contains(publication))
            queue.Waiting.Add(publication);
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

    private void Confirm()
    {
        int kept = 0;
        for (int i = 0; i < _scheduledPublications.Count; i++)
        {
            EnginePublication publication = _scheduledPublications[i];
            if (publication.IsEnded || ConfirmReached(publication))
            {
                publication.IsScheduled = false;
                if (!publication.Pending.IsEmpty && !publication.IsEnded && !publication.WaitsForDisk)
                {
                    publication.WaitsForDisk = true;
                    _waitingForDisk.Add(publication);
                }
            }
            else
            {
                _scheduledPublications[kept++] = publication; // The port is full: again with the next batch.
            }
        }
        _scheduledPublications.RemoveRange(kept, _scheduledPublications.Count - kept);
    }

    /// <returns>False when the port had no room.</returns>
    private bool ConfirmReached(EnginePublication publication)
    {
        while (publication.Pending.TryPeek(DurablePosition, out ulong sequence, out DurabilityLevel level))
        {
            ConfirmEvent* confirm = publication.Session.IsOverrun ? null : TryClaimEvent<ConfirmEvent>(publication.Session.Port, EventType.Confirm, 0);
            if (confirm == null)
                return false;
            *confirm = new ConfirmEvent
            {
                Session = publication.Session.Id,
                Publication = publication.Handle,
                Sequence = sequence,
                Level = (byte)level,
            };
            publication.Session.Port.Ring.Stage();
            publication.Outstanding -= publication.Pending.Take();
        }
        return true;
    }
}
