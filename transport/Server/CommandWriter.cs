using System.Runtime.CompilerServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>Writes commands into the ingress ring.</summary>
internal static unsafe class CommandWriter
{
    /// <summary>Writes one command, visible to the engine on return.</summary>
    /// <param name="ring">The ingress ring.</param>
    /// <param name="type">Of the command.</param>
    /// <param name="command">Its fixed part.</param>
    /// <param name="variable">Its variable part, encoded.</param>
    /// <returns>False when the ring is full: try again later.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryWrite<TCommand>(
        MpscByteRing ring, CommandType type, scoped in TCommand command, scoped ReadOnlySpan<byte> variable)
        where TCommand : unmanaged
    {
        if (!ring.TryClaim((int)type, sizeof(TCommand) + variable.Length, out RingClaim claim))
            return false;
        Unsafe.WriteUnaligned(claim.Pointer, command);
        variable.CopyTo(new Span<byte>(claim.Pointer + sizeof(TCommand), variable.Length));
        return claim.Commit();
    }

    /// <summary>Writes a request: its frame behind the header is the command behind the session.</summary>
    /// <param name="ring">The ingress ring.</param>
    /// <param name="type">Of the request.</param>
    /// <param name="session">Whose it is.</param>
    /// <param name="behindSession">Fields and variable part.</param>
    /// <returns>False when the ring is full: try again later.</returns>
    internal static bool TryWriteRequest(MpscByteRing ring, CommandType type, int session, scoped ReadOnlySpan<byte> behindSession)
        => TryWrite(ring, type, (ulong)(uint)session, behindSession);

    /// <summary>Writes a publish.</summary>
    /// <param name="ring">The ingress ring.</param>
    /// <param name="session">Whose it is.</param>
    /// <param name="view">The frame, checked.</param>
    /// <param name="receivedNs">Unix time in nanoseconds at which it arrived.</param>
    /// <returns>False when the ring is full: try again later.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryWritePublish(MpscByteRing ring, int session, scoped in PublishView view, long receivedNs)
    {
        PublishCommand command = new()
        {
            Session = session,
            Publication = view.Fields.Publication,
            Sequence = view.Fields.Sequence,
            PublishedNs = view.Fields.PublishedNs,
            ReceivedNs = receivedNs,
            BodyLength = view.BodyLength,
            RoutingKeyLength = view.Fields.RoutingKeyLength,
            Flags = view.Fields.Flags,
            HeadersLength = view.Fields.HeadersLength,
        };
        return TryWrite(ring, CommandType.Publish, command, view.Payload);
    }

    /// <summary>Writes a settlement.</summary>
    /// <param name="ring">The ingress ring.</param>
    /// <param name="session">Whose it is.</param>
    /// <param name="fields">The frame, checked.</param>
    /// <returns>False when the ring is full: try again later.</returns>
    internal static bool TryWriteSettle(MpscByteRing ring, int session, scoped in SettleFrame fields)
    {
        SettleCommand command = new()
        {
            Session = session,
            Subscription = fields.Subscription,
            FirstTag = fields.FirstTag,
            LastTag = fields.LastTag,
            Kind = fields.Kind,
            Flags = fields.Flags,
            CreditMessages = fields.CreditMessages,
            CreditBytes = fields.CreditBytes,
        };
        return TryWrite(ring, CommandType.Settle, command, default);
    }
}
