using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;

namespace LowLatency.Client;

/// <content>From the engine's events to the agent.</content>
internal sealed unsafe partial class InprocDoor
{
    /// <summary>Events of one turn: settlements go out, and mapped segments can be let go, between two.</summary>
    private const int EventLimit = 512;

    private long _takenNs;

    private int ReceiveEvents()
    {
        SpscByteRing ring = Link!.Port.Ring;
        if (ring.IsEmpty)
            return 0;
        _takenNs = 0;
        var sink = new Sink(this);
        Link.Reader.Enter();
        try
        {
            return ring.Poll(ref sink, EventLimit);
        }
        finally
        {
            Link.Reader.Exit();
        }
    }

    private void OnEvent(EventType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case EventType.Deliver:
                OnDeliver(in As<DeliverEvent>(body), 0, 0);
                break;
            case EventType.DeliverConflated:
                ref readonly DeliverConflatedEvent conflated = ref As<DeliverConflatedEvent>(body);
                OnDeliver(in conflated.Deliver, conflated.FirstSequence, conflated.Elided);
                break;
            case EventType.Confirm:
                ref readonly ConfirmEvent confirm = ref As<ConfirmEvent>(body);
                Agent.OnConfirmed(confirm.Publication, confirm.Sequence, (DurabilityLevel)confirm.Level);
                break;
            case EventType.Rejected:
                OnRejected(in As<RejectedEvent>(body), body[sizeof(RejectedEvent)..]);
                break;
            case EventType.PublicationReady:
                Agent.OnPublicationReady(As<PublicationReadyEvent>(body).Publication);
                break;
            case EventType.SubscriptionEnded:
                OnEnded(in As<SubscriptionEndedEvent>(body), Text(body[sizeof(SubscriptionEndedEvent)..]));
                break;
            case EventType.SessionFault:
                var code = (ErrorCode)As<SessionFaultEvent>(body).Code;
                Lose(new LowLatencyException(code, $"The broker {_address} has ended the session: {Text(body[sizeof(SessionFaultEvent)..])}"),
                    ConnectionAgent.IsFinal(code));
                break;
            case EventType.SessionOpened:
                OnOpened();
                break;
            default:
                Agent.OnAnswer(type, body);
                break;
        }
    }

    private void OnDeliver(in DeliverEvent deliver, ulong firstSequence, ulong elided)
    {
        if (Agent.FindSubscription(deliver.Subscription) is not { } subscription)
            return; // Ended in between.
        bool isInOrder;
        if (Link!.Reader.TryRead(deliver.Position, out MessageView view))
        {
            if (_takenNs == 0)
                _takenNs = UnixClock.NowNs();
            isInOrder = subscription.OnDelivered(
                in *view.DeliveredBlock, new ReadOnlySpan<byte>(view.Payload, view.PayloadLength), deliver.Tag, deliver.QueueSequence,
                deliver.DeliveryCount, (deliver.Flags & DeliverEvent.RedeliveredFlag) != 0, _takenNs, firstSequence, elided);
        }
        else
        {
            isInOrder = subscription.OnVanished(deliver.Tag);
        }

        if (!isInOrder)
            Agent.BrokenRule($"delivery {deliver.Tag} out of turn");
    }

    private void OnRejected(in RejectedEvent rejected, ReadOnlySpan<byte> strings)
    {
        int queueLength = strings[0];
        Agent.OnRejected(
            rejected.Publication, rejected.Sequence, (ErrorCode)rejected.Code, Encoding.UTF8.GetString(strings.Slice(1, queueLength)),
            Text(strings[(1 + queueLength)..]));
    }

    private void OnEnded(in SubscriptionEndedEvent ended, string reason)
    {
        if (ended.IsPublication != 0)
            Agent.OnPublicationEnded(ended.Handle, (ErrorCode)ended.Code, reason);
        else
            Agent.OnSubscriptionEnded(ended.Handle, (ErrorCode)ended.Code, reason);
    }

    private static string Text(ReadOnlySpan<byte> encoded)
        => Encoding.UTF8.GetString(encoded.Slice(sizeof(ushort), MemoryMarshal.Read<ushort>(encoded)));

    // Records of the ring are 8-byte aligned, and the engine wrote them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref readonly T As<T>(ReadOnlySpan<byte> body)
        where T : unmanaged => ref Unsafe.As<byte, T>(ref MemoryMarshal.GetReference(body));

    private readonly struct Sink(InprocDoor door) : IRecordHandler
    {
        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            if (door.IsLost || door.Agent.IsCloseRequested)
                return false;
            door.OnEvent((EventType)type, body);
            return true;
        }
    }
}
