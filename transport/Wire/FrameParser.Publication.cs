using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using LowLatency.Core.Engine;

namespace LowLatency.Transport.Wire;

/// <content>The hot frames about publishing.</content>
internal static unsafe partial class FrameParser
{
    private const uint KnownPublishFlags = (uint)(PublishFlags.Mandatory | PublishFlags.InTransaction | PublishFlags.LevelMask);

    /// <summary>Parses a <see cref="FrameType.Publish"/> in place.</summary>
    /// <param name="frame">The frame, from a <see cref="FrameReader"/>.</param>
    /// <param name="maxBodyLength">Longest body accepted, in bytes.</param>
    /// <param name="view">Valid as long as the frame.</param>
    /// <param name="error">Why not; costs the connection.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryParsePublish(ReadOnlySpan<byte> frame, int maxBodyLength, out PublishView view, out FrameError error)
    {
        ref readonly PublishFrame fields = ref MemoryMarshal.AsRef<PublishFrame>(frame);
        view = new PublishView(in fields, frame[sizeof(PublishFrame)..]);
        if ((uint)view.BodyLength <= (uint)maxBodyLength && (fields.RoutingKeyLength | fields.Flags) == 0)
        {
            error = default;
            return true;
        }

        return CheckPublish(view, maxBodyLength, out error);
    }

    // Publishes with a routing key or flags of their own, and wrong ones.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool CheckPublish(scoped in PublishView view, int maxBodyLength, out FrameError error)
    {
        uint keyLength = view.Fields.RoutingKeyLength;
        if (!CheckFlags(view.Fields.Flags, KnownPublishFlags, FrameType.Publish, out error))
            return false;
        if (view.BodyLength < 0)
            error = new FrameError(FrameFault.PayloadOverrun, FrameType.Publish, keyLength + view.Fields.HeadersLength, (uint)view.Payload.Length);
        else if (view.BodyLength > maxBodyLength)
            error = new FrameError(FrameFault.BodyOverLimit, FrameType.Publish, (uint)view.BodyLength, (uint)maxBodyLength);
        else if (!Utf8.IsValid(view.RoutingKey))
            error = new FrameError(FrameFault.RoutingKeyNotUtf8, FrameType.Publish);
        return error.IsNone;
    }

    /// <summary>Parses a <see cref="FrameType.Confirm"/>.</summary>
    internal static bool TryParseConfirm(scoped ReadOnlySpan<byte> frame, out ConfirmFrame fields, out FrameError error)
    {
        fields = Fixed<ConfirmFrame>(frame);
        return CheckReserved((fields.Reserved0 | fields.Reserved1) == 0, FrameType.Confirm, out error);
    }
}
