using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Get: a subscription asks for messages instead of waiting for its credit to bring them.
internal sealed unsafe partial class BrokerEngine
{
    private const long NsPerMs = 1_000_000;

    private readonly List<Consumer> _pulls = [];
    private readonly PullDeadlines _pullDeadlines = new();

    private void OnGet(in GetCommand command)
    {
        Session? session = OpenSession(command.Session);
        if (session == null)
            return;
        if (!session.Consumers.TryGet(command.Subscription, out Consumer? consumer))
            Fail(session, command.Request, ErrorCode.UnknownHandle, $"Subscription {command.Subscription} is not open on this connection: subscribe and use the handle in the answer.");
        else if (consumer.IsEnded)
            Fail(session, command.Request, ErrorCode.NotFound, $"Subscription {command.Subscription} has ended: queue '{consumer.Queue.DisplayName}' is gone.");
        else if (consumer.IsKept)
            Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Subscription {command.Subscription} was closed: what it has not settled is all that is left of it.");
        else if (command.MaxMessages == 0)
            Fail(session, command.Request, ErrorCode.InvalidArgument, "A get of 0 messages: ask for at least 1.");
        else if (consumer.Pull.IsActive)
            Fail(session, command.Request, ErrorCode.PreconditionFailed, $"Subscription {command.Subscription} waits for the answer to its last get: one at a time.");
        else
            Begin(consumer, in command);
    }

    private void Begin(Consumer consumer, in GetCommand command)
    {
        uint most = Math.Min(command.MaxMessages, (uint)_limits.MaxCreditMessages);
        consumer.Pull.Begin(command.Request, most, command.MaxBytes, _nowNs + command.WaitMs * NsPerMs);
        Used(consumer.Queue);
        List(consumer);
        Schedule(consumer.Queue);
    }

    /// <summary>To be looked at when this batch has delivered what it can.</summary>
    private void List(Consumer consumer)
    {
        if (consumer.Pull.IsListed)
            return;
        consumer.Pull.IsListed = true;
        _pulls.Add(consumer);
    }

    private void ListDuePulls()
    {
        while (_pullDeadlines.TryTakeDue(_nowNs, out Consumer? consumer))
            List(consumer);
    }

    private void AnswerPulls()
    {
        int kept = 0;
        for (int i = 0; i < _pulls.Count; i++)
        {
            Consumer consumer = _pulls[i];
            ConsumerPull pull = consumer.Pull;
            if (pull.IsActive && GoesOn(consumer))
            {
                pull.CountSeen = pull.Count;
                _pulls[kept++] = consumer;
                continue;
            }
            pull.IsListed = false;
            if (!pull.IsActive)
                continue;
            if (pull.IsFull || pull.Count > 0 || pull.DeadlineNs <= _nowNs)
                Answer(consumer);
            else if (pull.HeapIndex < 0)
                _pullDeadlines.Add(consumer);
        }
        _pulls.RemoveRange(kept, _pulls.Count - kept);
    }

    /// <summary>There is more for it that only had no place in this batch.</summary>
    private static bool GoesOn(Consumer consumer)
    {
        ConsumerPull pull = consumer.Pull;
        BrokerQueue queue = consumer.Queue;
        return !pull.IsFull && (queue.AwaitsLoad || queue.IsScheduled && (queue.IsHeld || pull.Count != pull.CountSeen || !consumer.Session.Port.CanDeliver));
    }

    private void Answer(Consumer consumer)
    {
        EndPull(consumer);
        Done(consumer.Session, consumer.Pull.Request, consumer.Pull.Count);
    }

    private void EndPull(Consumer consumer)
    {
        if (consumer.Pull.HeapIndex >= 0)
            _pullDeadlines.Remove(consumer);
        consumer.Pull.End();
    }
}
