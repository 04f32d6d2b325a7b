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
    private long _passSlotsFrom;

    /// <summary>Queues that wait for the disk. Those that have found meanwhile that they need not are listed until something was loaded.</summary>
    internal int AwaitingLoad => _awaitingLoad.Count(static queue => queue.Exists && (queue.AwaitsLoad || queue.ExpiryAwaitsLoad));

    /// <summary>The preparer has brought segments into memory, or could not.</summary>
    internal void OnLoaded()
    {
        _durableLog!.NoteLoaded();
        _hasNewlyLoaded = true;
        _passSlotsFrom = _batch;
        int kept = 0;
        for (int i = 0; i < _awaitingLoad.Count; i++)
        {
            BrokerQueue queue = _awaitingLoad[i];
            bool waits = queue.Exists && queue.AwaitsLoad && _durableLog.IsAway(queue.AwaitedPosition);
            bool expiryWaits = queue.Exists && queue.ExpiryAwaitsLoad && _durableLog.IsAway(queue.AwaitedExpiry);
            if (queue.Exists && queue.AwaitsLoad && !waits)
                Schedule(queue);
            if (queue.Exists && queue.ExpiryAwaitsLoad && !expiryWaits)
            {
                ResumeExpiry(queue);
                _passSlotsFrom = _batch + 1; // Its turn is at the beginning of a batch.
            }
            if (waits || expiryWaits)
                _awaitingLoad[kept++] = queue;
            else
                queue.IsListedForLoad = false;
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
        ListForLoad(queue);
        return false;
    }

    /// <summary>As <see cref="IsAtHand"/>, for what expired and is to be moved: the queue's consumers do not wait for it, nor it for what they wait for.</summary>
    /// <returns>Not <see cref="LoadStatus.AtHand"/> as well where one of the same turn that is ahead of it in the queue is not.</returns>
    /// <remarks>Times lead from segment to segment in any order: only the first that is away is asked for, and much that is in its segment then goes with it.</remarks>
    private LoadStatus AskForExpired(BrokerQueue queue, long position, long timeNs, long sequence)
    {
        bool isHot = position >= _hotFrom;
        if (_held.Count > 0)
        {
            bool isAtHand = isHot || _durableLog!.IsAtHand(position);
            if (!isAtHand)
                _firstHeld = Math.Min(_firstHeld, sequence);
            return isAtHand && sequence < _firstHeld ? LoadStatus.AtHand : LoadStatus.Loading;
        }
        if (isHot)
            return LoadStatus.AtHand;
        LoadStatus status = _durableLog!.AskFor(position);
        if (status is LoadStatus.Loading or LoadStatus.NoSlot)
        {
            _firstHeld = sequence;
            queue.ExpiryAwaitsLoad = true;
            queue.AwaitedExpiry = position;
            queue.AwaitedExpiryNs = timeNs;
            ListForLoad(queue);
        }
        return status;
    }

    private void ListForLoad(BrokerQueue queue)
    {
        if (queue.IsListedForLoad)
            return;
        queue.IsListedForLoad = true;
        _awaitingLoad.Add(queue);
    }

    /// <summary>Those who waited for what was loaded have had their turn: others may have the slots, in the order in which they came.</summary>
    private void PassSlotsOn()
    {
        _hasNewlyLoaded = false;
        _durableLog!.LetGoOfServed();
        foreach (BrokerQueue queue in _awaitingLoad)
        {
            if (!queue.Exists)
                continue;
            if (queue.AwaitsLoad && !_durableLog.IsAway(queue.AwaitedPosition))
                Schedule(queue); // Its segment has left the log.
            else if (queue.AwaitsLoad && IsWithoutSlot(queue.AwaitedPosition))
                return;
            if (!queue.ExpiryAwaitsLoad)
                continue;
            if (!_durableLog.IsAway(queue.AwaitedExpiry))
                ResumeExpiry(queue);
            else if (IsWithoutSlot(queue.AwaitedExpiry))
                return;
        }
    }

    private bool IsWithoutSlot(long position) => _durableLog!.IsAway(position) && _durableLog.AskFor(position) == LoadStatus.NoSlot;
}
