using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>What the door brings. Owner thread. A result of false, or a call of <see cref="Door.Lose(ErrorCode, string)"/>, ends the connection.</content>
internal sealed partial class ConnectionAgent
{
    /// <summary>An answer, or that a subscription became active, or that a publication is held back: fields and parts as in the engine's event.</summary>
    /// <param name="type">Of the event.</param>
    /// <param name="body">The event, whatever its first 8 bytes are: the session, or the header of a frame.</param>
    internal unsafe void OnAnswer(EventType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case EventType.Done:
                DoneEvent done = MemoryMarshal.Read<DoneEvent>(body);
                OnDone(done.Request, (long)done.Count);
                break;
            case EventType.Failed:
                FailedEvent failed = MemoryMarshal.Read<FailedEvent>(body);
                OnFailed(failed.Request, (ErrorCode)failed.Code, Encoding.UTF8.GetString(new FrameParts(body[sizeof(FailedEvent)..]).Long()));
                break;
            case EventType.QueueDeclared:
                QueueDeclaredEvent declared = MemoryMarshal.Read<QueueDeclaredEvent>(body);
                string name = Encoding.UTF8.GetString(new FrameParts(body[sizeof(QueueDeclaredEvent)..]).String());
                OnQueueDeclared(declared.Request, new RequestResult(name, (long)declared.Ready, (int)declared.Consumers));
                break;
            case EventType.PublicationOpened:
                PublicationOpenedEvent opened = MemoryMarshal.Read<PublicationOpenedEvent>(body);
                OnPublicationOpened(opened.Request, opened.Publication, opened.Window, opened.LastSequence);
                break;
            case EventType.Subscribed:
                SubscribedEvent subscribed = MemoryMarshal.Read<SubscribedEvent>(body);
                OnSubscribed(
                    subscribed.Request, subscribed.Subscription, Encoding.UTF8.GetString(new FrameParts(body[sizeof(SubscribedEvent)..]).String()));
                break;
            case EventType.SubscriptionActive:
                SubscriptionActiveEvent active = MemoryMarshal.Read<SubscriptionActiveEvent>(body);
                FindSubscription(active.Subscription)?.OnActive(active.IsActive != 0);
                break;
            case EventType.PublicationBlocked:
                PublicationBlockedEvent blocked = MemoryMarshal.Read<PublicationBlockedEvent>(body);
                var parts = new FrameParts(body[sizeof(PublicationBlockedEvent)..]);
                _publications.Find(blocked.Publication)?.OnBlocked(
                    new Blocking((ErrorCode)blocked.Code, Encoding.UTF8.GetString(parts.String()), Encoding.UTF8.GetString(parts.Long()), blocked.SinceNs));
                break;
            case EventType.PublicationUnblocked:
                PublicationUnblockedEvent unblocked = MemoryMarshal.Read<PublicationUnblockedEvent>(body);
                _publications.Find(unblocked.Publication)?.OnUnblocked(unblocked.LastedNs);
                break;
        }
    }

    private void OnDone(uint id, long count)
    {
        if (!_requests.TryTake(id, out Request request))
        {
            BrokenRule($"an answer to request {id}, which was not made");
            return;
        }

        switch (request.Type)
        {
            case CommandType.ClosePublication when request.Publication is { } publication:
                Forget(publication);
                break;
            case CommandType.Unsubscribe when request.Subscription is { IsStopped: true } stopped:
                stopped.OnStopped();
                break;
            case CommandType.Unsubscribe when request.Subscription is { } subscription:
                Forget(subscription);
                break;
            case CommandType.Get:
                request.Subscription!.OnGot();
                break;
            case CommandType.Recover:
                foreach (Subscription subscription in _openedSubscriptions)
                    subscription.OnRecovered();
                break;
            case CommandType.CommitTransaction:
                request.Transaction!.OnCommitted();
                break;
            case CommandType.OpenPublication or CommandType.Subscribe or CommandType.DeclareQueue:
                BrokenRule($"Done for request {id}, {request}");
                return;
        }

        Finish(request, new RequestResult("", count, 0));
    }

    private void OnFailed(uint id, ErrorCode code, string reason)
    {
        if (!_requests.TryTake(id, out Request request))
        {
            BrokenRule($"an answer to request {id}, which was not made");
            return;
        }

        bool isGone = code is ErrorCode.NotFound or ErrorCode.UnknownHandle;
        switch (request.Type)
        {
            case CommandType.DeleteQueue or CommandType.DeleteExchange or CommandType.DeleteVirtualHost or CommandType.Unbind when isGone && request.MayBeDone:
                Finish(request, default); // The first time did it, and its answer was lost.
                return;
            case CommandType.ClosePublication or CommandType.Unsubscribe when isGone:
                if (request.Publication is { } closed)
                    Forget(closed);
                if (request.Subscription is { } ended)
                    Forget(ended);
                Finish(request, default);
                return;
            case CommandType.Get:
                request.Subscription!.OnGot();
                break;
            case CommandType.Recover:
                foreach (Subscription paused in _openedSubscriptions)
                    paused.Resume();
                break;
            case CommandType.DeclareQueue when request is { IsExclusive: true, IsRepeat: true } && code == ErrorCode.ResourceLocked && MayTryExclusiveAgain():
                // The broker has not seen yet that the old connection is gone, which still holds it: once more, in order.
                _door.Lose(code, $"{request}: {reason}");
                return;
        }

        _isNaming &= request is not { Type: CommandType.DeclareQueue, IsRepeat: true };
        var error = new LowLatencyException(code, $"{request}: {reason}");
        request.Fail(error);
        if (!request.IsRepeat)
            return;
        if (request.Publication is { } publication)
        {
            _openedPublications.Remove(publication);
            publication.End(error);
        }

        if (request.Subscription is { } subscription)
        {
            _openedSubscriptions.Remove(subscription);
            subscription.End(error);
        }

        _options.OnError?.Invoke(error);
    }

    private bool MayTryExclusiveAgain()
    {
        long nowMs = Environment.TickCount64;
        if (_exclusiveUntilMs == 0)
            _exclusiveUntilMs = nowMs + (long)_options.RequestTimeout.TotalMilliseconds;
        return nowMs < _exclusiveUntilMs;
    }

    private void OnQueueDeclared(uint id, RequestResult declared)
    {
        if (!_requests.TryTake(id, out Request request) || request.Type != CommandType.DeclareQueue)
        {
            BrokenRule($"QueueDeclared for request {id}, which did not ask for it");
            return;
        }

        if (request is { IsRepeat: true, Original: { } original })
        {
            _isNaming = false;
            if (request.IsExclusive)
                _exclusiveUntilMs = 0;
            string before = original.Result.Name;
            if (request.Name.Length == 0 && before != declared.Name)
            {
                original.Complete(declared);
                Rename(before, declared.Name);
            }
        }

        Finish(request, declared);
    }

    // A queue that the broker names has a new name: what was bound and subscribed to the old one follows.
    private void Rename(string from, string to)
    {
        _topology.Rename(from, to);
        _requests.Rename(from, to);
        foreach (Subscription subscription in _openedSubscriptions)
            subscription.Rename(from, to);
        _options.OnQueueRenamed?.Invoke(_connection, from, to);
    }

    private void OnPublicationOpened(uint id, uint handle, uint window, ulong lastSequence)
    {
        if (!_requests.TryTake(id, out Request request) || request.Type != CommandType.OpenPublication || window == 0
            || _publications.Find(handle) != null)
        {
            BrokenRule($"PublicationOpened for request {id}, handle {handle}, window {window}");
            return;
        }

        Publication publication = request.Publication!;
        _publications.Set(handle, publication);
        if (!request.IsRepeat)
            _openedPublications.Add(publication);
        if (!_openedPublications.Contains(publication))
        {
            Forget(handle, publication); // Its user closed it while it was opened again.
            return;
        }

        publication.OnOpened(handle, (int)Math.Min(window, int.MaxValue), lastSequence, _facts.MaxBodyLength);
        if (publication.Error is { } error)
        {
            _options.OnError?.Invoke(error);
            Forget(handle, publication);
        }
        else if (request.IsCompleted && !request.IsRepeat)
        {
            publication.Dispose(); // Its caller has given up waiting.
        }

        Finish(request, default);
    }

    internal void OnConfirmed(uint handle, ulong sequence, DurabilityLevel level)
    {
        if (_publications.Find(handle) is not { } publication)
            return; // Closed in between.
        if (!publication.OnConfirmed(sequence, level))
            BrokenRule($"a confirm of message {sequence} on publication {handle}, which was not published");
    }

    internal void OnRejected(uint handle, ulong sequence, ErrorCode code, string queue, string reason)
    {
        if (_publications.Find(handle) is not { } publication)
            return;
        if (!publication.OnRejected(sequence, code, queue, reason))
            BrokenRule($"a rejection of message {sequence} on publication {handle}, which was not published");
    }

    internal void OnPublicationReady(uint handle) => _publications.Find(handle)?.OnReady();

    internal void OnPublicationEnded(uint handle, ErrorCode code, string reason)
    {
        if (_publications.Find(handle) is not { } publication)
            return;
        publication.End(new LowLatencyException(code, reason));
        Forget(handle, publication);
    }

    private void OnSubscribed(uint id, uint handle, string queue)
    {
        if (!_requests.TryTake(id, out Request request) || request.Type != CommandType.Subscribe || _subscriptions.Find(handle) != null)
        {
            BrokenRule($"Subscribed for request {id}, handle {handle}");
            return;
        }

        Subscription subscription = request.Subscription!;
        if (!request.IsRepeat)
        {
            _openedSubscriptions.Add(subscription);
        }
        else if (!_openedSubscriptions.Contains(subscription))
        {
            Post(Request.CloseEnded(CommandType.Unsubscribe, handle)); // Its user closed it meanwhile.
            return;
        }

        subscription.OnSubscribed(handle, queue);
        _subscriptions.Set(handle, subscription);
        if (request.IsCompleted && !request.IsRepeat)
            subscription.Dispose(); // Its caller has given up waiting.
        Finish(request, default);
    }

    internal void OnSubscriptionEnded(uint handle, ErrorCode code, string reason)
    {
        if (_subscriptions.Find(handle) is not { } subscription)
            return;
        _subscriptions.Remove(handle);
        _openedSubscriptions.Remove(subscription);
        subscription.End(new LowLatencyException(code, reason));
        Post(Request.CloseEnded(CommandType.Unsubscribe, handle));
    }

    /// <summary>The broker wants its clients to leave: what was published is carried out, nothing new is taken.</summary>
    internal void OnStopping()
    {
        foreach (Publication publication in _openedPublications)
            publication.Hold();
    }

    internal Subscription? FindSubscription(uint handle) => _subscriptions.Find(handle);

    /// <summary>Credit to subscribe with, fitted to the present broker.</summary>
    internal void FitCredit(Subscription subscription) => subscription.FitCredit(_facts.MaxCreditMessages, _facts.MaxPayloadLength);

    internal void BrokenRule(string what) => _door.Lose(ErrorCode.FrameError,
        $"The broker at {_address} sent {what}. It is reconnected to; if this comes again, report it with the broker's version.");

    // The broker keeps the handle until it is closed from here too.
    private void Forget(uint handle, Publication publication)
    {
        _publications.Remove(handle);
        _openedPublications.Remove(publication);
        Post(Request.CloseEnded(CommandType.ClosePublication, handle));
    }

    private void Finish(Request request, RequestResult result)
    {
        request.Complete(result);
        _topology.Note(request);
        if (request.Type == CommandType.SetMaxUnacked)
            _maxUnacked = request.Limit;
    }
}
