using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowLatency.Core.Queues;

/// <summary>The ready messages of a queue by priority: a heap of sequences for each level that has any. Engine thread only.</summary>
/// <remarks>A level that became empty gives its heap back, so that it costs nothing; the map says where to look.</remarks>
internal sealed unsafe class PriorityLevels(EntryPool pool, DispatchRing entries)
{
    private SequenceHeap?[] _levels = [];
    private LevelMap _map;

    /// <summary>Adds a message that is ready.</summary>
    internal void Push(int level, long sequence)
    {
        if (level >= _levels.Length)
            Array.Resize(ref _levels, level + 1);
        SequenceHeap? heap = _levels[level];
        if (heap == null)
        {
            heap = pool.Heaps.TryPop(out SequenceHeap? spare) ? spare : new SequenceHeap();
            _levels[level] = heap;
            _map[level >> 6] |= 1UL << (level & 63);
        }
        heap.Push(sequence);
    }

    /// <summary>The first of the highest level, or null when there is none.</summary>
    internal QueueEntry* PeekHighest(out long sequence)
    {
        for (int word = LevelMap.Words - 1; word >= 0; word--)
        {
            while (_map[word] != 0)
            {
                int level = (word << 6) + 63 - BitOperations.LeadingZeroCount(_map[word]);
                QueueEntry* entry = Peek(level, out sequence);
                if (entry != null)
                    return entry;
            }
        }
        sequence = 0;
        return null;
    }

    /// <summary>The first of the lowest level, or null when there is none.</summary>
    internal QueueEntry* PeekLowest(out long sequence)
    {
        for (int word = 0; word < LevelMap.Words; word++)
        {
            while (_map[word] != 0)
            {
                int level = (word << 6) + BitOperations.TrailingZeroCount(_map[word]);
                QueueEntry* entry = Peek(level, out sequence);
                if (entry != null)
                    return entry;
            }
        }
        sequence = 0;
        return null;
    }

    /// <summary>Takes off what was peeked.</summary>
    internal void Pop(int level)
    {
        SequenceHeap heap = _levels[level]!;
        heap.Pop();
        GiveBackIfEmpty(level, heap);
    }

    /// <summary>Takes off what was peeked, also when a replay left it there twice.</summary>
    internal void PopAll(int level, long sequence)
    {
        SequenceHeap heap = _levels[level]!;
        while (heap.Count > 0 && heap.Peek() == sequence)
            heap.PopStale();
        GiveBackIfEmpty(level, heap);
    }

    /// <summary>A message of the level ceased to be ready otherwise than by being taken off.</summary>
    internal void MarkStale(int level)
    {
        SequenceHeap? heap = level < _levels.Length ? _levels[level] : null;
        if (heap == null)
            return;
        heap.MarkStale(entries);
        GiveBackIfEmpty(level, heap);
    }

    internal void Clear()
    {
        for (int level = 0; level < _levels.Length; level++)
        {
            SequenceHeap? heap = _levels[level];
            if (heap == null)
                continue;
            heap.Clear();
            GiveBackIfEmpty(level, heap);
        }
    }

    private QueueEntry* Peek(int level, out long sequence)
    {
        SequenceHeap heap = _levels[level]!;
        while (heap.Count > 0)
        {
            sequence = heap.Peek();
            QueueEntry* entry = entries.Find(sequence);
            if (entry != null && entry->State == EntryState.Ready)
                return entry;
            heap.PopStale();
        }
        GiveBackIfEmpty(level, heap);
        sequence = 0;
        return null;
    }

    private void GiveBackIfEmpty(int level, SequenceHeap heap)
    {
        if (heap.Count > 0)
            return;
        heap.Clear();
        pool.Heaps.Push(heap);
        _levels[level] = null;
        _map[level >> 6] &= ~(1UL << (level & 63));
    }

    /// <summary>A bit for each level that is not empty.</summary>
    [InlineArray(Words)]
    private struct LevelMap
    {
        internal const int Words = 4;

        private ulong _first;
    }
}
