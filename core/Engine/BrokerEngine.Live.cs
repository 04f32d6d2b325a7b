using System.Runtime.CompilerServices;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What is live in the logs: each place in a queue counts its share of the record. Shares of one record never add up to more than the
// record takes, so that what is counted as live never exceeds what is. Where it is less, because some of a record's queues are done with it,
// the record is moved sooner, and the new one has only the routes that are live: what counted too little counts in full then.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>What a record with one route takes in its log beside the payload.</summary>
    private const int RecordOverhead = RecordLayout.HeaderLength + MessageLayout.Routes + MessageLayout.RouteLength;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Share(int payloadLength, int routes) => routes == 1 ? payloadLength + RecordOverhead : (payloadLength + RecordOverhead) / routes;

    private static EntryMarks SharedMark(int routes) => routes > 1 ? EntryMarks.Shared : EntryMarks.None;

    /// <summary>A queue holds a message no longer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Release(MessageHold hold)
    {
        RecordLog? log = LogOf(hold.Position);
        if (log == null)
            return; // In a replay nothing is counted.
        if (!hold.IsShared)
            log.Release(hold.Position, Share(hold.PayloadLength, 1));
        else // A queue of cold messages that is deleted must not read them all.
            log.ReleaseShare(hold.Position, log.IsAtHand(hold.Position) ? Share(hold.PayloadLength, RoutesAt(log, hold.Position)) : -1);
    }

    /// <summary>Counts a new record with so many routes.</summary>
    private static void AddReferences(RecordLog log, long position, int payloadLength, int routes)
    {
        long bytes = Share(payloadLength, routes) * routes;
        if (routes == 1)
            log.AddReferences(position, 1, bytes);
        else
            log.AddShares(position, routes, bytes, payloadLength + RecordOverhead);
    }

    private static int RoutesAt(RecordLog log, long position) =>
        *(ushort*)(log.Record(position) + RecordLayout.HeaderLength + MessageLayout.RouteCount);

    /// <summary>After a replay: all that queues hold. Of what they share the record has to be read, which may be compressed: in the order of segments, so that each is read once for all of them.</summary>
    /// <remarks>Where a queue's messages are not in that order, because some were moved, it waits for the others in each of its turns: those who share its messages wait there, too.</remarks>
    private void AddReferences(BrokerQueue[] queues)
    {
        var turns = new PriorityQueue<(BrokerQueue Queue, long Sequence), long>();
        foreach (BrokerQueue queue in queues)
        {
            TakeTurn(queue, queue.Entries.Head, -1);
            if (queue.Scheduled == null)
                continue;
            foreach (ref readonly ScheduledMessage message in queue.Scheduled.Items)
                AddReference(message.Hold);
        }
        while (turns.TryDequeue(out (BrokerQueue Queue, long Sequence) turn, out long segment))
            TakeTurn(turn.Queue, turn.Sequence, segment);

        // Up to the first shared message in another segment.
        void TakeTurn(BrokerQueue queue, long sequence, long segment)
        {
            for (; sequence < queue.Entries.Next; sequence = queue.Entries.NextHeld(sequence + 1))
            {
                MessageHold hold = queue.Entries.Find(sequence)->Hold;
                long its = hold.Position / _durableLog!.SegmentSize;
                if (hold.IsShared && its != segment)
                {
                    turns.Enqueue((queue, sequence), its);
                    return;
                }
                AddReference(hold);
            }
        }
    }

    private void AddReference(MessageHold hold)
    {
        RecordLog log = _durableLog!;
        if (hold.IsShared)
            log.AddShares(hold.Position, 1, Share(hold.PayloadLength, RoutesAt(log, hold.Position)), hold.PayloadLength + RecordOverhead);
        else
            log.AddReferences(hold.Position, 1, Share(hold.PayloadLength, 1));
    }
}
