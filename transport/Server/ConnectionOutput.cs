using System.Runtime.CompilerServices;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>Bytes of one connection on their way into its socket.</summary>
/// <remarks>
/// <code>
///  piece from the pool, only while something waits
///  ┌───────────┬──────────────────┬───────────────┐
///  │ sent      │ waits to be sent │ free          │   0 &lt;= head &lt;= ready &lt;= tail &lt;= capacity
///  └───────────┴──────────────────┴───────────────┘
///  0           head               tail            capacity
/// </code>
/// <para>With compression, what waits between <c>ready</c> and <c>tail</c> is frames that may still become batches.</para>
/// <para>Frames are written at the tail. <see cref="Flush"/> hands everything to the system in one call; what it
/// does not take stays, and the output is <see cref="IsBlocked"/> until the socket is writable again. Then no more than one pooled block
/// or one large frame waits here.</para>
/// <para>One thread. Nothing here allocates in the managed heap.</para>
/// </remarks>
internal sealed unsafe class ConnectionOutput : IDisposable
{
    /// <summary>Bytes that are worth a system call of their own before the duty cycle ends: they are still in the cache.</summary>
    internal const int FlushLength = 64 * 1024;

    /// <summary>Payloads from this length on are sent straight from the journal's mapping: below, a copy costs less than the call it saves.</summary>
    internal const int GatherLength = 16 * 1024;

    /// <summary>The same on a compressed connection: what fits into a batch is copied.</summary>
    private const int CompressedGatherLength = FrameLayout.MaxBatchLength - FrameLayout.DeliverConflatedPayload - FrameLayout.Alignment;

    private const int PaddingMask = 7; // Frames start at multiples of 8.

    private readonly TcpSocket _socket;
    private readonly SendBlockPool _pool;
    private byte* _start;
    private int _capacity;
    private int _head;
    private int _tail;
    private int _ready;
    private BatchPacker? _packer;

    /// <param name="socket">Where the bytes go. Stays the connection's.</param>
    /// <param name="pool">Of the same thread.</param>
    internal ConnectionOutput(TcpSocket socket, SendBlockPool pool)
    {
        _socket = socket;
        _pool = pool;
    }

    /// <summary>The socket took less than it was given: wait until it is writable, then <see cref="Resume"/>.</summary>
    internal bool IsBlocked { get; private set; }

    /// <summary>The connection is lost: nothing will ever be sent.</summary>
    internal bool IsLost { get; private set; }

    /// <summary>Bytes that wait to be sent.</summary>
    internal int PendingLength => _tail - _head;

    /// <summary>Payloads from this length on are to be sent with <see cref="FlushWith"/>.</summary>
    internal int LargeLength => _packer == null ? GatherLength : CompressedGatherLength;

    /// <summary>Bytes that this output holds in memory.</summary>
    internal int HeldLength => _capacity;

    /// <summary>Bytes that the system took since the connection began.</summary>
    internal long SentLength { get; private set; }

    /// <summary>From the next frame on, what waits is sent in batches where that is worth it.</summary>
    internal void Compress(BatchPacker packer)
    {
        _packer = packer;
        _ready = _tail;
    }

    /// <summary>Makes room for one frame at the tail: write it and <see cref="Append"/> it at once. Sends first when there is too little.</summary>
    /// <param name="length">At most the pool's block length.</param>
    /// <param name="room">At least <paramref name="length"/> bytes, uninitialised, or empty.</param>
    /// <returns>False: blocked with too little room, or lost.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryReserve(int length, out Span<byte> room)
    {
        if (_tail + length > _capacity && !MakeRoom(length))
        {
            room = default;
            return false;
        }

        room = new Span<byte>(_start + _tail, length);
        return true;
    }

    /// <summary>Takes what was written into the reserved room.</summary>
    /// <param name="length">Bytes, at most what was reserved.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Append(int length) => _tail += length;

    /// <summary>Sends what waits, in one system call. Does nothing while blocked or lost.</summary>
    internal void Flush()
    {
        if (_tail == _head || IsBlocked || IsLost)
            return;
        Pack();
        int sent = _socket.Send(_start + _head, PendingLength);
        if (Took(sent))
            Advance(sent);
    }

    /// <summary>Sends what waits as <see cref="Flush"/> does, if it would be packed: before the head of a frame for <see cref="FlushWith"/>.</summary>
    internal void FlushFrames()
    {
        if (_packer != null)
            Flush();
    }

