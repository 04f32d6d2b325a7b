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
        ExpectNotStored(Publish(session, command));
    }

    private void ExpectNotStored(bool mayStore) => Check(mayStore || !WasStored, "A message was stored that should not have been.");

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

        string key = command.Message.OwnKey.Length > 0 ? command.Message.OwnKey : publication.Key;
        List<NaiveQueue> route = Route(publication, key);
        if (_isShuttingDown)
        {
            Reject(publication, command.Sequence, ErrorCode.ShuttingDown);
            return false;
        }
        if (route.Count == 0)
        {
            if (publication.IsMandatory)
                Reject(publication, command.Sequence, ErrorCode.NoRoute);
            else
                Accept(publication, command.Sequence, DurabilityLevel.None, 0, 0, isResend: false);
            return false;
        }
        foreach (NaiveQueue queue in route)
        {
            if (queue.Entries.Count < queue.MaxLength)
                continue;
            Reject(publication, command.Sequence, ErrorCode.QueueFull, queue.Name);
            if (!queue.Waiting.Contains(publication))
                queue.Waiting.Add(publication);
            return false;
        }

        DurabilityLevel level = route.Exists(queue => queue.Durable) ? publication.Level : DurabilityLevel.Memory;
        bool isJournaled = level != DurabilityLevel.Memory;
        RecordLog log = isJournaled ? Log : _core.Transient.Log;
        if (!WasStored)
            RefuseToStore(publication, command, key, route.Count, log);
        else
            Store(publication, command, new StoredMessage(command.Message, key, isJournaled, log.Tail), level, route);
        return true;
    }

    private List<NaiveQueue> Route(NaivePublication publication, string key)
    {
        if (publication.Exchange == null)
            return _state.Queues.TryGetValue(key, out NaiveQueue? queue) ? [queue] : [];
        if (!publication.Exchange.Exists)
            return [];
        return [.. publication.Exchange.Bindings.Where(binding => binding.Key == key).Select(binding => _state.Queues[binding.Queue])];
    }

    private void Store(NaivePublication publication, Publish command, StoredMessage message, DurabilityLevel level, List<NaiveQueue> route)
    {
        string? publisher = publication.Publisher?.Name;
        var places = new List<(string Queue, long Sequence)>();
        foreach (NaiveQueue queue in route)
        {
            places.Add((queue.Name, queue.Next));
            queue.Add(queue.Next, message);
        }
        publication.Publisher?.Store(command.Sequence, message);
        if (message.IsJournaled)
        {
            Keep(state =>
            {
                foreach ((string name, long sequence) in places)
                {
                    // A transient queue is not there, or a durable one of the same name came later.
                    if (state.Queues.TryGetValue(name, out NaiveQueue? queue) && queue.Durable)
                        queue.Add(sequence, message);
                }
                if (publisher != null && state.Publishers.TryGetValue(publisher, out NaivePublisher? known))
                    known.Store(command.Sequence, message);
            });
        }
        Accept(publication, command.Sequence, level, message.End, message.End, isResend: false);
    }

    private void RefuseToStore(NaivePublication publication, Publish command, string key, int routes, RecordLog log)
    {
        int length = MessageLayout.Payload(routes) + key.Length + command.Message.Headers.Length + command.Message.Body.Length;
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

    private static void Reject(NaivePublication publication, ulong sequence, ErrorCode code, string queue = "")
    {
        publication.LastReceived = sequence;
        Tell(publication.Session, new ExpectedEvent(EventType.Rejected, publication.Handle, sequence, code, queue, true));
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
            Tell(publication.Session, new ExpectedEvent(EventType.PublicationReady, publication.Handle, 0, ErrorCode.None, "", true));
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
        foreach (NaiveSession session in _sessions.Values.OrderBy(session => session.Id))
        {
            foreach ((uint request, ExpectedReply reply) in session.Replies.ToArray())
                session.Replies[request] = reply with { MayFail = true, NotAfter = 0 };
            foreach (NaivePublication publication in session.Publications.Values)
            {
                if (!publication.IsEnded && publication.Level != DurabilityLevel.Memory)
                    End(publication, ErrorCode.JournalFailed);
            }
        }
    }
}
