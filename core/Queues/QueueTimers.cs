namespace LowLatency.Core.Queues;

/// <summary>The queues that have to do something at a time, the next one first: a binary heap that knows where each queue is. Engine thread only.</summary>
internal sealed class QueueTimers
{
    private BrokerQueue[] _queues = [];
    private int _count;

    /// <summary>Unix time in nanoseconds; <see cref="long.MaxValue"/> for never.</summary>
    internal long NextNs => _count > 0 ? _queues[0].TimerNs : long.MaxValue;

    internal BrokerQueue First => _queues[0];

    /// <summary>Sets the time of a queue; <see cref="long.MaxValue"/> for none.</summary>
    internal void Set(BrokerQueue queue, long timeNs)
    {
        if (timeNs == queue.TimerNs)
            return;
        if (timeNs == long.MaxValue)
        {
            Remove(queue);
            return;
        }
        queue.TimerNs = timeNs;
        if (queue.TimerIndex < 0)
        {
            if (_count == _queues.Length)
                Array.Resize(ref _queues, Math.Max(16, _count * 2));
            Put(queue, _count++);
        }
        Rise(queue);
        Sink(queue);
    }

    private void Remove(BrokerQueue queue)
    {
        int index = queue.TimerIndex;
        queue.TimerIndex = -1;
        queue.TimerNs = long.MaxValue;
        BrokerQueue last = _queues[--_count];
        _queues[_count] = null!;
        if (last == queue)
            return;
        Put(last, index);
        Rise(last);
        Sink(last);
    }

    private void Rise(BrokerQueue queue)
    {
        while (queue.TimerIndex > 0)
        {
            int at = queue.TimerIndex;
            BrokerQueue parent = _queues[(at - 1) >> 1];
            if (!IsBefore(queue, parent))
                return;
            Put(queue, parent.TimerIndex);
            Put(parent, at);
        }
    }

    private void Sink(BrokerQueue queue)
    {
        while (true)
        {
            int at = queue.TimerIndex;
            int child = (at << 1) + 1;
            if (child >= _count)
                return;
            if (child + 1 < _count && IsBefore(_queues[child + 1], _queues[child]))
                child++;
            BrokerQueue lower = _queues[child];
            if (!IsBefore(lower, queue))
                return;
            Put(queue, child);
            Put(lower, at);
        }
    }

    private void Put(BrokerQueue queue, int index)
    {
        _queues[index] = queue;
        queue.TimerIndex = index;
    }

    // Of one time the older queue first: the order must be the same in every run.
    private static bool IsBefore(BrokerQueue queue, BrokerQueue other) =>
        queue.TimerNs < other.TimerNs || (queue.TimerNs == other.TimerNs && queue.Id < other.Id);
}
