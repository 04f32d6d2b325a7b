using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Subscriptions that are shown messages and take none: they browse, or conflate.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Entries that one viewer looks at in a turn, gone ones included.</summary>
    private const int EntriesPerTurn = 4096;

    /// <summary>Shows messages to the viewers of a queue: together they have half of its turn, so that those that take have the other.</summary>
    /// <param name="count">Counts what is handed over.</param>
    /// <returns>True when more could be shown in the next batch without anything else happening in the engine.</returns>
    private bool Show(BrokerQueue queue, ref int count)
    {
        ConsumerSet consumers = queue.Consumers;
        int length = consumers.Viewers.Length;
        int share = Math.Max(1, DeliveriesPerTurn / 2 / length);
        bool again = false;
        int turn = consumers.ViewerTurn;
        for (int i = 0; i < length; i++)
        {
            if (turn >= length)
                turn = 0;
            Consumer viewer = consumers.Viewers[turn++];
            int most = Math.Min(share, DeliveriesPerTurn / 2 - count);
            if (most == 0)
            {
                consumers.ViewerTurn = turn - 1; // Who comes away empty is the first next time.
                return true;
            }
            again |= viewer.Conflation != null ? ShowNewest(queue, viewer, most, ref count) : ShowInOrder(queue, viewer, most, ref count);
        }
        return again;
    }

    private bool ShowInOrder(BrokerQueue queue, Consumer viewer, int most, ref int count)
    {
        int looks = EntriesPerTurn;
        while (true)
        {
            viewer.BrowseNext = queue.Entries.SkipGone(viewer.BrowseNext, ref looks);
            if (viewer.BrowseNext >= queue.Entries.Next)
                return false;
            if (looks == 0 || most == 0)
                return viewer.CanTake(0);
            QueueEntry* entry = queue.Entries.Find(viewer.BrowseNext);
            if (!viewer.CanTake(entry->PayloadLength))
                return false;
            if (!viewer.Session.Port.CanDeliver)
                return true;
            if (!IsAtHand(queue, entry->Position, ref viewer.ColdReader))
                return false;
            Hand(viewer, entry, viewer.BrowseNext++, viewer.Tags.AddSettled());
            count++;
            most--;
            looks--;
        }
    }
}
