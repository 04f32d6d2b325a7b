using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Sessions, publications and subscriptions: what opens and closes.
internal sealed unsafe partial class BrokerEngine
{
    private readonly Dictionary<byte[], Publisher> _publishers = new(Utf8NameComparer.Instance);
    private readonly Dictionary<uint, Publisher> _publishersById = [];
    private readonly List<Session> _overrunSessions = [];
    private uint _nextPublisherId = 1;

    private void OnOpenSession(in OpenSessionCommand command, ReadOnlySpan<byte> strings)
    {
        EgressPort port = _ports[command.Port] ?? throw new InvalidOperationException($"Session {command.Session} names egress port {command.Port}, which does not exist.");
        if (_sessions[command.Session] != null)
            throw new InvalidOperationException($"Session {command.Session} is open already.");
        bool isConnection = command.Connection == command.Session;
        Session? connection = null;
        if (!isConnection)
            connection = _sessions[command.Connection] ?? throw new InvalidOperationException($"Session {command.Session} belongs to connection {command.Connection}, which is not open.");
        ReadOnlySpan<byte> clientName = TakeString(ref strings);
        ReadOnlySpan<byte> hostName = TakeString(ref strings);
        bool isThere = _topology.TryGetHost(hostName, out VirtualHost? host);
        var session = new Session(command.Session, port, host ?? _topology.Default, connection) { Nonce = command.Nonce, ClientName = NameRules.Text(clientName) };
        _sessions[command.Session] = session;
        port.SessionCount++;
        if (!isThere)
        {
            Fault(session, ErrorCode.NotAllowed, $"Virtual host '{NameRules.Text(hostName)}' does not exist: declare it first, or connect to '/'.");
            return;
        }
        if (isConnection)
        {
            if (host!.ConnectionCount >= host.Limits.MaxConnections)
            {
                Fault(session, ErrorCode.NotAllowed, $"Virtual host '{host.DisplayName}' has {host.ConnectionCount} connections, its limit: close some.");
                return;
            }
            host.ConnectionCount++;
            session.IsCounted = true;
        }
        SessionOpenedEvent* opened = TryClaimReply<SessionOpenedEvent>(session, EventType.SessionOpened, 0);
        if (opened == null)
            return;
        *opened = new SessionOpenedEvent { Session = session.Id };
        port.Ring.Stage();
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnCloseSession(in CloseSessionCommand command)
    {
        Session? session = _sessions[command.Session];
        if (session == null)
            return true;
        if (!CanReturn(ReturnLength(session)))
            return false;
        Release(session);
        if (session.IsCounted)
            session.Host.ConnectionCount--;
        _sessions[command.Session] = null;
        if (--session.Port.SessionCount == 0)
            ReleasePassing(session.Port, long.MaxValue); // Whoever read it may be gone, and the ring with it.
        SessionClosedEvent* closed = TryClaimReply<SessionClosedEvent>(session, EventType.SessionClosed, 0);
        if (closed == null)
            return true;
        closed->Session = session.Id;
        session.Port.Ring.Stage();
        return true;
    }

    /// <summary>Most bytes of journal that it takes to tell of all that a session gives back.</summary>
    private static long ReturnLength(Session session)
    {
        long length = 0;
        foreach (Consumer? consumer in session.Consumers.Items)
        {
            if (consumer is { IsEnded: false })
                length += ReturnLength(consumer);
        }
        return length;
    }

    private static long ReturnLength(Consumer consumer)
    {
        if (!consumer.Queue.Durable)
            return 0;
        return (consumer.Tags.UnsettledCount > 0 ? RecordLayout.AlignedLength(DropLayout.DeferRanges + consumer.Tags.UnsettledCount * SequenceRange.Length) : 0)
            + (consumer.Queue.Options.AutoDelete ? RemovalLength : 0);
    }

    /// <summary>Whether the journal can be told of a return, or never will: false while it prepares its next segment.</summary>
    private bool CanReturn(long length) =>
        length == 0 || _durableLog == null || _durableLog.CheckAppend((int)Math.Min(length, _durableLog.MaxBodyLength), reserved: true) != AppendStatus.NotReady;

    /// <summary>Takes everything from a session: its unsettled messages return to their places.</summary>
    private void Release(Session session)
    {
        foreach (Consumer? consumer in session.Consumers.Items)
        {
            if (consumer != null)
                Detach(consumer, keep: false);
        }
        foreach (EnginePublication? publication in session.Publications.Items)
        {
            if (publication != null)
                Detach(publication);
        }
        session.IsFaulted = true;
        session.Transaction?.Dispose();
        session.Transaction = null;
        RemoveOwnedQueues(session);
        RemovePendingReplies(session);
    }

    private void Detach(EnginePublication publication)
    {
        if (publication.IsEnded)
            return;
        publication.IsEnded = true;
        if (publication.Publisher?.Open == publication)
            publication.Publisher.Open = null;
        _waitingForDiskSpace.Remove(publication);
        _waitingForMemory.Remove(publication);
        ForgetReasons(publication);
        // A full queue remembers whom to wake; those that went are skipped then, or go when another waits there.
    }

    /// <summary>The broker closes a publication that is open.</summary>
    private void End(EnginePublication publication, ErrorCode code, string sentence)
    {
        Detach(publication);
        SendEnded(publication.Session, publication.Handle, isPublication: true, code, sentence);
    }

    /// <returns>False when the journal is preparing its next segment; nothing was done then.</returns>
    private bool OnOpenPublication(in OpenPublicationCommand command, ReadOnlySpan<byte> strings)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return true;
        ReadOnlySpan<byte> publisherName = TakeString(ref strings);
        ReadOnlySpan<byte> exchangeName = TakeString(ref strings);
        ReadOnlySpan<byte> routingKey = TakeString(ref strings);

        string? problem = NameRules.ProblemOrEmpty("publisher name", publisherName)
            ?? NameRules.ProblemOrEmpty("exchange name", exchangeName)
            ?? NameRules.ProblemOrEmpty("routing key", routingKey);
        if (problem != null)
            return Fail(session, command.Request, ErrorCode.InvalidName, problem);
        if (command.Level is < (byte)DurabilityLevel.Memory or > (byte)DurabilityLevel.Disk)
            return Fail(session, command.Request, ErrorCode.UnknownLevel, $"Durability level {command.Level} does not exist: 1 is memory, 2 process, 3 disk.");
        if (command.Level != (byte)DurabilityLevel.Memory && _durableLog == null)
            return Fail(session, command.Request, ErrorCode.PreconditionFailed, "This broker has no journal: ask for level memory, or start it with a data folder.");
        if (command.Level != (byte)DurabilityLevel.Memory && _isJournalFailed)
            return Fail(session, command.Request, ErrorCode.JournalFailed, "The journal failed and keeps nothing new until the broker is restarted: ask for level memory, or restart it.");
        Exchange? exchange = null;
        if (exchangeName.Length > 0 && !session.Host.TryGetExchange(exchangeName, out exchange))
            return FailNoExchange(session, command.Request, exchangeName);
        if (exchange is { Options.Internal: true })
            return Fail(session, command.Request, ErrorCode.AccessRefused, $"Exchange '{exchange.DisplayName}' is internal: publish to one that is bound to it.");
        if (session.Publications.Count >= _limits.MaxPublicationsPerSession)
            return Fail(session, command.Request, ErrorCode.LimitReached, $"This connection has {session.Publications.Count} publications open, the limit: close some.");

        Publisher? publisher = null;
        if (publisherName.Length > 0 && !TryOpenPublisher(session, command.Request, publisherName, out publisher, out bool isReady))
            return isReady;

        uint handle = session.Publications.NextHandle();
        uint window = Math.Clamp(command.Window, 1, (uint)_limits.MaxWindow);
        var publication = new EnginePublication(session, handle, exchange, routingKey.ToArray())
        {
            Publisher = publisher,
            Level = (DurabilityLevel)command.Level,
            IsMandatory = (command.Flags & (byte)PublicationFlags.Mandatory) != 0,
            Window = window,
        };
        if (publisher != null)
            publisher.Open = publication;
        session.Publications.Set(handle, publication);

        PublicationOpenedEvent* opened = TryClaimReply<PublicationOpenedEvent>(session, EventType.PublicationOpened, 0);
        if (opened == null)
            return true;
        *opened = new PublicationOpenedEvent
        {
            Session = session.Id,
            Request = command.Request,
            Publication = handle,
            Window = window,
            LastSequence = publisher?.LastSequence ?? 0,
        };
        session.Port.Ring.Stage();
        if (IsSpaceLow && publication.Level != DurabilityLevel.Memory)
            BlockForSpace(publication);
        return true;
    }

