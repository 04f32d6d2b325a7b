using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Publish: recognise, route, bound, keep, promise.</content>
internal sealed partial class NaiveBroker
{
    private readonly List<NaivePublication> _waitingForDiskSpace = [];
    private readonly List<NaivePublication> _waitingForMemory = [];

    /// <summary>Every scheduled message, by its id and the time at which it came: a journal that failed may bring back what went.</summary>
    private readonly Dictionary<(long Id, long ReceivedNs), StoredMessage> _scheduled = [];

    /// <summary>Publications were refused for want of room, and there is some: they are to be told.</summary>
    internal bool CanBeTold => (_waitingForDiskSpace.Count > 0 && HasRoom(Log)) || (_waitingForMemory.Count > 0 && HasRoom(_core.Transient.Log));

    private static bool HasRoom(RecordLog log) => log.State == JournalState.Open && log.Next != null;

    private bool WasStored => _core.Engine.PublishedCount > _publishedBefore;

    private void OnPublish(NaiveSession session, Publish command)
    {
        bool mayStore = Publish(session, command);
        Check(mayStore || !WasStored, "A message was stored that should not have been.");
    }

    /// <returns>Whether it was to be stored.</returns>
    private bool Publish(NaiveSession session, Publish command)
    {
        if (!session.Publications.TryGetValue(command.Publication, out NaivePublication? publication))
        {
            Fault(session, ErrorCode.UnknownHandle);
            return false;
        }
        if (command.IsInTransaction)
        {
            AddToTransaction(session, publication, command);
            return false;
        }
        if (publication.IsEnded)
            return false;
        if (publication.Pending.Count >= publication.Window || command.Sequence <= publication.LastReceived)
        {
            Fault(session, ErrorCode.WindowExceeded);
            return false;
        }
        if (command.Message.Body.Length > limits.MaxBodyLength)
        {
            Fault(session, ErrorCode.ContentTooLarge);
            return false;
        }
        NaivePublisher? publisher = publication.Publisher;
        if (publisher != null && command.Sequence <= publisher.Last)
        {
            Resend(publication, publisher, command.Sequence);
            return false;
        }
        if (_isShuttingDown)
        {
            Reject(publication, command.Sequence, ErrorCode.ShuttingDown);
            return false;
        }
        (string key, List<NaiveQueue> route) = RouteOf(publication, command);
        if (route.Count == 0)
        {
            if (IsMandatory(publication, command))
                Reject(publication, command.Sequence, ErrorCode.NoRoute);
            else
                Accept(publication, command.Sequence, DurabilityLevel.None, 0, 0, isResend: false);
            return false;
        }
        Admitted admitted = Admit(publication, command, key, route);
        if (admitted.IsRejected)
        {
            if (admitted.IsRejectedOutright)
                _emptied.Clear();
            else if (!IsJournalBusy || _engine.Holds(command.Message.Id) || admitted.Elsewhere.Exists(dead => _engine.Find(dead.Queue.Host, dead.Queue.Name)?.Next > dead.Queue.Next)) // Without room for it the dead letter is not kept, and it is rejected all the same.
                _arrivals.AddRange(admitted.Elsewhere.Where(dead => admitted.Full.Exists(queue => queue.Name == dead.Message.Deaths[0].Queue)).Select(dead => new Arrival(dead.Queue, dead.Message, "")));
            PlaceArrivals();
            RejectFull(publication, command.Sequence, admitted.Full, admitted.Cycles);
            return false;
        }
        if (!WasStored)
        {
            RefuseToStore(publication, command, key, admitted);
            return true;
        }
        StoredMessage message = Store(admitted);
        HoldBack(publication, admitted.Blocking);
        publication.Publisher?.Store(command.Sequence, message);
        Accept(publication, command.Sequence, admitted.Level, message.End, message.End, isResend: false);
        return true;
    }

    /// <summary>When a message is due (rule T2): <c>x-deliver-at</c> wins over <c>x-delay</c>.</summary>
    private static long DueNs(NaiveHeaders headers, long receivedNs)
    {
        if (headers.Table == null)
            return 0;
        if (headers.Table.TryGet("x-deliver-at", out object? at))
            return at is NaiveTimestamp time ? time.Seconds * 1_000_000_000 : Convert.ToInt64(at, null) * 1_000_000;
        return headers.Table.TryGet("x-delay", out object? delay) && Convert.ToInt64(delay, null) > 0 ? receivedNs + Convert.ToInt64(delay, null) * 1_000_000 : 0;
    }

    private static DurabilityLevel LevelOf(NaivePublication publication, Publish command)
    {
        int own = (int)(command.Flags & PublishFlags.LevelMask) >> 4;
        return own == 0 ? publication.Level : (DurabilityLevel)Math.Min(own, (int)publication.Level);
    }

