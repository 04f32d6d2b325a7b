namespace LowLatency.Core.Rings;

/// <summary>Every access of a byte ring to memory that another thread may touch at the same time.</summary>
/// <remarks>
/// A type parameter of the ring cores. Production uses <see cref="DirectMemory"/>, which compiles to the bare instructions;
/// tests put a scheduler in its place that explores the interleavings, or plant a bug to see it found.
/// </remarks>
internal unsafe interface ISharedMemory
{
    static abstract long ReadAcquire(long* address);

    static abstract void WriteRelease(long* address, long value);

    /// <summary>Full fence. Returns the value found.</summary>
    static abstract long CompareExchange(long* address, long value, long comparand);

    static abstract void Clear(byte* address, int length);
}
