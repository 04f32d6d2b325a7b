using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>What the producer of a <see cref="BroadcastRing{TEvent, TWait}"/> keeps to itself.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.PaddedBytes + 2 * sizeof(long))]
internal struct BroadcastProducerSide
{
    /// <summary>Last sequence claimed.</summary>
    [FieldOffset(CacheLine.PaddedBytes)] internal long Claimed;

    /// <summary>The slowest last consumer's sequence as last read.</summary>
    [FieldOffset(CacheLine.PaddedBytes + 8)] internal long GateCached;
}
