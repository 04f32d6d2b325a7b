using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <content>What the door brings. Owner thread. A result of false, or a call of <see cref="Door.Lose(ErrorCode, string)"/>, ends the connection.</content>
internal sealed partial class ConnectionAgent
{
    internal void OnDone(uint id)
    {
        if (!_requests.TryTake(id, out Request request))
        {
            BrokenRule($"an answer to request {id}, which was not made");
            return;
        }

        switch (request.Kind)
        {
            case RequestKind.ClosePublication when request.Publication is { } publication:
                Forget(publication);
                break;
            case RequestKind.Unsubscribe when request.Subscription is { } subscription:
                Forget(subscription);
                break;
            case RequestKind.OpenPublication or RequestKind.Subscribe or RequestKind.DeclareQueue:
                BrokenRule($"Done for request {id}, {request}");
                return;
        }

        Finish(request, default);
    }

    internal void OnFailed(uint id, ErrorCode code, string reason)
    {
        if (!_requests.TryTake(id, out Request request))
        {
            BrokenRule($"an answer to request {id}, which was not made");
            return;
        }

        bool isGone = code is ErrorCode.NotFound or ErrorCode.UnknownHandle;
        switch (request.Kind)
        {
            case RequestKind.DeleteQueue or RequestKind.DeleteExchange or RequestKind.Unbind when isGone && request.MayBeDone:
                Finish(request, default); // The first time did it, and its answer was lost.
                return;
            case RequestKind.ClosePublication or RequestKind.Unsubscribe when isGone:
                if (request.Publication is { } closed)
                    Forget(closed);
                if (request.Subscription is { } ended)
                    Forget(ended);
                Finish(request, default);
                return;
        }

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

    internal void OnQueueDeclared(uint id, ulong ready, uint consumers)
    {
        if (_requests.TryTake(id, out Request request) && request.Kind == RequestKind.DeclareQueue)
            Finish(request, new QueueInfo((long)ready, (int)consumers));
        else
            BrokenRule($"QueueDeclared for request {id}, which did not ask for it");
    }

    internal void OnPublicationOpened(uint id, uint handle, uint window, ulong lastSequence)
    {
        if (!_requests.TryTake(id, out Request request) || request.Kind != RequestKind.OpenPublication || window == 0
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

    internal void OnSubscribed(uint id, uint handle)
    {
        if (!_requests.TryTake(id, out Request request) || request.Kind != RequestKind.Subscribe || _subscriptions.Find(handle) != null)
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
            Post(new Request(RequestKind.Unsubscribe) { EndedHandle = handle, IsRepeat = true }); // Its user closed it meanwhile.
            return;
        }

        subscription.OnSubscribed(handle);
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
        Post(new Request(RequestKind.Unsubscribe) { EndedHandle = handle, IsRepeat = true });
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
        Post(new Request(RequestKind.ClosePublication) { EndedHandle = handle, IsRepeat = true });
    }

    private void Finish(Request request, QueueInfo result)
    {
        _topology.Note(request);
        request.Complete(result);
    }
}
