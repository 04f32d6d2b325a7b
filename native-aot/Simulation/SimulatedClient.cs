using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>A client: one session on one port, and what it has heard.</summary>
internal sealed class SimulatedClient(int session, SimulatedPort port, string host)
{
    internal int Session { get; } = session;

    internal SimulatedPort Port { get; } = port;

    internal string Host { get; } = host;

    internal bool IsClosing { get; set; }

    internal bool IsClosed { get; private set; }

    internal List<SimulatedPublisher> Publishers { get; } = [];

    internal Dictionary<uint, SimulatedSubscription> Subscriptions { get; } = [];

    /// <summary>Tags that it has settled in the transaction that is open.</summary>
    internal List<(uint Handle, ulong Tag)> InTransaction { get; } = [];

    /// <summary>Those of commits that are not answered, by request.</summary>
    internal Dictionary<uint, (uint Handle, ulong Tag)[]> Commits { get; } = [];

    internal bool IsFaulted { get; private set; }

    /// <summary>Its direct reply-to address; empty for none.</summary>
    internal string Address { get; private set; } = "";

    /// <summary>Reads some events.</summary>
    internal void Poll(int limit)
    {
        foreach (SimulatedEvent item in Port.Take(limit))
            OnEvent(item);
    }

    internal SimulatedPublisher? Publisher(uint handle) => Publishers.Find(publisher => publisher.IsOpen && publisher.Handle == handle);

    internal void Lose()
    {
        foreach (SimulatedPublisher publisher in Publishers)
            publisher.OnLost();
        Publishers.Clear();
    }

    /// <summary>They were not settled after all.</summary>
    internal void Restore(IEnumerable<(uint Handle, ulong Tag)> tags)
    {
        foreach ((uint handle, ulong tag) in tags)
        {
            if (Subscriptions.TryGetValue(handle, out SimulatedSubscription? subscription))
                subscription.Unsettled.Add(tag);
        }
    }

    /// <summary>Everything that was sent on an open publication was confirmed or rejected.</summary>
    internal void CheckDecided()
    {
        if (IsFaulted || IsClosing || Port.WasOverrun)
            return;
        foreach (SimulatedPublisher publisher in Publishers)
        {
            if (publisher.IsOpen && !publisher.IsBlocked && publisher.Undecided.Keys.Any(sequence => sequence <= publisher.Sent))
                throw new SimulationException($"Publisher '{publisher.Name}' was never told of {string.Join(", ", publisher.Undecided.Keys)}, it sent up to {publisher.Sent}.");
        }
    }

    private void OnEvent(SimulatedEvent item)
    {
        switch (item.Type)
        {
            case EventType.PublicationOpened:
                PublicationOpenedEvent opened = item.Read<PublicationOpenedEvent>();
                Publishers.Find(publisher => publisher.Request == opened.Request)?.OnOpened(opened);
                break;
            case EventType.Confirm:
                ConfirmEvent confirm = item.Read<ConfirmEvent>();
                Publisher(confirm.Publication)?.OnConfirm(confirm);
                break;
            case EventType.Rejected:
                RejectedEvent rejected = item.Read<RejectedEvent>();
                Publisher(rejected.Publication)?.OnRejected(rejected);
                break;
            case EventType.PublicationReady:
                if (Publisher(item.Read<PublicationReadyEvent>().Publication) is { } ready)
                    ready.IsHeld = false;
                break;
            case EventType.PublicationBlocked:
                if (Publisher(item.Read<PublicationBlockedEvent>().Publication) is { } blocked)
                    blocked.IsBlocked = true;
                break;
            case EventType.PublicationUnblocked:
                if (Publisher(item.Read<PublicationUnblockedEvent>().Publication) is { } unblocked)
                    unblocked.IsBlocked = false;
                break;
            case EventType.SubscriptionEnded:
                SubscriptionEndedEvent ended = item.Read<SubscriptionEndedEvent>();
                if (ended.IsPublication != 0)
                    Drop(Publisher(ended.Handle));
                else if (Subscriptions.TryGetValue(ended.Handle, out SimulatedSubscription? subscription))
                    subscription.IsEnded = true;
                break;
            case EventType.Subscribed:
                Subscriptions[item.Read<SubscribedEvent>().Subscription] = new SimulatedSubscription();
                if (item.String<SubscribedEvent>().StartsWith("amq.rabbitmq.reply-to.", StringComparison.Ordinal))
                    Address = item.String<SubscribedEvent>();
                break;
            case EventType.Deliver:
                DeliverEvent deliver = item.Read<DeliverEvent>();
                if ((deliver.Flags & DeliverEvent.PassingFlag) == 0 && Subscriptions.TryGetValue(deliver.Subscription, out SimulatedSubscription? taker))
                    taker.Unsettled.Add(deliver.Tag);
                break;
            case EventType.Failed:
                FailedEvent failed = item.Read<FailedEvent>();
                if (Commits.Remove(failed.Request, out (uint Handle, ulong Tag)[]? kept))
                    Restore(kept);
                Drop(Publishers.Find(publisher => publisher.Request == failed.Request && !publisher.IsOpen));
                break;
            case EventType.Done:
                Commits.Remove(item.Read<DoneEvent>().Request);
                break;
            case EventType.SessionFault:
                IsFaulted = true;
                break;
            case EventType.SessionClosed:
                IsClosed = true;
                break;
        }
    }

    private void Drop(SimulatedPublisher? publisher)
    {
        if (publisher == null)
            return;
        Publishers.Remove(publisher);
        publisher.OnLost();
    }
}

/// <summary>A subscription as its client sees it.</summary>
internal sealed class SimulatedSubscription
{
    internal bool IsEnded { get; set; }

    internal bool IsClosing { get; set; }

    /// <summary>Tags that were read and not settled.</summary>
    internal SortedSet<ulong> Unsettled { get; } = [];
}
