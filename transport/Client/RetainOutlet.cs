using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <summary>A publication over a socket: messages are kept until they are decided, and sent, or sent again, from there.</summary>
internal sealed class RetainOutlet : Outlet
{
    private readonly Publication _publication;
    private readonly TcpDoor _door;
    private readonly RetainRing _ring;
    private uint _handle;
    private ulong _sent; // The connection's thread's.

    internal RetainOutlet(Publication publication, TcpDoor door, int windowBytes, int window)
    {
        _publication = publication;
        _door = door;
        _ring = new RetainRing(windowBytes, window);
    }

    internal override int MaxBodyLength => _ring.Capacity - FrameLayout.PublishPayload;

    internal override PublishStatus TryAppend(
        ulong sequence, long publishedNs, ReadOnlySpan<byte> routingKey, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        PublishWaiter? waiter)
    {
        int length = FrameWriter.PublishLength(routingKey.Length, headers.Length, body.Length);
        if (length > _ring.Capacity)
            return PublishStatus.BodyTooLarge;
        Span<byte> room = _ring.Room(length);
        if (room.IsEmpty)
            return PublishStatus.WindowFull;
        // The handle may be another by the time that this is sent: Send writes it.
        long now = publishedNs != 0 ? publishedNs : UnixClock.NowNs();
        if (routingKey.IsEmpty && headers.IsEmpty)
            FrameWriter.WritePublish(room, 0, sequence, now, body);
        else
            FrameWriter.WritePublish(room, 0, sequence, now, routingKey, headers, body);
        _ring.Append(sequence, length);
        _publication.Admit(sequence, waiter);
        return PublishStatus.Accepted;
    }

    internal override ulong Open(uint handle, ulong appended, ulong settled)
    {
        _handle = handle;
        _sent = settled; // Everything undecided goes again.
        return settled;
    }

    internal override void Close()
    {
    }

    internal override int Send(ulong appended, ulong settled, int window)
    {
        ulong limit = Math.Min(appended, settled + (ulong)window);
        ulong sequence = Math.Max(_sent, settled); // The broker may confirm a resend that it had before it is sent.
        ulong first = sequence;
        bool hasRejected = _publication.HasRejected;
        while (sequence < limit)
        {
            ulong next = sequence + 1;
            if (!hasRejected || !_publication.IsRejected(next))
            {
                ReadOnlySpan<byte> frame = _ring.Frame(next);
                Span<byte> room = _door.Room(frame.Length);
                if (room.IsEmpty)
                    break;
                frame.CopyTo(room);
                MemoryMarshal.AsRef<PublishFrame>(room).Publication = _handle;
                _door.Gathered(frame.Length);
            }

            sequence = next;
        }

        _sent = sequence;
        return (int)(sequence - first);
    }

    internal override bool IsSent(ulong appended) => _sent >= appended;

    internal override bool KeepsCopies => true;

    internal override void Release(ulong upTo) => _ring.Release(upTo);
}
