using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Client;

/// <summary>A publication to a broker of this process: each message is written once, into the broker's own ingress ring.</summary>
internal sealed unsafe class IngressOutlet : Outlet
{
    private readonly Publication _publication;
    private readonly InprocDoor _door;
    private readonly bool _isBackground;
    private readonly int _maxBodyLength;
    private Target? _target; // Written by the connection's thread.
    private PaddedPosition _inside; // 1 while the publishing thread is in the ring.

    internal IngressOutlet(Publication publication, InprocDoor door, bool isBackground, int maxBodyLength)
    {
        _publication = publication;
        _door = door;
        _isBackground = isBackground;
        _maxBodyLength = maxBodyLength;
    }

    internal override int MaxBodyLength => _maxBodyLength;

    internal override PublishStatus TryAppend(
        ulong sequence, long publishedNs, ReadOnlySpan<byte> routingKey, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        PublishWaiter? waiter)
    {
        if (!_isBackground)
        {
            PublishStatus status = Write(_target, sequence, publishedNs, routingKey, headers, body, waiter);
            _door.HasWritten |= status == PublishStatus.Accepted;
            return status;
        }

        _inside.Exchange(1); // Full fence: pairs with the one in Close. Either this sees no target, or Close sees this inside.
        try
        {
            return Write(Volatile.Read(ref _target), sequence, publishedNs, routingKey, headers, body, waiter);
        }
        finally
        {
            _inside.WriteRelease(0);
        }
    }

    internal override ulong Open(uint handle, ulong appended, ulong settled)
    {
        Volatile.Write(ref _target, new Target(_door.Link!, handle));
        return appended; // No copies were kept.
    }

    internal override void Close()
    {
        Volatile.Write(ref _target, null);
        if (!_isBackground)
            return;
        Interlocked.MemoryBarrier(); // Pairs with the exchange in TryAppend.
        var wait = new SpinWait();
        while (_inside.ReadAcquire() != 0)
            wait.SpinOnce(); // For one message.
    }

    // Messages are in the ring when they are accepted.
    internal override int Send(ulong appended, ulong settled, int window) => 0;

    internal override bool IsSent(ulong upTo) => true;

    internal override bool KeepsCopies => false;

    internal override void Release(ulong upTo)
    {
    }

    private PublishStatus Write(
        Target? target, ulong sequence, long publishedNs, ReadOnlySpan<byte> routingKey, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        PublishWaiter? waiter)
    {
        if (target == null)
            return PublishStatus.NotConnected;
        long nowNs = UnixClock.NowNs();
        int length = sizeof(PublishCommand) + routingKey.Length + headers.Length + body.Length;
        if (!target.Ring.TryClaim((int)CommandType.Publish, length, out RingClaim claim))
            return PublishStatus.WindowFull;
        Unsafe.WriteUnaligned(claim.Pointer, new PublishCommand
        {
            Session = target.Session,
            Publication = target.Handle,
            Sequence = sequence,
            PublishedNs = publishedNs != 0 ? publishedNs : nowNs,
            ReceivedNs = nowNs,
            BodyLength = body.Length,
            RoutingKeyLength = (byte)routingKey.Length,
            HeadersLength = (ushort)headers.Length,
        });
        Span<byte> rest = claim.Body[sizeof(PublishCommand)..];
        routingKey.CopyTo(rest);
        headers.CopyTo(rest[routingKey.Length..]);
        body.CopyTo(rest[(routingKey.Length + headers.Length)..]);
        // Before the commit: the engine may answer before this thread goes on.
        _publication.Admit(sequence, waiter);
        claim.Commit();
        if (_isBackground)
            target.EngineWake.Wake();
        return PublishStatus.Accepted;
    }

    /// <summary>Where messages go on the present link.</summary>
    private sealed class Target(BrokerLink link, uint handle)
    {
        internal readonly MpscByteRing Ring = link.Core.Ingress;
        internal readonly Core.Agents.WakeSignal EngineWake = link.Core.EngineWake;
        internal readonly int Session = link.Session;
        internal readonly uint Handle = handle;
    }
}