    /// <summary>Sends what waits and, right behind it, a payload in place: one system call, no copy but of what is not taken.</summary>
    /// <param name="payload">Belongs behind a frame's fixed part that was appended last. Not needed any more on return.</param>
    /// <param name="length">Bytes; the padding to a multiple of 8 is added here.</param>
    /// <remarks>Only when not blocked.</remarks>
    internal void FlushWith(byte* payload, int length)
    {
        int padding = -length & PaddingMask;
        ulong zeros = 0;
        _ready = _tail; // The head of a frame that is not whole here.
        IoVector* vectors = stackalloc IoVector[3];
        vectors[0] = new IoVector { Start = _start + _head, Length = (nuint)PendingLength };
        vectors[1] = new IoVector { Start = payload, Length = (nuint)length };
        vectors[2] = new IoVector { Start = (byte*)&zeros, Length = (nuint)padding };
        int buffered = PendingLength;
        int sent = _socket.SendGather(vectors, padding == 0 ? 2 : 3);
        if (IsLost || !Took(sent, buffered + length + padding))
        {
            if (IsLost)
                return;
            sent = 0;
        }

        int sentOfPayload = Math.Max(0, sent - buffered);
        Advance(Math.Min(sent, buffered));
        KeepRest(payload, length, padding, sentOfPayload);
        _ready = _tail;
    }

    /// <summary>The socket is writable: sends what waits. Afterwards blocked again or empty.</summary>
    internal void Resume()
    {
        IsBlocked = false;
        Flush();
    }

    /// <summary>Forgets what waits: the connection ends without it.</summary>
    public void Dispose()
    {
        _head = _tail;
        Release();
        IsLost = true;
    }

    private void Pack()
    {
        if (_packer == null)
            return;
        _tail = _ready + _packer.Pack(_start + _ready, _tail - _ready);
        _ready = _tail;
    }

    private bool MakeRoom(int length)
    {
        if (IsLost)
            return false;
        if (_start == null)
        {
            _start = _pool.Rent(length, out _capacity);
            return true;
        }

        Flush();
        if (IsLost)
            return false;
        if (_start == null)
            _start = _pool.Rent(length, out _capacity);
        else
            Compact();
        return _tail + length <= _capacity;
    }

    // Moves what waits to the front, keeping its place within 8 bytes so that frames stay aligned.
    private void Compact()
    {
        int to = _head & PaddingMask;
        if (to == _head)
            return;
        Buffer.MemoryCopy(_start + _head, _start + to, _capacity - to, PendingLength);
        _ready -= _head - to;
        _tail = to + PendingLength;
        _head = to;
    }

    // Copies the part of a gathered frame that the system did not take.
    private void KeepRest(byte* payload, int length, int padding, int sent)
    {
        int rest = length + padding - sent;
        if (rest == 0)
            return;
        Grow(rest);
        int ofPayload = Math.Max(0, length - sent);
        Buffer.MemoryCopy(payload + (length - ofPayload), _start + _tail, ofPayload, ofPayload);
        new Span<byte>(_start + _tail + ofPayload, rest - ofPayload).Clear();
        _tail += rest;
    }

    // A rest larger than a block gets a piece of its own, with the block's room behind it for replies.
    private void Grow(int length)
    {
        if (_start == null)
        {
            // The first byte of the rest need not be at a multiple of 8, but the next frame must: start it so.
            _start = _pool.Rent(length + _pool.BlockLength, out _capacity);
            _tail = _head = -length & PaddingMask;
            return;
        }

        Compact();
        if (_tail + length <= _capacity)
            return;
        byte* larger = _pool.Rent(_tail + length + _pool.BlockLength, out int capacity);
        Buffer.MemoryCopy(_start, larger, capacity, _tail);
        _pool.Return(_start, _capacity);
        _start = larger;
        _capacity = capacity;
    }

    private bool Took(int sent) => Took(sent, PendingLength);

    // Whether the system took anything; notes what follows from it.
    private bool Took(int sent, int offered)
    {
        if (sent == TcpSocket.Failed)
        {
            IsLost = true;
            return false;
        }

        IsBlocked = sent < offered;
        if (sent == TcpSocket.WouldBlock)
            return false;
        SentLength += sent;
        return true;
    }

    private void Advance(int sent)
    {
        _head += sent;
        if (_head == _tail)
            Release();
    }

    private void Release()
    {
        if (_start != null)
            _pool.Return(_start, _capacity);
        _start = null;
        _capacity = _head = _tail = _ready = 0;
    }
}
