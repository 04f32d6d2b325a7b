using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>What opens and closes: sessions, publications, subscriptions.</content>
internal sealed partial class NaiveBroker
{
    private void OnOpenSession(OpenSession command)
    {
        _state.Hosts.TryGetValue(command.Host, out NaiveVirtualHost? host);
        var opened = new NaiveSession(command, host ?? new NaiveVirtualHost(command.Host, new NaiveTable()));
        bool isFull = host != null && _sessions.Values.Count(session => session.Host == host && session.IsCounted) >= host.Limit("max-connections");
        _sessions.Add(command.Session, opened);
        if (host == null || isFull)
            Fault(opened, ErrorCode.NotAllowed);
        else
        {
            opened.IsCounted = true;
            Tell(opened, new ExpectedEvent(EventType.SessionOpened, 0, 0, ErrorCode.None, false));
        }
    }

    private void OnCloseSession(CloseSession command)
    {
        if (!_sessions.TryGetValue(command.Session, out NaiveSession? session))
            return;
        Release(session);
        session.IsClosing = true;
        session.IsCounted = false;
        foreach ((uint request, ExpectedReply reply) in session.Replies.ToArray())
            session.Replies[request] = reply with { NotAfter = long.MaxValue };
        Tell(session, new ExpectedEvent(EventType.SessionClosed, 0, 0, ErrorCode.None, false));
    }

    private void Release(NaiveSession session)
    {
        foreach (NaiveConsumer consumer in session.Consumers.Values.ToArray())
            Detach(consumer);
        PlaceArrivals(); // There may be room by it, of which publications are told that end after it.
        foreach (NaivePublication publication in session.Publications.Values)
            Detach(publication);
        foreach (NaiveQueue queue in session.Host.Queues.Values.Where(queue => queue.Owner == session.Id).ToArray())
            DeleteByItself(queue);
        session.Transaction.Clear();
        session.IsFaulted = true;
    }

    private void Detach(NaivePublication publication)
    {
        _waitingForDiskSpace.Remove(publication);
        _waitingForMemory.Remove(publication);
        publication.IsEnded = true;
        ForgetBlocks(publication);
        if (publication.Publisher?.Open == publication)
            publication.Publisher.Open = null;
    }

    private void End(NaivePublication publication, ErrorCode code)
    {
        Detach(publication);
        Tell(publication.Session, new ExpectedEvent(EventType.SubscriptionEnded, publication.Handle, 0, code, true));
    }

    private void OnOpenPublication(NaiveSession session, OpenPublication command)
    {
        if (command.Level != DurabilityLevel.Memory && _isJournalFailed)
        {
            Fail(session, command.Request, ErrorCode.JournalFailed);
            return;
        }
        NaiveExchange? exchange = null;
        if (command.Exchange.Length > 0 && !session.Host.Exchanges.TryGetValue(command.Exchange, out exchange))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (exchange is { IsInternal: true })
        {
            Fail(session, command.Request, ErrorCode.AccessRefused);
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
        NaivePublisher? forgotten = null;
        if (_state.Publishers.Count >= limits.MaxPublishers)
        {
            forgotten = _state.Publishers.Values.Where(known => known.Open == null).OrderBy(known => known.LastEnd).ThenBy(known => known.Number).FirstOrDefault();
            if (forgotten == null)
            {
                Fail(session, command.Request, ErrorCode.LimitReached);
                return false;
            }
        }
        if (!WasDefined(session, command.Request))
            return false;
        if (forgotten != null)
        {
            _state.Publishers.Remove(forgotten.Name);
            // Two records: a crash may come between them.
            Remember(_tailBefore + 1);
        }
        publisher = new NaivePublisher(command.Publisher, ++_publisherCount);
        _state.Publishers.Add(command.Publisher, publisher);
        return true;
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
}
