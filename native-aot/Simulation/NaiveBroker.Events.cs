using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>What the engine says, batch by batch.</content>
internal sealed partial class NaiveBroker
{
    private readonly List<SimulatedEvent> _events = [];
    private readonly List<SimulatedEvent> _deliveries = [];
    private long _batch;

    /// <summary>A batch has ended: takes what it committed and compares.</summary>
    /// <param name="log">Takes the events, for a report.</param>
    /// <param name="checksEntries">Compare every message of every queue.</param>
    internal void EndBatch(List<object> log, bool checksEntries)
    {
        _batch++;
        _deliveries.Clear();
        var others = new List<(NaiveSession Session, SimulatedEvent Event)>();
        foreach (NaiveSession session in _sessions.Values)
        {
            _events.Clear();
            session.Port.Peek(_events);
            log.AddRange(_events);
            foreach (SimulatedEvent item in _events)
            {
                if (item.Type is EventType.Deliver or EventType.DeliverConflated)
                    _deliveries.Add(item);
                else
                    others.Add((session, item));
            }
        }
        OnDeliveries(_deliveries);
        // What waited to be dropped may be with a consumer now, and something else go for it.
        BuryWaiting("maxlen");
        foreach (NaiveQueue queue in _emptied.Where(queue => queue.Exists))
            LetGo(queue);
        _isAfterConfirms = true;
        // Sessions that do not read end, and others are told of what they leave.
        foreach (NaiveSession session in _sessions.Values.Where(session => session.IsOverrun && !_core.Engine.HasOverrunSessions).ToArray())
            Release(session);
        PlaceArrivals();
        DeleteLeaving();
        PlaceArrivals();
        _isAfterConfirms = false;
        CheckGiven();
        foreach ((NaiveSession session, SimulatedEvent item) in others)
            OnEvent(session, item);
        // What an overrun session gives back is delivered in the next batch.
        bool hasOverrun = _sessions.Values.Any(session => session.IsOverrun);
        foreach (NaiveSession session in _sessions.Values.ToArray())
            EndBatch(session);
        foreach (NaiveQueue queue in _state.Queues)
        {
            if (!hasOverrun)
                CheckNothingHeldBack(queue);
            CheckQueue(queue, checksEntries);
        }
        Remember();
    }

    private void EndBatch(NaiveSession session)
    {
        if (session.IsOverrun && _core.Engine.HasOverrunSessions)
            return; // The journal has no room yet for what they give back.
        if (session.IsOverrun)
        {
            session.Replies.Clear();
            session.Events.Clear();
            if (session.IsClosing)
                _sessions.Remove(session.Id);
            return;
        }
        Check(session.Events.Count == 0, $"Session {session.Id} was not told: {(session.Events.Count > 0 ? session.Events.Peek() : "")}.");
        foreach ((uint request, ExpectedReply reply) in session.Replies)
            Check(reply.NotAfter > Durable, $"Request {request} of session {session.Id} was not answered: {reply}, durable is {Durable}.");
        if (!session.Port.HasRoom)
            return;
        CheckPulls(session);
        foreach (NaivePublication publication in session.Publications.Values)
        {
            if (!publication.IsEnded && publication.LetGoLateIn != _batch && publication.Pending.TryPeek(out PendingConfirm pending) && pending.Sequence < publication.BlockedFrom)
            {
                long latest = publication.Pending.Where(other => other.Batch == pending.Batch && other.Sequence < publication.BlockedFrom).Max(other => other.LatestEnd);
                Check(pending.Level == DurabilityLevel.Disk && latest > Durable,
                    $"{pending} of publication {publication.Handle} of session {session.Id} was not confirmed, durable is {Durable}.");
            }
        }
    }

    private void OnEvent(NaiveSession session, SimulatedEvent item)
    {
        switch (item.Type)
        {
            case EventType.Confirm:
                OnConfirm(session, item.Read<ConfirmEvent>());
                break;
            case EventType.Rejected:
                RejectedEvent rejected = item.Read<RejectedEvent>();
                Expect(session, new ExpectedEvent(item.Type, rejected.Publication, rejected.Sequence, (ErrorCode)rejected.Code, true) { Queues = [item.String<RejectedEvent>()] });
                break;
            case EventType.PublicationReady:
                Expect(session, new ExpectedEvent(item.Type, item.Read<PublicationReadyEvent>().Publication, 0, ErrorCode.None, true));
                break;
            case EventType.PublicationBlocked:
                PublicationBlockedEvent blocked = item.Read<PublicationBlockedEvent>();
                Expect(session, new ExpectedEvent(item.Type, blocked.Publication, (ulong)blocked.SinceNs, (ErrorCode)blocked.Code, true) { Queues = [item.String<PublicationBlockedEvent>()] });
                break;
            case EventType.PublicationUnblocked:
                PublicationUnblockedEvent unblocked = item.Read<PublicationUnblockedEvent>();
                Expect(session, new ExpectedEvent(item.Type, unblocked.Publication, (ulong)unblocked.LastedNs, ErrorCode.None, true));
                break;
            case EventType.SubscriptionEnded:
                SubscriptionEndedEvent ended = item.Read<SubscriptionEndedEvent>();
                Expect(session, new ExpectedEvent(item.Type, ended.Handle, 0, (ErrorCode)ended.Code, ended.IsPublication != 0));
                break;
            case EventType.SessionFault:
                Expect(session, new ExpectedEvent(item.Type, 0, 0, (ErrorCode)item.Read<SessionFaultEvent>().Code, false));
                break;
            case EventType.SessionOpened:
                Expect(session, new ExpectedEvent(item.Type, 0, 0, ErrorCode.None, false));
                break;
            case EventType.SessionClosed:
                if (!session.IsOverrun)
                    Expect(session, new ExpectedEvent(item.Type, 0, 0, ErrorCode.None, false));
                _sessions.Remove(session.Id);
                break;
            case EventType.SubscriptionActive:
                SubscriptionActiveEvent active = item.Read<SubscriptionActiveEvent>();
                Expect(session, new ExpectedEvent(item.Type, active.Subscription, active.IsActive, ErrorCode.None, false));
                break;
            case EventType.Failed:
                FailedEvent failed = item.Read<FailedEvent>();
                OnReply(session, failed.Request, new ExpectedReply(item.Type, (ErrorCode)failed.Code, 0, 0));
                break;
            case EventType.Done:
                DoneEvent done = item.Read<DoneEvent>();
                OnReply(session, done.Request, new ExpectedReply(item.Type, ErrorCode.None, 0, 0) { Count = done.Count });
                break;
            case EventType.QueueDeclared:
                OnReply(session, item.Read<QueueDeclaredEvent>().Request, new ExpectedReply(item.Type, ErrorCode.None, 0, 0));
                break;
            case EventType.Subscribed:
                SubscribedEvent subscribed = item.Read<SubscribedEvent>();
                OnReply(session, subscribed.Request, new ExpectedReply(item.Type, ErrorCode.None, 0, 0) { Handle = subscribed.Subscription });
                break;
            case EventType.PublicationOpened:
                PublicationOpenedEvent opened = item.Read<PublicationOpenedEvent>();
                OnReply(session, opened.Request, new ExpectedReply(item.Type, ErrorCode.None, 0, 0)
                {
                    Handle = opened.Publication,
                    LastSequence = opened.LastSequence,
                    Window = opened.Window,
                });
                break;
            default:
                throw new SimulationException($"An event of type {item.Type}.");
        }
    }

