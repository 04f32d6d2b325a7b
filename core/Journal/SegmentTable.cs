using System.Runtime.CompilerServices;

namespace LowLatency.Core.Journal;

/// <summary>Finds a segment by its index. One writer, the engine thread; any thread reads.</summary>
/// <remarks>
/// A slot is given to another index only after every reader has left the section in which it may have seen the old one, so
/// memory and index of a slot belong together for whoever reads both in one section.
/// </remarks>
internal sealed unsafe class SegmentTable
{
    private readonly Slot[] _slots;
    private readonly Segment?[] _segments;
    private readonly int _mask;

    internal SegmentTable(int capacity)
    {
        _slots = new Slot[capacity];
        _segments = new Segment?[capacity];
        _mask = capacity - 1;
    }

    internal int Capacity => _slots.Length;

    /// <summary>Start of the segment's memory; <c>null</c> when it is gone, or compressed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Memory(long index)
    {
        ref Slot slot = ref _slots[(int)index & _mask];
        // Acquire: pairs with the release in Add. The index and the bytes were stored before.
        byte* memory = (byte*)Volatile.Read(ref slot.Memory);
        return slot.Index == index ? memory : null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Segment? Find(long index)
    {
        Segment? segment = Volatile.Read(ref _segments[(int)index & _mask]);
        return segment != null && segment.Index == index ? segment : null;
    }

    internal void Add(Segment segment)
    {
        ref Slot slot = ref _slots[(int)segment.Index & _mask];
        slot.Index = segment.Index;
        Volatile.Write(ref slot.Memory, segment.Compressed != null ? 0 : (nint)segment.Memory); // Release: pairs with the acquire in Memory.
        Volatile.Write(ref _segments[(int)segment.Index & _mask], segment);
    }

    /// <summary>From here on who wants its memory finds the segment first.</summary>
    internal void HideMemory(Segment segment) => Volatile.Write(ref _slots[(int)segment.Index & _mask].Memory, 0);

    internal void Remove(Segment segment)
    {
        Volatile.Write(ref _slots[(int)segment.Index & _mask].Memory, 0);
        Volatile.Write(ref _segments[(int)segment.Index & _mask], null);
    }

    /// <summary>A table of at least twice the capacity, with the same segments.</summary>
    internal SegmentTable Grow(int minCapacity)
    {
        int capacity = Capacity * 2;
        while (capacity < minCapacity)
            capacity *= 2;
        var grown = new SegmentTable(capacity);
        foreach (Segment? segment in _segments)
        {
            if (segment != null)
                grown.Add(segment);
        }
        return grown;
    }

    private struct Slot
    {
        internal long Index;
        internal nint Memory;
    }
}