    /// <param name="done">When the result is false: the request was answered (true) or the journal is not ready (false).</param>
    private bool TryOpenPublisher(Session session, uint request, ReadOnlySpan<byte> name, out Publisher? publisher, out bool done)
    {
        done = true;
        if (_publishers.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out publisher))
        {
            // The same name again is the same client come back, while its old connection is not yet known to be dead.
            if (publisher.Open != null)
                End(publisher.Open, ErrorCode.TakenOver, $"Publisher '{NameRules.Text(name)}' was opened again by another connection: give each publisher its own name.");
            return true;
        }
        if (_publishers.Count >= _limits.MaxPublishers && !TryForgetPublisher(session, request, out done))
            return false;
        var record = new ControlRecord();
        record.U32(_nextPublisherId);
        record.String(name);
        if (!TryAppend(RecordType.DefinePublisher, 0, record, out done, session, request, out _))
            return false;
        publisher = ApplyDefinePublisher(_nextPublisherId, name.ToArray());
        return true;
    }

    private const int MaxPublisherRecord = sizeof(uint) + 1 + NameRules.MaxLength;

    // The one that was silent longest, by the journal: the same in every replay.
    private bool TryForgetPublisher(Session session, uint request, out bool done)
    {
        Publisher? oldest = null;
        foreach (Publisher publisher in _publishers.Values)
        {
            if (publisher.Open == null && (oldest == null || publisher.LastPosition < oldest.LastPosition || (publisher.LastPosition == oldest.LastPosition && publisher.Id < oldest.Id)))
                oldest = publisher;
        }
        if (oldest == null)
        {
            done = Fail(session, request, ErrorCode.LimitReached, $"The broker knows {_publishers.Count} publishers that are all open, its limit: close some, or open without a name.");
            return false;
        }
        // Room for the definition of the new one too, or neither.
        AppendStatus room = _durableLog?.CheckAppend(2 * RecordLayout.AlignedLength(MaxPublisherRecord), reserved: true) ?? AppendStatus.Appended;
        if (room != AppendStatus.Appended)
        {
            done = FailAppend(room, session, request);
            return false;
        }
        var record = new ControlRecord();
        record.U32(oldest.Id);
        if (!TryAppend(RecordType.ForgetPublisher, 0, record, out done, session, request, out _))
            return false;
        ApplyForgetPublisher(oldest.Id);
        return true;
    }

    private Publisher ApplyDefinePublisher(uint id, byte[] name)
    {
        var publisher = new Publisher(id, name) { ToldBy = _snapshotNumber };
        publisher.Place = _publisherRoster.Add(publisher);
        _publishers[name] = publisher;
        _publishersById[id] = publisher;
        _nextPublisherId = Math.Max(_nextPublisherId, id + 1);
        return publisher;
    }

    private void ApplyForgetPublisher(uint id)
    {
        if (!_publishersById.Remove(id, out Publisher? publisher))
            return;
        _publishers.Remove(publisher.Name);
        _publisherRoster.Remove(publisher.Place!);
    }

    private void OnClosePublication(in ClosePublicationCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return;
        if (!session.Publications.TryGet(command.Publication, out EnginePublication? publication))
        {
            Fail(session, command.Request, ErrorCode.UnknownHandle, $"Publication {command.Publication} is not open on this connection.");
            return;
        }
        Detach(publication);
        session.Publications.Remove(command.Publication);
        Done(session, command.Request);
    }

    /// <summary>The session, when it may still ask for things.</summary>
    private Session? OpenSession(int id)
    {
        Session? session = _sessions[id];
        return session is { IsFaulted: false } ? session : null;
    }

    /// <summary>A session whose owner does not take its replies has been told nothing for a while: it ends.</summary>
    private void EndOverrunSessions()
    {
        long length = 0;
        foreach (Session session in _overrunSessions)
            length += ReturnLength(session);
        if (!CanReturn(length))
            return; // With the next batch.
        foreach (Session session in _overrunSessions)
            Release(session);
        _overrunSessions.Clear();
        CommitPorts();
    }
}
