using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>What the producer of a <see cref="SpscByteRing"/> keeps to itself, away from the consumer's cache lines.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.PaddedBytes + 3 * sizeof(long))]
internal struct SpscProducerSide
{
    /// <summary>End of the staged records: the next claim starts here.</summary>
    [FieldOffset(CacheLine.PaddedBytes)] internal long Staged;

    /// <summary>End of the open claim, 0 when none is open.</summary>
    [FieldOffset(CacheLine.PaddedBytes + 8)] internal long OpenEnd;

    /// <summary>The consumer's position as last read.</summary>
    [FieldOffset(CacheLine.PaddedBytes + 16)] internal long ConsumedCached;
}
