using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Messages that are on the disk alone: who may wait for them, and who may not (docs/journal.md, Cold segments).</content>
internal sealed partial class NaiveBroker
{
    private readonly Dictionary<NaiveQueue, (long Position, long DeadlineNs, long Sequence)> _awaitedExpiries = [];
    private HashSet<long> _atHand = [];
    private long _hotFrom;

    /// <summary>Nothing is loaded any more in this batch.</summary>
    internal void NoteSegmentsAtHand() => _atHand = _engine.SegmentsAtHand();

    /// <summary>A message is handed over only when it can be read without waiting.</summary>
    private void CheckAtHand(long position)
    {
        if ((position & RecordLog.TransientBit) == 0)
            Check(position >= _hotFrom || _atHand.Contains(position / Log.SegmentSize), $"The message at {position} was handed over; it is on the disk alone.");
    }

    /// <summary>The consumers of a queue wait for one of its messages, which is on the disk alone.</summary>
    private bool AwaitsLoad(NaiveQueue queue)
    {
        if (_engine.AwaitedPosition(queue.Host, queue.Name) is not { } position)
            return false;
        bool isHeld = _engine.Find(queue.Host, queue.Name)!.Entries().Exists(entry => entry.Position == position) || queue.Consumers.Exists(consumer => consumer.IsConflating);
        Check(isHeld, $"Queue {queue.Name} waits for what is at {position}, and holds nothing there.");
        return true;
    }

    /// <summary>How far a conflating subscription has looked: to the end, or to a message that is on the disk alone.</summary>
    private long NextToLookAt(NaiveConsumer viewer)
    {
        NaiveQueue queue = viewer.Queue;
        if (_engine.NextToLookAt(queue.Host, queue.Name, viewer.Session.Id, viewer.Handle) is not { } next)
            return queue.Next;
        NaiveEntry? first = queue.Entries.Values.FirstOrDefault(entry => entry.Sequence >= next);
        if (first == null)
            return queue.Next;
        // What was handed on with this batch is not there any more; where others of the queue wait for another segment it waits with them.
        EngineEntry? found = _engine.Find(queue.Host, queue.Name)?.Entry(first.Sequence);
        Check(next >= viewer.NextSeen && (found == null || Log.IsAway(found.Position) || AwaitsLoad(queue)),
            $"Subscription {viewer.Handle} of session {viewer.Session.Id} does not look at {first} of queue {queue.Name}, which is at hand.");
        return next;
    }

    /// <summary>Of what expired, in the order of its times, what does not wait for the disk: what is before the first that waits, by time or in the queue.</summary>
    private List<NaiveEntry> WithoutAwaiting(NaiveQueue queue, List<NaiveEntry> expired)
    {
        if (_engine.AwaitedExpiry(queue.Host, queue.Name) is not { } position)
        {
            _awaitedExpiries.Remove(queue);
            return expired;
        }
        Check(queue.Options.DeadLetterExchange != null, $"What expires in queue {queue.Name} waits for the disk, and is not moved.");
        EngineQueue real = _engine.Find(queue.Host, queue.Name)!;
        if (!_awaitedExpiries.TryGetValue(queue, out (long Position, long DeadlineNs, long Sequence) awaited) || awaited.Position != position)
        {
            NaiveEntry? first = expired.Find(entry => real.Entry(entry.Sequence)?.Position == position);
            Check(first != null, $"What expires in queue {queue.Name} waits for what is at {position}: nothing that has expired.");
            _awaitedExpiries[queue] = awaited = (position, queue.ExpiresNs(first!)!.Value, first!.Sequence);
        }
        return expired.FindAll(entry => queue.ExpiresNs(entry) < awaited.DeadlineNs || (entry.Sequence < awaited.Sequence && real.Entry(entry.Sequence) == null));
    }
}
