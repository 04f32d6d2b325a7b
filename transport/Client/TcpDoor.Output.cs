using LowLatency.Transport.Wire;

namespace LowLatency.Client;

/// <content>Requests and settlements as frames.</content>
internal sealed partial class TcpDoor
{
    internal override bool TrySend(Request request)
    {
        Span<byte> room = Room(FrameWriter.MaxControlLength);
        if (room.IsEmpty)
            return false;
        Gathered(Write(room, request));
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

    private int Write(Span<byte> room, Request request)
    {
        uint id = request.Id;
        switch (request.Kind)
        {
            case RequestKind.DeclareQueue:
                return FrameWriter.WriteDeclareQueue(room, id, request.QueueFlags, request.MaxLength, request.Name);
            case RequestKind.DeleteQueue:
                return FrameWriter.WriteDeleteQueue(room, id, request.Name);
            case RequestKind.DeclareExchange:
                return FrameWriter.WriteDeclareExchange(room, id, request.IsDurableExchange, Core.Engine.ExchangeKind.Direct, request.Name);
            case RequestKind.DeleteExchange:
                return FrameWriter.WriteDeleteExchange(room, id, request.Name);
            case RequestKind.Bind:
                return FrameWriter.WriteBind(room, id, request.Name, request.Queue, request.Key);
            case RequestKind.Unbind:
                return FrameWriter.WriteUnbind(room, id, request.Name, request.Queue, request.Key);
            case RequestKind.OpenPublication:
                Publication publication = request.Publication!;
                return FrameWriter.WriteOpenPublication(
                    room, id, publication.WantedWindow, publication.Durability, publication.Flags, publication.PublisherUtf8,
                    publication.ExchangeUtf8, publication.RoutingKeyUtf8);
            case RequestKind.ClosePublication:
                return FrameWriter.WriteClosePublication(room, id, request.TargetHandle);
            case RequestKind.Subscribe:
                Subscription subscription = request.Subscription!;
                Agent.FitCredit(subscription);
                return FrameWriter.WriteSubscribe(room, id, subscription.FirstCredit, subscription.FirstCreditBytes, subscription.QueueUtf8);
            default:
                return FrameWriter.WriteUnsubscribe(room, id, request.TargetHandle);
        }
    }
}
