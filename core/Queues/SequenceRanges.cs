using System.Runtime.InteropServices;

namespace LowLatency.Core.Queues;

/// <summary>A run of queue sequences, as it stands in Ack, Requeue and Delivered records.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct SequenceRange
{
    internal const int Length = 16;

    internal long First;
    internal uint Count;
    internal uint Reserved;
}

/// <summary>Collects sequences as runs, in the order they come. Reused, so that a steady flow allocates nothing. Engine thread only.</summary>
internal sealed class SequenceRanges
{
    private SequenceRange[] _ranges = [];

    internal int Count { get; private set; }

    internal ReadOnlySpan<SequenceRange> Span => _ranges.AsSpan(0, Count);

    internal void Add(long sequence)
    {
        if (Count > 0)
        {
            ref SequenceRange last = ref _ranges[Count - 1];
            if (last.First + last.Count == sequence && last.Count < uint.MaxValue)
            {
                last.Count++;
                return;
            }
        }
        if (Count == _ranges.Length)
            Array.Resize(ref _ranges, Math.Max(8, Count * 2));
        _ranges[Count++] = new SequenceRange { First = sequence, Count = 1 };
    }

    internal void Clear() => Count = 0;
}
