using System.Runtime.InteropServices;

namespace LowLatency.Transport.Server;

/// <summary>Native blocks for bytes on their way out. The last returned is the next rented: it is in the cache.</summary>
/// <remarks>One thread. Never allocates in the managed heap after construction. A connection holds a block only while it has something to send.</remarks>
internal sealed unsafe class SendBlockPool : IDisposable
{
    private const int MaxFree = 32;

    private readonly nint[] _free = new nint[MaxFree];
    private int _freeCount;

    /// <param name="blockLength">Bytes of each block.</param>
    internal SendBlockPool(int blockLength) => BlockLength = blockLength;

    /// <summary>Bytes of each block.</summary>
    internal int BlockLength { get; }

    /// <summary>Blocks and larger pieces that are out.</summary>
    internal int RentedCount { get; private set; }

    /// <summary>A piece of at least <paramref name="length"/> bytes, contents undefined. Give it back with <see cref="Return"/>.</summary>
    /// <param name="length">What is needed; up to <see cref="BlockLength"/> it is a pooled block.</param>
    /// <param name="capacity">What it has.</param>
    internal byte* Rent(int length, out int capacity)
    {
        RentedCount++;
        capacity = Math.Max(length, BlockLength);
        if (capacity == BlockLength && _freeCount > 0)
            return (byte*)_free[--_freeCount];
        return (byte*)NativeMemory.AlignedAlloc((nuint)capacity, 64);
    }

    /// <param name="piece">From <see cref="Rent"/>.</param>
    /// <param name="capacity">As it said.</param>
    internal void Return(byte* piece, int capacity)
    {
        RentedCount--;
        if (capacity == BlockLength && _freeCount < MaxFree)
            _free[_freeCount++] = (nint)piece;
        else
            NativeMemory.AlignedFree(piece);
    }

    /// <summary>Frees the blocks that are in. What is rented must be returned before.</summary>
    public void Dispose()
    {
        while (_freeCount > 0)
            NativeMemory.AlignedFree((void*)_free[--_freeCount]);
    }
}
