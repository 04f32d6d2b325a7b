using System.Runtime.CompilerServices;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>Bytes gathered for one socket. One thread.</summary>
/// <remarks>
/// <c>sent &lt;= ready &lt;= gathered &lt;= capacity</c>. Pinned, so that the system reads it in place. Grows only for a frame longer than itself. With
/// compression, what is between ready and gathered is frames that may still become batches.
/// </remarks>
internal sealed unsafe class SocketOutput
{
    private byte[] _bytes;
    private byte* _start;
    private int _sent;
    private int _gathered;
    private int _ready;
    private BatchPacker? _packer;

    internal SocketOutput(int capacity) => _start = Allocate(capacity, out _bytes);

    internal bool IsEmpty => _sent == _gathered;

    internal int Capacity => _bytes.Length;

    /// <summary>Room for one frame, to be gathered with <see cref="Add"/>. Empty when it must be sent from first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<byte> Room(int length)
        => length <= _bytes.Length - _gathered || MakeRoom(length) ? new Span<byte>(_start + _gathered, _bytes.Length - _gathered) : default;

    /// <summary>Gathers what was written at the start of the room.</summary>
    internal void Add(int length) => _gathered += length;

    /// <summary>Hands over as much as the system takes.</summary>
    /// <returns>Bytes taken, 0 for none; <see cref="TcpSocket.Failed"/>.</returns>
    internal int SendTo(TcpSocket socket)
    {
        int total = 0;
        while (!IsEmpty)
        {
            // What waits behind a batch that is under way becomes one when that is sent: by then it is longer.
            if (_sent == _ready)
                Pack();
            int offered = _ready - _sent;
            int taken = socket.Send(_start + _sent, offered);
            if (taken < 0)
                return taken == TcpSocket.WouldBlock ? total : taken;
            _sent += taken;
            total += taken;
            if (taken < offered)
                return total;
        }

        Clear();
        return total;
    }

    /// <summary>From the next frame on, what is gathered is sent in batches where that is worth it; <c>null</c>: no more.</summary>
    internal void Compress(BatchPacker? packer)
    {
        _packer = packer;
        _ready = _gathered;
    }

    internal void Clear()
    {
        _sent = 0;
        _gathered = 0;
        _ready = 0;
    }

    private void Pack()
    {
        if (_packer != null)
            _gathered = _ready + _packer.Pack(_start + _ready, _gathered - _ready);
        _ready = _gathered;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool MakeRoom(int length)
    {
        int waiting = _gathered - _sent;
        if (waiting == 0 && length > _bytes.Length)
        {
            _start = Allocate(length, out _bytes);
            Clear();
            return true;
        }

        // Moving costs: only when it frees at least half.
        if (_sent < _bytes.Length / 2 || length > _bytes.Length - waiting)
            return false;
        Buffer.MemoryCopy(_start + _sent, _start, _bytes.Length, waiting);
        _ready = Math.Max(_ready - _sent, 0);
        _sent = 0;
        _gathered = waiting;
        return true;
    }

    private static byte* Allocate(int capacity, out byte[] bytes)
    {
        bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
        return (byte*)Unsafe.AsPointer(ref bytes[0]);
    }
}
