namespace LowLatency.Core.Engine;

/// <summary>What a publication has to be told: runs of messages, in order, and what each waits for. Engine thread only.</summary>
/// <remarks>One entry for the messages of one batch, so it is bounded by the window and usually holds a few.</remarks>
internal sealed class PendingConfirms
{
    private Entry[] _entries = new Entry[64];
    private int _first;
    private int _count;

    internal bool IsEmpty => _count == 0;

    /// <param name="sequence">The message's sequence, higher than the last added.</param>
    /// <param name="level">Level that it will have.</param>
    /// <param name="position">For level disk: durable up to here is enough.</param>
    /// <param name="batch">Number of the engine's batch: messages of one batch are synced together.</param>
    /// <param name="beginsRun">It is not told together with those before it.</param>
    internal void Add(ulong sequence, DurabilityLevel level, long position, long batch, bool beginsRun = false)
    {
        if (_count > 0 && !beginsRun)
        {
            ref Entry last = ref _entries[(_first + _count - 1) & (_entries.Length - 1)];
            if (last.Level == level && (last.Batch == batch || level != DurabilityLevel.Disk))
            {
                last.Sequence = sequence;
                last.Position = Math.Max(last.Position, position);
                last.Messages++;
                return;
            }
        }
        if (_count == _entries.Length)
            Grow();
        _entries[(_first + _count) & (_entries.Length - 1)] = new Entry
        {
            Sequence = sequence,
            Position = position,
            Batch = batch,
            Messages = 1,
            Level = level,
        };
        _count++;
    }

    /// <summary>The first run, when what it waits for has come.</summary>
    internal bool TryPeek(long durablePosition, out ulong sequence, out DurabilityLevel level)
    {
        sequence = 0;
        level = DurabilityLevel.None;
        if (_count == 0)
            return false;
        ref Entry first = ref _entries[_first];
        if (first.Level == DurabilityLevel.Disk && first.Position > durablePosition)
            return false;
        sequence = first.Sequence;
        level = first.Level;
        return true;
    }

    /// <summary>Removes the first run.</summary>
    /// <returns>How many messages were in it.</returns>
    internal uint Take()
    {
        uint messages = _entries[_first].Messages;
        _first = (_first + 1) & (_entries.Length - 1);
        _count--;
        return messages;
    }

    private void Grow()
    {
        var entries = new Entry[_entries.Length * 2];
        for (int i = 0; i < _count; i++)
            entries[i] = _entries[(_first + i) & (_entries.Length - 1)];
        _entries = entries;
        _first = 0;
    }

    private struct Entry
    {
        internal ulong Sequence;
        internal long Position;
        internal long Batch;
        internal uint Messages;
        internal DurabilityLevel Level;
    }
}
