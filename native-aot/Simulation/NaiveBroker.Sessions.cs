using LowLatency.Core.Engine;
using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>What opens and closes.</content>
internal sealed partial class NaiveBroker
{
    private void OnCloseSession(CloseSession command)
    {
        if (!_sessions.TryGetValue(command.Session, out NaiveSession? session))
            return;
        Release(session);
        session.IsClosing = true;
        foreach ((uint request, ExpectedReply reply) in session.Replies.ToArray())
            session.Replies[request] = reply with { NotAfter = long.MaxValue };
        Tell(session, new ExpectedEvent(EventType.SessionClosed, 0, 0, ErrorCode.None, "", false));
    }

    private void Release(NaiveSession session)
    {
        foreach (NaiveConsumer consumer in session.Consumers.Values)
            Detach(consumer);
        foreach (NaivePublication publication in session.Publications.Values)
            Detach(publication);
        session.IsFaulted = true;
    }

    private void Detach(NaivePublication publication)
    {
        _waitingForDiskSpace.Remove(publication);
        _waitingForMemory.Remove(publication);
        publication.IsEnded = true;
        if (publication.Publisher?.Open == publication)
            publication.Publisher.Open = null;
    }

    private void End(NaivePublication publication, ErrorCode code)
    {
        Detach(publication);
        Tell(publication.Session, new ExpectedEvent(EventType.SubscriptionEnded, publication.Handle, 0, code, "", true));
    }

    private void OnOpenPublication(NaiveSession session, OpenPublication command)
    {
        if (command.Level != DurabilityLevel.Memory && _isJournalFailed)
        {
            Fail(session, command.Request, ErrorCode.JournalFailed);
            return;
        }
        NaiveExchange? exchange = null;
        if (command.Exchange.Length > 0 && !_state.Exchanges.TryGetValue(command.Exchange, out exchange))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (session.Publications.Count >= limits.MaxPublicationsPerSession)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        NaivePublisher? publisher = null;
        if (command.Publisher.Length > 0 && !TryOpenPublisher(session, command, out publisher))
            return;

        uint handle = NaiveSession.NextHandle(session.Publications);
        uint window = Math.Clamp(command.Window, 1, (uint)limits.MaxWindow);
        var publication = new NaivePublication(session, handle, publisher, exchange, command, window);
        session.Publications.Add(handle, publication);
        if (publisher != null)
            publisher.Open = publication;
        Reply(session, command.Request, new ExpectedReply(EventType.PublicationOpened, ErrorCode.None, 0, 0)
        {
            Handle = handle,
            Window = window,
            LastSequence = publisher?.Last ?? 0,
        });
    }

    private bool TryOpenPublisher(NaiveSession session, OpenPublication command, out NaivePublisher? publisher)
    {
        if (_state.Publishers.TryGetValue(command.Publisher, out publisher))
        {
            if (publisher.Open != null)
                End(publisher.Open, ErrorCode.TakenOver);
            return true;
        }
        if (_state.Publishers.Count >= limits.MaxPublishers)
        {
            NaivePublisher? oldest = _state.Publishers.Values.Where(known => known.Open == null).OrderBy(known => known.LastEnd).ThenBy(known => known.Number).FirstOrDefault();
            if (oldest == null)
            {
                Fail(session, command.Request, ErrorCode.LimitReached);
                return false;
            }
            if (!WasDefined(session, command.Request))
                return false;
            _state.Publishers.Remove(oldest.Name);
            Keep(state => state.Publishers.Remove(oldest.Name), EndOfForget(command.Publisher));
        }
        else if (!WasDefined(session, command.Request))
        {
            return false;
        }
        int number = ++_publisherCount;
        publisher = new NaivePublisher(command.Publisher, number);
        _state.Publishers.Add(command.Publisher, publisher);
        Keep(state => state.Publishers.Add(command.Publisher, new NaivePublisher(command.Publisher, number)));
        return true;
    }

    /// <summary>Two records were written: the end of the first.</summary>
    private long EndOfForget(string publisher)
    {
        long end = _tailBefore + RecordLayout.AlignedLength(sizeof(uint));
        bool isInSameSegment = (end - 1) / Log.SegmentSize == _tailBefore / Log.SegmentSize;
        return isInSameSegment ? end : Log.Tail - RecordLayout.AlignedLength(sizeof(uint) + 1 + publisher.Length);
    }

    private void OnClosePublication(NaiveSession session, ClosePublication command)
    {
        if (!session.Publications.Remove(command.Publication, out NaivePublication? publication))
        {
            Fail(session, command.Request, ErrorCode.UnknownHandle);
            return;
        }
        Detach(publication);
        Now(session, command.Request, EventType.Done);
    }

    private void OnSubscribe(NaiveSession session, Subscribe command)
    {
        if (command.Messages > limits.MaxCreditMessages)
        {
            Fail(session, command.Request, ErrorCode.CreditExceeded);
            return;
        }
        if (session.Consumers.Count >= limits.MaxSubscriptionsPerSession)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        if (!_state.Queues.TryGetValue(command.Queue, out NaiveQueue? queue))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (session.Port.Port.IsOverrun)
            return;
        uint handle = NaiveSession.NextHandle(session.Consumers);
        var consumer = new NaiveConsumer(session, handle, queue);
        consumer.AddCredit(command.Messages, command.CreditBytes);
        session.Consumers.Add(handle, consumer);
        queue.Consumers.Add(consumer);
        Reply(session, command.Request, new ExpectedReply(EventType.Subscribed, ErrorCode.None, 0, 0) { Handle = handle });
    }

    private void OnUnsubscribe(NaiveSession session, Unsubscribe command)
    {
        if (!session.Consumers.Remove(command.Subscription, out NaiveConsumer? consumer))
        {
            Fail(session, command.Request, ErrorCode.UnknownHandle);
            return;
        }
        Detach(consumer);
        Now(session, command.Request, EventType.Done);
    }
}
