using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>Requests and settlements as commands.</content>
internal sealed partial class InprocDoor
{
    internal override bool TrySend(Request request)
        => Wrote(CommandWriter.TryWriteRequest(Link!.Core.Ingress, request.Type, Link.Session, request.Encode(Agent)));

    internal override bool TrySend(uint subscription, in Settlement settlement, uint creditMessages, ulong creditBytes)
        => Wrote(CommandWriter.TryWriteSettle(Link!.Core.Ingress, Link.Session, new SettleFrame
        {
            Subscription = subscription,
            FirstTag = settlement.First,
            LastTag = settlement.Last,
            Kind = (byte)settlement.Kind,
            CreditMessages = creditMessages,
            CreditBytes = creditBytes,
        }));

    internal override bool TrySendCredit(uint subscription, uint messages, ulong bytes)
    {
        var command = new CreditCommand { Session = Link!.Session, Subscription = subscription, Messages = messages, Bytes = bytes };
        return Wrote(CommandWriter.TryWrite(Link.Core.Ingress, CommandType.Credit, in command, default));
    }

    internal override bool TrySendOperation(ReadOnlySpan<byte> frame)
    {
        if ((FrameType)frame[4] == FrameType.Settle)
            return Wrote(CommandWriter.TryWriteSettle(Link!.Core.Ingress, Link.Session, MemoryMarshal.Read<SettleFrame>(frame)));
        // Without the padding: everything behind the fixed part is payload.
        int length = (int)MemoryMarshal.Read<uint>(frame);
        var view = new PublishView(in MemoryMarshal.AsRef<PublishFrame>(frame), frame[FrameLayout.PublishPayload..length]);
        return Wrote(CommandWriter.TryWritePublish(Link!.Core.Ingress, Link.Session, view, UnixClock.NowNs()));
    }

    private bool Wrote(bool written)
    {
        HasWritten |= written;
        return written;
    }
}
