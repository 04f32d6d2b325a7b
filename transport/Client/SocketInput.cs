using System.Runtime.CompilerServices;
using LowLatency.Transport.Sockets;

namespace LowLatency.Client;

/// <summary>Bytes received from one socket and not yet taken. One thread.</summary>
/// <remarks><c>taken &lt;= received &lt;= capacity</c>; the next frame starts at taken. Pinned. Doubles when a frame longer than itself has filled it.</remarks>
internal sealed unsafe class SocketInput
{
    private byte[] _bytes;
    private byte* _start;
    private int _taken;
    private int _received;

    internal SocketInput(int capacity) => _start = Allocate(capacity, out _bytes);

    internal int Capacity => _bytes.Length;

    internal ReadOnlySpan<byte> Bytes => new(_start + _taken, _received - _taken);

    /// <returns>As <see cref="TcpSocket.Receive(byte*, int)"/>.</returns>
    internal int ReceiveFrom(TcpSocket socket)
    {
        if (_received == _bytes.Length)
            MakeRoom();
        int count = socket.Receive(_start + _received, _bytes.Length - _received);
        if (count > 0)
            _received += count;
        return count;
    }

    /// <summary>These bytes at the front are dealt with.</summary>
    internal void Take(int length)
    {
        _taken += length;
        if (_taken == _received)
            Clear();
        else if (_taken > _bytes.Length / 2)
            MoveToFront(); // A partial frame: short, or it would not be worth while to have got here.
    }

    internal void Clear()
    {
        _taken = 0;
        _received = 0;
    }

    private void MakeRoom()
    {
        if (_taken > 0)
        {
            MoveToFront();
            return;
        }

        byte[] old = _bytes;
        byte* start = Allocate(old.Length * 2, out byte[] bytes);
        old.CopyTo(bytes, 0);
        _bytes = bytes;
        _start = start;
    }

    private void MoveToFront()
    {
        int waiting = _received - _taken;
        Buffer.MemoryCopy(_start + _taken, _start, _bytes.Length, waiting);
        _taken = 0;
        _received = waiting;
    }

    private static byte* Allocate(int capacity, out byte[] bytes)
    {
        bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
        return (byte*)Unsafe.AsPointer(ref bytes[0]);
    }
}
