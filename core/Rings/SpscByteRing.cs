namespace LowLatency.Core.Rings;

/// <summary>Records of variable length from one producer thread to one consumer thread, over native memory.</summary>
/// <remarks>
/// Lock-free and wait-free on both sides; never allocates after construction. A full ring says so at once. Several claims can be
/// staged and become visible together: one release store per batch. Owner: whoever constructed it disposes of it, after both
/// threads have stopped using it.
/// </remarks>
internal sealed unsafe class SpscByteRing : IDisposable
{
    private SpscByteRingCore<DirectMemory> _core;
    private bool _disposed;

    /// <param name="capacity">Bytes for records with their headers: a power of two, 64 to 2^30.</param>
    internal SpscByteRing(int capacity) => _core = new SpscByteRingCore<DirectMemory>(RingMemory.Allocate(capacity), capacity);

    /// <summary>Bytes for records with their headers.</summary>
    internal int Capacity => _core.Capacity;

    /// <summary>Longest body in bytes: a quarter of the capacity.</summary>
    internal int MaxLength => _core.MaxLength;

    /// <summary>Whether nothing is there to poll. Consumer thread.</summary>
    internal bool IsEmpty => _core.IsEmpty();

    /// <summary>Opens a claim for one record. Producer thread.</summary>
    /// <param name="type">Greater than 0.</param>
    /// <param name="length">Body in bytes, 0 to <see cref="MaxLength"/>.</param>
    /// <returns>The body, 8-byte aligned, its bytes undefined; the caller's until the claim is closed by <see cref="Stage"/>,
    /// <see cref="Commit"/> or <see cref="Abort"/>. <c>null</c> when the ring is full.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Type or length out of range.</exception>
    /// <exception cref="InvalidOperationException">A claim is open.</exception>
    internal byte* TryClaim(int type, int length) => _core.TryClaim(type, length);

    /// <summary>Closes the open claim, if any; the record stays invisible until <see cref="Commit"/>. Producer thread.</summary>
    internal void Stage() => _core.Stage();

    /// <summary>Closes the open claim, if any, and makes all staged records visible with one store. Producer thread.</summary>
    internal void Commit() => _core.Commit();

    /// <summary>Gives up the open claim, if any. Staged records stay. Producer thread.</summary>
    internal void Abort() => _core.Abort();

    /// <summary>Bytes that can be claimed now, headers and a wrap's padding included; reads the consumer's position. Producer thread.</summary>
    internal int FreeBytes() => _core.FreeBytes();

    /// <summary>Where the next claim begins: all records that were staged are below it. Producer thread.</summary>
    internal long StagedPosition => _core.StagedPosition;

    /// <summary>All records below it were taken, and whoever took them is done with what they name. Producer thread; reads the consumer's position.</summary>
    internal long ReadConsumedPosition() => _core.ReadConsumedPosition();

    /// <summary>Hands records to the handler, oldest first. Consumer thread. Never blocks or allocates.</summary>
    /// <param name="handler">Stops the poll by returning <c>false</c>, which keeps that record.</param>
    /// <param name="limit">Most records to take.</param>
    /// <returns>Records consumed. Their space is free for the producer on return, once per poll, also when the handler throws.</returns>
    internal int Poll<THandler>(scoped ref THandler handler, int limit)
        where THandler : struct, IRecordHandler, allows ref struct => _core.Poll(ref handler, limit);

    /// <summary>Gives the memory back. No thread may use the ring any more.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        RingMemory.Free(_core.Buffer);
    }
}
