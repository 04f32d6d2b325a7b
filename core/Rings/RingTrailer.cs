using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>The positions of a byte ring. They follow the records in the same block of memory.</summary>
/// <remarks><c>Consumed &lt;= Tail &lt;= Consumed + capacity</c>. Each alone on its cache lines.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 4 * CacheLine.PaddedBytes)]
internal struct RingTrailer
{
    /// <summary>One producer: end of the visible records. Many: end of the claimed ones.</summary>
    [FieldOffset(1 * CacheLine.PaddedBytes)] internal long Tail;

    /// <summary>Where the consumer will read next. Written by the consumer alone.</summary>
    [FieldOffset(2 * CacheLine.PaddedBytes)] internal long Consumed;

    /// <summary>An older <see cref="Consumed"/> that the producers share (many producers only).</summary>
    [FieldOffset(3 * CacheLine.PaddedBytes)] internal long ConsumedCached;
}
