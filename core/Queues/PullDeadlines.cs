using System.Diagnostics.CodeAnalysis;

namespace LowLatency.Core.Queues;

/// <summary>Requests for messages that wait, soonest deadline first: a binary heap that knows where each stands. Engine thread only.</summary>
internal sealed class PullDeadlines
{
    private Consumer[] _items = [];
    private int _count;

    /// <summary>Unix time in nanoseconds of the soonest; <see cref="long.MaxValue"/> when nothing waits.</summary>
    internal long NextNs => _count == 0 ? long.MaxValue : _items[0].Pull.DeadlineNs;

    internal void Add(Consumer consumer)
    {
        if (_count == _items.Length)
            Array.Resize(ref _items, Math.Max(16, _count * 2));
        Up(_count++, consumer);
    }

    internal void Remove(Consumer consumer)
    {
        int at = consumer.Pull.HeapIndex;
        consumer.Pull.HeapIndex = -1;
        Consumer last = _items[--_count];
        _items[_count] = null!;
        if (last == consumer)
            return;
        Up(at, last);
        Down(last.Pull.HeapIndex, last);
    }

    /// <summary>The next one whose time has come; it waits here no longer.</summary>
    internal bool TryTakeDue(long nowNs, [NotNullWhen(true)] out Consumer? consumer)
    {
        consumer = null;
        if (NextNs > nowNs)
            return false;
        consumer = _items[0];
        Remove(consumer);
        return true;
    }

    private void Up(int at, Consumer consumer)
    {
        while (at > 0)
        {
            int parent = (at - 1) >> 1;
            if (_items[parent].Pull.DeadlineNs <= consumer.Pull.DeadlineNs)
                break;
            Set(at, _items[parent]);
            at = parent;
        }
        Set(at, consumer);
    }

    private void Down(int at, Consumer consumer)
    {
        while (true)
        {
            int child = (at << 1) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && _items[child + 1].Pull.DeadlineNs < _items[child].Pull.DeadlineNs)
                child++;
            if (_items[child].Pull.DeadlineNs >= consumer.Pull.DeadlineNs)
                break;
            Set(at, _items[child]);
            at = child;
        }
        Set(at, consumer);
    }

    private void Set(int at, Consumer consumer)
    {
        _items[at] = consumer;
        consumer.Pull.HeapIndex = at;
    }
}
