using System.Runtime.InteropServices;

namespace LowLatency.Core.Rings;

/// <summary>The block of native memory under a byte ring: records, then the trailer.</summary>
internal static unsafe class RingMemory
{
    /// <summary>Takes a zeroed block, aligned to <see cref="CacheLine.PaddedBytes"/>. Its pages are touched, so none faults later.</summary>
    /// <returns>The buffer. The caller owns it and gives it back with <see cref="Free"/>.</returns>
    internal static byte* Allocate(int capacity)
    {
        RecordLayout.CheckCapacity(capacity);
        nuint bytes = BytesFor(capacity);
        byte* buffer = (byte*)NativeMemory.AlignedAlloc(bytes, CacheLine.PaddedBytes);
        NativeMemory.Clear(buffer, bytes);
        return buffer;
    }

    internal static void Free(byte* buffer) => NativeMemory.AlignedFree(buffer);

    /// <summary>A whole padding unit above the records, even in a ring smaller than that.</summary>
    internal static nuint BytesFor(int capacity) => (nuint)(TrailerOffset(capacity) + sizeof(RingTrailer));

    internal static RingTrailer* Trailer(byte* buffer, int capacity) => (RingTrailer*)(buffer + TrailerOffset(capacity));

    private static long TrailerOffset(int capacity) => Math.Max(capacity, CacheLine.PaddedBytes);
}