    private static void Expect(NaiveSession session, ExpectedEvent found)
    {
        if (session.IsOverrun && session.Events.Count == 0)
            return;
        // Who waits for room is told in any order, and before or after what else happens; one publication of what holds it back in the order in which it does.
        List<ExpectedEvent> waiting = [.. session.Events];
        int place = found.Type switch
        {
            EventType.PublicationReady => waiting.FindIndex(expected => expected.IsMetBy(found)),
            EventType.PublicationBlocked or EventType.PublicationUnblocked => waiting.FindIndex(expected => expected.IsOfBlock && expected.Handle == found.Handle),
            _ => waiting.FindIndex(expected => !expected.IsOfBlock && expected.Type != EventType.PublicationReady),
        };
        ExpectedEvent next = place < 0 ? default : waiting[place];
        Check(place >= 0 && next.IsMetBy(found), $"Session {session.Id} was told {found}, expected {next}.");
        waiting.RemoveAt(place);
        session.Events.Clear();
        waiting.ForEach(session.Events.Enqueue);
    }

    private void OnReply(NaiveSession session, uint request, ExpectedReply found)
    {
        Check(session.Replies.Remove(request, out ExpectedReply? expected), $"Session {session.Id} was answered {found} to request {request}, which waits for nothing.");
        if (expected!.MayFail && _isJournalFailed && found is { Type: EventType.Failed, Code: ErrorCode.JournalFailed })
            return;
        bool isSame = found.Type == expected.Type && (found.Code == expected.Code || (found.Code == expected.OtherCode && found.Code != ErrorCode.None)) && found.Handle == expected.Handle && found.LastSequence == expected.LastSequence
            && found.Window == expected.Window && (expected.Count == null || expected.Count == found.Count);
        Check(isSame, $"Session {session.Id} was answered {found} to request {request}, expected {expected}.");
        if (expected.Pull != null)
            OnPulled(expected.Pull, request, found.Count!.Value);
        Check(expected.NotBefore <= Durable, $"Request {request} of session {session.Id} was answered before it was durable: {expected}, durable is {Durable}.");
    }

    private void OnConfirm(NaiveSession session, ConfirmEvent confirm)
    {
        Check(session.Publications.TryGetValue(confirm.Publication, out NaivePublication? publication), "A confirm for a publication that is not open.");
        Check(!publication!.IsEnded, "A confirm for a publication that has ended.");
        Check(confirm.Sequence < publication.BlockedFrom, $"A confirm up to {confirm.Sequence} of publication {publication.Handle}, which is held back from {publication.BlockedFrom} on.");
        Check(confirm.Sequence > publication.LastConfirmed, $"A confirm up to {confirm.Sequence} after one up to {publication.LastConfirmed}.");
        Check(publication.Pending.Any(pending => pending.Sequence == confirm.Sequence), $"A confirm up to {confirm.Sequence}, which was not taken.");
        Check(!session.Events.Any(expected => expected.Type == EventType.Rejected && expected.Handle == confirm.Publication && expected.Sequence <= confirm.Sequence),
            $"A confirm up to {confirm.Sequence} came before a reject below it.");
        publication.LastConfirmed = confirm.Sequence;
        var level = (DurabilityLevel)confirm.Level;
        while (publication.Pending.TryPeek(out PendingConfirm pending) && pending.Sequence <= confirm.Sequence)
        {
            publication.Pending.Dequeue();
            Check(pending.IsResend ? level <= pending.Level && level != DurabilityLevel.None : level == pending.Level, $"Confirmed at level {level}: {pending}.");
            Check(level != DurabilityLevel.Disk || (pending.End <= Durable && pending.End <= _core.Journal!.DurablePosition),
                $"{pending} was confirmed at level {level}, durable is {_core.Journal!.DurablePosition}.");
        }
    }
}
