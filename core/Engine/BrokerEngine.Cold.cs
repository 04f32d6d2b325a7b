using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Messages that are on the disk alone. A queue that comes to one asks for its segment and waits, while all others go on; when the preparer has
// brought it into memory the queue has its turn. That it did is an input of the engine, like the room on the disk. docs/journal.md, Cold segments.
internal sealed unsafe partial class BrokerEngine
{
    private readonly List<BrokerQueue> _awaitingLoad = [];
    private long _hotFrom;
    private bool _hasNewlyLoaded;

    /// <summary>Queues that wait for the disk.</summary>
    internal int AwaitingLoad => _awaitingLoad.Count;

    /// <summary>The preparer has brought segments into memory, or could not.</summary>
    internal void OnLoaded()
    {
        _durableLog!.NoteLoaded();
        _hasNewlyLoaded = true;
        int kept = 0;
        for (int i = 0; i < _awaitingLoad.Count; i++)
        {
            BrokerQueue queue = _awaitingLoad[i];
            if (queue.Exists && _durableLog.IsAway(queue.AwaitedPosition))
            {
                _awaitingLoad[kept++] = queue;
                continue;
            }
            queue.IsListedForLoad = false;
            if (!queue.Exists)
                continue;
            Schedule(queue);
            ResumeTimer(queue);
        }
        _awaitingLoad.RemoveRange(kept, _awaitingLoad.Count - kept);
    }

    /// <summary>Whether a message can be read now.</summary>
    /// <param name="reader">Of the queue or the subscription that comes to it.</param>
    /// <returns>False: the queue has its turn when it can.</returns>
    private bool IsAtHand(BrokerQueue queue, long position, ref long reader)
    {
        if (position >= _hotFrom)
            return true;
        LoadStatus status = _durableLog!.Ask(position, ref reader);
        if (status == LoadStatus.AtHand)
            return true;
        if (status == LoadStatus.Unreadable)
            return false; // The journal has failed for that: it waits for a restart.
        queue.AwaitsLoad = true;
        queue.AwaitedPosition = position;
        if (!queue.IsListedForLoad)
        {
            queue.IsListedForLoad = true;
            _awaitingLoad.Add(queue);
        }
        return false;
    }

    /// <summary>Those who waited for what was loaded have had their turn: others may have the slots, in the order in which they came.</summary>
    private void PassSlotsOn()
    {
        _hasNewlyLoaded = false;
        _durableLog!.LetGoOfServed();
        foreach (BrokerQueue queue in _awaitingLoad)
        {
            if (queue.Exists && _durableLog.IsAway(queue.AwaitedPosition) && _durableLog.AskAgain(queue.AwaitedPosition) == LoadStatus.NoSlot)
                return;
        }
    }
}
