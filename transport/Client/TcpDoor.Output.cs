using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>Requests and settlements as frames.</content>
internal sealed partial class TcpDoor
{
    internal override bool TrySend(Request request)
    {
        ReadOnlySpan<byte> body = request.Encode(Agent);
        Span<byte> room = Room(FrameLayout.PaddedLength(FrameLayout.HeaderLength + body.Length));
        if (room.IsEmpty)
            return false;
        Gathered(FrameWriter.WriteBehindHeader(room, FrameShape.Of(request.Type), body));
        return true;
    }

    internal override bool TrySend(uint subscription, in Settlement settlement, uint creditMessages, ulong creditBytes)
    {
        Span<byte> room = Room(FrameWriter.LengthOf<SettleFrame>(0));
        if (room.IsEmpty)
            return false;
        Gathered(FrameWriter.WriteSettle(
            room, subscription, settlement.Kind, settlement.First, settlement.Last, creditMessages, creditBytes));
        return true;
    }

    internal override bool TrySendCredit(uint subscription, uint messages, ulong bytes)
    {
        Span<byte> room = Room(FrameWriter.LengthOf<CreditFrame>(0));
        if (room.IsEmpty)
            return false;
        Gathered(FrameWriter.WriteCredit(room, subscription, messages, bytes));
        return true;
    }

    internal override bool TrySendOperation(ReadOnlySpan<byte> frame)
    {
        Span<byte> room = Room(frame.Length);
        if (room.IsEmpty)
            return false;
        frame.CopyTo(room);
        Gathered(frame.Length);
        return true;
    }
}
