using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Publish: recognise, route, bound, keep, promise.</content>
internal sealed partial class NaiveBroker
{
    private readonly List<NaivePublication> _waitingForDiskSpace = [];
    private readonly List<NaivePublication> _waitingForMemory = [];

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
        string key = command.Message.OwnKey.Length > 0 ? command.Message.OwnKey : publication.Key;
        List<NaiveQueue> route = Route(session.Host, publication.Exchange, key, command.Message.Headers);
        if (route.Count == 0)
        {
            if (publication.IsMandatory || (command.Flags & PublishFlags.Mandatory) != 0)
                Reject(publication, command.Sequence, ErrorCode.NoRoute);
            else
                Accept(publication, command.Sequence, DurabilityLevel.None, 0, 0, isResend: false);
            return false;
        }
        int size = key.Length + command.Message.HeaderBytes.Length + command.Message.Body.Length;
        NaiveQueue[] full = [.. route.Where(queue => queue.IsFullFor(size))];
        if (full.Length > 0)
        {
            RejectFull(publication, command.Sequence, full);
            return false;
        }
        DurabilityLevel level = route.Exists(queue => queue.Durable) ? LevelOf(publication, command) : DurabilityLevel.Memory;
        bool isJournaled = level != DurabilityLevel.Memory;
        RecordLog log = isJournaled ? Log : _core.Transient.Log;
        if (!WasStored)
        {
            RefuseToStore(publication, command, key, route.Count, log);
            return true;
        }
        var message = new StoredMessage(command.Message, key, command.Message.Headers, command.ReceivedNs, isJournaled) { Number = ++_storedCount, End = log.Tail, Exchange = publication.Exchange?.Name ?? "" };
        foreach (NaiveQueue queue in route)
            queue.Append(message);
        publication.Publisher?.Store(command.Sequence, message);
        Accept(publication, command.Sequence, level, message.End, message.End, isResend: false);
        return true;
    }

    private static DurabilityLevel LevelOf(NaivePublication publication, Publish command)
    {
        int own = (int)(command.Flags & PublishFlags.LevelMask) >> 4;
        return own == 0 ? publication.Level : (DurabilityLevel)Math.Min(own, (int)publication.Level);
    }

    private static void RejectFull(NaivePublication publication, ulong sequence, NaiveQueue[] full)
    {
        publication.LastReceived = sequence;
        Tell(publication.Session, new ExpectedEvent(EventType.Rejected, publication.Handle, sequence, ErrorCode.QueueFull, true) { Queues = [.. full.Select(queue => queue.Name)] });
        // The first, unless the engine's word is of another: see OnRejected.
        if (!full[0].Waiting.Contains(publication))
            full[0].Waiting.Add(publication);
    }

    /// <summary>Which of several full queues a publication waits for is the engine's choice.</summary>
    private static void OnRejected(NaivePublication publication, ExpectedEvent expected, string queue)
    {
        NaiveQueue? guessed = publication.Session.Host.Queues.GetValueOrDefault(expected.Queues![0]);
        NaiveQueue? chosen = publication.Session.Host.Queues.GetValueOrDefault(queue);
        if (guessed != null && chosen != null && guessed != chosen && guessed.Waiting.Remove(publication) && !chosen.Waiting.Contains(publication))
            chosen.Waiting.Add(publication);
    }

    private void RefuseToStore(NaivePublication publication, Publish command, string key, int routes, RecordLog log)
    {
        int length = MessageLayout.Payload(routes) + key.Length + command.Message.HeaderBytes.Length + command.Message.Body.Length;
        if (length > log.MaxBodyLength)
        {
            Reject(publication, command.Sequence, ErrorCode.ContentTooLarge);
            return;
        }
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

    private static void Reject(NaivePublication publication, ulong sequence, ErrorCode code)
    {
        publication.LastReceived = sequence;
        Tell(publication.Session, new ExpectedEvent(EventType.Rejected, publication.Handle, sequence, code, true));
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
