using System.Numerics;
using System.Runtime.CompilerServices;
using LowLatency.Core.Rings;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>The frames of a publication's undecided messages, each encoded once, in place until the broker has decided on it.</summary>
/// <remarks>
/// <para><c>released &lt;= tail &lt;= base + capacity</c>, base being released or later. Positions grow for ever, <c>position &amp; mask</c> is the offset; a frame that
/// does not fit before the end starts at the front. One thread appends, another reads and releases; the caller orders their accesses by
/// publishing the appended sequence.</para>
/// <para>Pinned managed memory: whoever still appends while the connection is closed writes into memory that is there.</para>
/// </remarks>
internal sealed unsafe class RetainRing
{
    /// <summary>While nothing is undecided, the ring starts again at its front once it is this far on: its pages stay in the cache.</summary>
    private const int HotLength = 32 * 1024;

    private readonly byte[] _bytes;
    private readonly byte* _start;
    private readonly int _capacity;
    private readonly long[] _positions; // Of each message by sequence.
    private readonly ulong _mask;

    private long _tail; // The appending thread's, with the two below.
    private long _base; // Everything before it is free.
    private PaddedPosition _released; // The other thread's.

    /// <param name="capacity">Bytes; rounded up to a power of two.</param>
    /// <param name="window">Most messages; rounded up to a power of two.</param>
    internal RetainRing(int capacity, int window)
    {
        _capacity = (int)BitOperations.RoundUpToPowerOf2((uint)capacity);
        _bytes = GC.AllocateUninitializedArray<byte>(_capacity, pinned: true);
        // Frames are read and written in words: a pinned array's data is 8-byte aligned.
        _start = (byte*)Unsafe.AsPointer(ref _bytes[0]);
        _positions = new long[BitOperations.RoundUpToPowerOf2((uint)window)];
        _mask = (ulong)_positions.Length - 1;
    }

    internal int Capacity => _capacity;

    /// <summary>Room for one frame, to be made part of the ring with <see cref="Append"/>. Empty when there is none.</summary>
    /// <param name="length">Padded length in bytes, at most <see cref="Capacity"/>.</param>
    internal Span<byte> Room(int length)
    {
        long start = _tail;
        int offset = (int)start & (_capacity - 1);
        if (offset > _capacity - length || offset >= HotLength)
        {
            bool isEmpty = _released.ReadAcquire() == start;
            if (isEmpty || offset > _capacity - length)
                start += _capacity - offset;
            if (isEmpty)
                _base = start;
        }

        if (start + length - _base > _capacity && !RefreshBase(start + length))
            return default;
        _tail = start;
        return new Span<byte>(_start + ((int)start & (_capacity - 1)), length);
    }

    /// <summary>The frame in the room is message <paramref name="sequence"/>. The appending thread.</summary>
    internal void Append(ulong sequence, int length)
    {
        _positions[sequence & _mask] = _tail;
        _tail += length;
    }

    /// <summary>The frame of an undecided message, with its padding. The other thread.</summary>
    internal ReadOnlySpan<byte> Frame(ulong sequence)
    {
        byte* frame = _start + ((int)_positions[sequence & _mask] & (_capacity - 1));
        return new ReadOnlySpan<byte>(frame, FrameLayout.PaddedLength((int)((FrameHeader*)frame)->Length));
    }

    /// <summary>Gives back the memory of all messages up to one that was undecided. The other thread.</summary>
    internal void Release(ulong upTo)
        // Release: pairs with the acquire in Room and RefreshBase. The frames were read before.
        => _released.WriteRelease(_positions[upTo & _mask] + Frame(upTo).Length);

    [MethodImpl(MethodImplOptions.NoInlining)] // Reads the other thread's cache line: only when the cached position says full.
    private bool RefreshBase(long end)
    {
        _base = Math.Max(_base, _released.ReadAcquire());
        return end - _base <= _capacity;
    }
}