    private void RejectFull(NaivePublication publication, ulong sequence, List<NaiveQueue> full, List<NaiveQueue> cycles)
    {
        publication.LastReceived = sequence;
        Tell(publication.Session, new ExpectedEvent(EventType.Rejected, publication.Handle, sequence, full.Count > 0 ? ErrorCode.QueueFull : ErrorCode.DeadLetterCycle, true)
        {
            Queues = [.. (full.Count > 0 ? full : cycles).Select(queue => queue.Name)],
            Cycles = [.. cycles.Select(queue => queue.Name)],
        });
        // Which of several it waits for is the engine's choice.
        List<NaiveQueue> waitsFor = full.FindAll(queue => _engine.IsWaiting(queue.Host, queue.Name, publication.Session.Id, publication.Handle));
        Check(waitsFor.Count > 0 || cycles.Count > 0, $"Publication {publication.Handle} of session {publication.Session.Id} waits for none of {string.Join(", ", full.Select(queue => queue.Name))}.");
        foreach (NaiveQueue queue in waitsFor.Where(queue => !queue.Waiting.Contains(publication)))
            queue.Waiting.Add(publication);
    }

    private void RefuseToStore(NaivePublication publication, Publish command, string key, Admitted admitted)
    {
        RecordLog log = admitted.Level != DurabilityLevel.Memory ? Log : _core.Transient.Log;
        int length = MessageLayout.Payload(admitted.Takers.Count) + key.Length + command.Message.HeaderBytes.Length + command.Message.Body.Length;
        // What goes elsewhere is one with it.
        StoredMessage[] elsewhere = [.. admitted.Elsewhere.Select(dead => dead.Message).Where(dead => dead.IsJournaled == (log == Log)).Distinct()];
        if (elsewhere.Length > 0)
            length = elsewhere.Sum(dead => dead.PayloadLength + MostOfRecord) + (admitted.Takers.Count > 0 ? length + MostOfRecord : 0);
        if (length > log.MaxBodyLength)
        {
            Reject(publication, command.Sequence, ErrorCode.ContentTooLarge);
            return;
        }
        // What it moves or replaces may have to be in the other log.
        if (log.State == JournalState.Open)
            log = log == Log ? _core.Transient.Log : Log;
        Check(log.State != JournalState.Open, "A message that could be stored was not.");
        if (log.State == JournalState.Failed)
        {
            Reject(publication, command.Sequence, ErrorCode.JournalFailed);
            return;
        }
        Reject(publication, command.Sequence, log == Log ? ErrorCode.DiskFull : ErrorCode.MemoryLimit);
        List<NaivePublication> waiting = log == Log ? _waitingForDiskSpace : _waitingForMemory;
        if (!waiting.Contains(publication))
            waiting.Add(publication);
    }

    private void Resend(NaivePublication publication, NaivePublisher publisher, ulong sequence)
    {
        if (!publisher.Stored.TryGetValue(sequence, out StoredMessage? message))
        {
            Reject(publication, sequence, ErrorCode.PreconditionFailed);
            return;
        }
        DurabilityLevel level = message.IsJournaled ? publication.Level : DurabilityLevel.Memory;
        Accept(publication, sequence, level, message.End, Math.Max(message.End, publisher.LastEnd), isResend: true);
    }

    private void Accept(NaivePublication publication, ulong sequence, DurabilityLevel level, long end, long latestEnd, bool isResend)
    {
        publication.LastReceived = sequence;
        publication.Pending.Enqueue(new PendingConfirm(sequence, level, end, latestEnd, isResend, _batch));
    }

    private static void Reject(NaivePublication publication, ulong sequence, ErrorCode code, string queue = "")
    {
        publication.LastReceived = sequence;
        Tell(publication.Session, new ExpectedEvent(EventType.Rejected, publication.Handle, sequence, code, true) { Queues = queue.Length > 0 ? [queue] : null });
    }

    /// <summary>The engine was told that there is room again.</summary>
    internal void OnSpace()
    {
        OnSpace(_waitingForDiskSpace, Log);
        OnSpace(_waitingForMemory, _core.Transient.Log);
    }

    private void OnSpace(List<NaivePublication> waiting, RecordLog log)
    {
        if (!log.CanAppend(Math.Min(limits.MaxFrameLength, log.MaxBodyLength), reserved: false))
            return;
        foreach (NaivePublication publication in waiting)
            TellReady(publication);
        waiting.Clear();
    }

    private static void TellReady(NaivePublication publication)
    {
        if (!publication.IsEnded)
            Tell(publication.Session, new ExpectedEvent(EventType.PublicationReady, publication.Handle, 0, ErrorCode.None, true));
    }

    private static void WakeWaiting(NaiveQueue queue)
    {
        foreach (NaivePublication publication in queue.Waiting)
            TellReady(publication);
        queue.Waiting.Clear();
    }

    internal void OnJournalFailed()
    {
        _isJournalFailed = true;
        foreach (NaiveSession session in _sessions.Values)
        {
            foreach ((uint request, ExpectedReply reply) in session.Replies.Where(pair => pair.Value.Pull == null).ToArray())
                session.Replies[request] = reply with { MayFail = true, NotAfter = 0 };
            foreach (NaivePublication publication in session.Publications.Values)
            {
                if (!publication.IsEnded && publication.Level != DurabilityLevel.Memory)
                    End(publication, ErrorCode.JournalFailed);
            }
        }
    }
}
