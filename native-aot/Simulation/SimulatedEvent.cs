using System.Text;
using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <summary>One event as it stood in an egress ring.</summary>
internal sealed unsafe record SimulatedEvent(EventType Type, byte[] Bytes)
{
    internal T Read<T>()
        where T : unmanaged
    {
        fixed (byte* at = Bytes)
            return *(T*)at;
    }

    /// <summary>A string (length byte, UTF-8) behind the struct.</summary>
    internal string String<T>()
        where T : unmanaged => Encoding.UTF8.GetString(Bytes, sizeof(T) + 1, Bytes[sizeof(T)]);

    /// <summary>The sentence (u16 length, UTF-8) at the end of a struct.</summary>
    internal string Sentence(int offset) => Encoding.UTF8.GetString(Bytes, offset + 2, BitConverter.ToUInt16(Bytes, offset));

    public override string ToString() => Type switch
    {
        EventType.Deliver => $"Deliver to {Read<DeliverEvent>().Session}/{Read<DeliverEvent>().Subscription}: tag {Read<DeliverEvent>().Tag}, sequence {Read<DeliverEvent>().QueueSequence}, count {Read<DeliverEvent>().DeliveryCount}, flags {Read<DeliverEvent>().Flags}",
        EventType.Confirm => $"Confirm to {Read<ConfirmEvent>().Session}/{Read<ConfirmEvent>().Publication}: up to {Read<ConfirmEvent>().Sequence} at level {Read<ConfirmEvent>().Level}",
        EventType.Rejected => $"Rejected to {Read<RejectedEvent>().Session}/{Read<RejectedEvent>().Publication}: {Read<RejectedEvent>().Sequence} with {(ErrorCode)Read<RejectedEvent>().Code}",
        EventType.PublicationReady => $"PublicationReady to {Read<PublicationReadyEvent>().Session}/{Read<PublicationReadyEvent>().Publication}",
        EventType.SubscriptionEnded => $"Ended to {Read<SubscriptionEndedEvent>().Session}/{Read<SubscriptionEndedEvent>().Handle}: {(ErrorCode)Read<SubscriptionEndedEvent>().Code}, publication {Read<SubscriptionEndedEvent>().IsPublication}",
        EventType.Failed => $"Failed to {Read<FailedEvent>().Session}: request {Read<FailedEvent>().Request}, {(ErrorCode)Read<FailedEvent>().Code}: {Sentence(sizeof(FailedEvent))}",
        EventType.SessionFault => $"Fault to {Read<SessionFaultEvent>().Session}: {(ErrorCode)Read<SessionFaultEvent>().Code}: {Sentence(sizeof(SessionFaultEvent))}",
        _ => $"{Type} to {Read<SessionClosedEvent>().Session}",
    };
}
