namespace LowLatency.Core.Rings;

/// <summary>Records of variable length from any number of producer threads to one consumer thread, over native memory.</summary>
/// <remarks>
/// Lock-free; never allocates after construction. A full ring says so at once. The consumer sees records in the order in which they were
/// claimed; an open claim holds back those behind it. Owner: whoever constructed it disposes of it, after all threads have stopped using it.
/// </remarks>
internal sealed unsafe class MpscByteRing : IDisposable
{
    private readonly MpscByteRingCore<DirectMemory> _core;
    private bool _disposed;

    /// <param name="capacity">Bytes for records with their headers: a power of two, 64 to 2^30.</param>
    internal MpscByteRing(int capacity) => _core = new MpscByteRingCore<DirectMemory>(RingMemory.Allocate(capacity), capacity);

    /// <summary>Bytes for records with their headers.</summary>
    internal int Capacity => _core.Capacity;

    /// <summary>Longest body in bytes: a quarter of the capacity.</summary>
    internal int MaxLength => _core.MaxLength;

    /// <summary>Whether nothing is there to poll: no record, or an open claim in front of it. Consumer thread.</summary>
    internal bool IsEmpty => _core.IsEmpty();

    /// <summary>Whether an open claim is at the head. Consumer thread.</summary>
    internal bool IsBlocked => _core.IsBlocked();

    /// <summary>Claims one record. Any thread.</summary>
    /// <param name="type">Greater than 0.</param>
    /// <param name="length">Body in bytes, 0 to <see cref="MaxLength"/>.</param>
    /// <param name="claim">To be closed by its <c>Commit</c>, <c>Abort</c> or <c>Dispose</c>, soon: the consumer waits for it.</param>
    /// <returns><c>false</c> when the ring is full; the claim is then empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Type or length out of range.</exception>
    internal bool TryClaim(int type, int length, out RingClaim claim) => _core.TryClaim(type, length, out claim);

    /// <summary>Hands records to the handler, in the order of their claims. Consumer thread. Never blocks or allocates.</summary>
    /// <param name="handler">Stops the poll by returning <c>false</c>, which keeps that record.</param>
    /// <param name="limit">Most records to take.</param>
    /// <returns>Records consumed. Their space is free for producers on return, once per poll, also when the handler throws.</returns>
    internal int Poll<THandler>(scoped ref THandler handler, int limit)
        where THandler : struct, IRecordHandler, allows ref struct => _core.Poll(ref handler, limit);

    /// <summary>Turns the open claim at the head into padding, so that the records behind it can be consumed. Consumer thread.</summary>
    /// <returns><c>true</c> when a claim was taken away. <c>false</c> when none is open at the head, or its holder closed it first.</returns>
    /// <remarks>Only when the holder will not write the body any more. That it closes the claim late does no harm: it is refused.</remarks>
    internal bool Unblock() => _core.Unblock();

    /// <summary>Gives the memory back. No thread may use the ring any more.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        RingMemory.Free(_core.Buffer);
    }
}
