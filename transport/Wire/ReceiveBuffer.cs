using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace LowLatency.Transport.Wire;

/// <summary>Turns the chunks that a connection receives into frames: in place where they are whole, and otherwise by keeping the rest.</summary>
/// <remarks>
/// <para>One per connection, used by the thread that reads it. Holds memory only while it holds bytes: never more than twice the
/// most that it held since it was empty (256 at least), which is never more than a frame of the greatest length and one received
/// chunk. A length that a peer claims allocates nothing. <c>0 &lt;= start &lt;= end &lt;= capacity</c>.</para>
/// <para>The frames and the error are the same however the bytes are cut into chunks.</para>
/// <para>Whole frames allocate nothing. Held bytes live in arrays of the shared pool.</para>
/// </remarks>
internal sealed class ReceiveBuffer : IDisposable
{
    private const int MinimumCapacity = 256;
    private const int OpeningLength = FrameLayout.MagicOffset + FrameLayout.MagicLength;

    private readonly FrameReceiver _receiver;
    private byte[] _held = [];
    private int _start;
    private int _end;
    private int _maxFrameLength;
    private bool _isOpened;
    private bool _isFailed;

    /// <param name="receiver">The side that reads.</param>
    /// <param name="maxFrameLength">Longest frame accepted, in bytes.</param>
    /// <exception cref="PlatformNotSupportedException">A big-endian machine: frames are read in place.</exception>
    internal ReceiveBuffer(FrameReceiver receiver, int maxFrameLength)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("The native protocol is read in place and needs a little-endian machine.");
        _receiver = receiver;
        MaxFrameLength = maxFrameLength;
    }

    /// <summary>Longest frame accepted, in bytes. A client raises it to what the server's Welcome says.</summary>
    internal int MaxFrameLength
    {
        get => _maxFrameLength;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, FrameReader.MaxOpeningLength);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, int.MaxValue / 2);
            _maxFrameLength = value;
        }
    }

    /// <summary>Bytes received and not yet taken.</summary>
    internal int HeldLength => _end - _start;

    /// <summary>Bytes of memory held for them.</summary>
    internal int Capacity => _held.Length;

    /// <summary>The sink stopped: frames are held that it has not taken. Read nothing more from the socket; call <see cref="Resume"/> later.</summary>
    internal bool IsStopped { get; private set; }

    /// <summary>Offers again what the sink had stopped at.</summary>
    /// <inheritdoc cref="Feed"/>
    internal int Resume<TSink>(ref TSink sink, out FrameError error)
        where TSink : IFrameSink, allows ref struct
    {
        IsStopped = false;
        return Feed(default, ref sink, out error);
    }

    /// <summary>Offers every frame that these bytes make whole to the sink, in order.</summary>
    /// <param name="received">What the socket gave. Not kept: what is not taken is copied.</param>
    /// <param name="sink">Takes the frames. When it stops, <see cref="IsStopped"/> is set and the rest is held.</param>
    /// <param name="error">Not none: tell the peer and close. Everything held is dropped.</param>
    /// <returns>Bytes of the frames taken, padding included.</returns>
    /// <exception cref="InvalidOperationException">Called while stopped, or after an error.</exception>
    internal int Feed<TSink>(scoped ReadOnlySpan<byte> received, ref TSink sink, out FrameError error)
        where TSink : IFrameSink, allows ref struct
    {
        if (IsStopped || _isFailed)
            ThrowNotReading();
        int taken = 0;
        if (HeldLength != 0)
        {
            int used = FeedHeld(received, ref sink, ref taken, out error);
            if (used < 0)
                return taken;
            received = received[used..];
        }

        if (_isOpened || CheckOpening(received, out error))
        {
            int consumed = FrameReader.Read(received, _receiver, _maxFrameLength, ref sink, out error);
            taken += consumed;
            received = received[consumed..];
        }

        if (!error.IsNone)
        {
            Fail();
        }
        else if (!received.IsEmpty)
        {
            Append(received);
            IsStopped = _isOpened && FrameReader.NeededLength(received) <= received.Length;
        }

        return taken;
    }

    /// <summary>Gives the memory back. The buffer can be used again, for a new connection.</summary>
    public void Dispose()
    {
        Release();
        IsStopped = false;
        _isOpened = false;
        _isFailed = false;
    }

    // Makes the held frame whole with what it needs of the received bytes and no more, so that the frames behind it are read in place.
    // Returns how many bytes it needed, or -1: all is held, or an error.
    private int FeedHeld<TSink>(scoped ReadOnlySpan<byte> received, ref TSink sink, ref int taken, out FrameError error)
        where TSink : IFrameSink, allows ref struct
    {
        int used = 0;
        while (true)
        {
            int needed = OpeningLength;
            ReadOnlySpan<byte> held = _held.AsSpan(_start, HeldLength);
            if (_isOpened || CheckOpening(held, out error))
            {
                int consumed = FrameReader.Read(held, _receiver, _maxFrameLength, ref sink, out error);
                taken += consumed;
                _start += consumed;
                held = held[consumed..];
                needed = FrameReader.NeededLength(held);
            }

            if (!error.IsNone)
            {
                Fail();
                return -1;
            }

            if (held.IsEmpty)
            {
                Release();
                return used;
            }

            IsStopped = needed <= held.Length;
            int rest = received.Length - used;
            int count = IsStopped ? rest : Math.Min(needed - held.Length, rest);
            Append(received.Slice(used, count));
            used += count;
            if (IsStopped || count == 0)
                return -1;
        }
    }

    // True when the first bytes of the connection have been seen and are in order.
    private bool CheckOpening(scoped ReadOnlySpan<byte> first, out FrameError error)
    {
        _isOpened = FrameReader.CheckOpening(first, _receiver, out error) && first.Length >= OpeningLength;
        return _isOpened;
    }

    private void Append(scoped ReadOnlySpan<byte> bytes)
    {
        if (_held.Length - _end < bytes.Length)
            MakeRoom(bytes.Length);
        bytes.CopyTo(_held.AsSpan(_end));
        _end += bytes.Length;
    }

    private void MakeRoom(int count)
    {
        int length = HeldLength;
        byte[] target = _held;
        if (target.Length - length < count)
            target = ArrayPool<byte>.Shared.Rent(Math.Max(MinimumCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)(length + count))));
        _held.AsSpan(_start, length).CopyTo(target);
        if (target != _held && _held.Length != 0)
            ArrayPool<byte>.Shared.Return(_held);
        _held = target;
        _start = 0;
        _end = length;
    }

    private void Release()
    {
        if (_held.Length != 0)
            ArrayPool<byte>.Shared.Return(_held);
        _held = [];
        _start = 0;
        _end = 0;
    }

    private void Fail()
    {
        _isFailed = true;
        Release();
    }

    [DoesNotReturn]
    private static void ThrowNotReading() =>
        throw new InvalidOperationException("Bytes were read from a connection whose frames are held back or in error.");
}
