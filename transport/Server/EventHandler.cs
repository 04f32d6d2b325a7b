using System.Runtime.InteropServices;
using LowLatency.Core.Engine;
using LowLatency.Core.Rings;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <summary>Turns the engine's events into frames of the native protocol. The transport agent's thread.</summary>
/// <remarks>Takes every event: what a connection cannot send now waits with the connection, never in the ring.</remarks>
internal readonly unsafe struct EventHandler : IRecordHandler
{
    private readonly TransportAgent _agent;

    internal EventHandler(TransportAgent agent) => _agent = agent;

    public bool OnRecord(int type, ReadOnlySpan<byte> body)
    {
        // Every event starts with its session. One whose connection is gone is for nobody, but for the last.
        int session = MemoryMarshal.Read<int>(body);
        if ((EventType)type == EventType.SessionClosed)
            _agent.OnSessionClosed(session);
        else if (_agent.OfSession(session) is { } connection)
            OnEvent((EventType)type, connection, body);
        return true;
    }

    private void OnEvent(EventType type, ServerConnection connection, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case EventType.Deliver:
                _agent.Deliver(connection, MemoryMarshal.AsRef<DeliverEvent>(body));
                break;
            case EventType.Confirm:
                _agent.Confirm(connection, MemoryMarshal.AsRef<ConfirmEvent>(body));
                break;
            case EventType.SubscriptionEnded:
                OnEnded(connection, body);
                break;
            case EventType.DeliverConflated:
                _agent.Deliver(connection, MemoryMarshal.AsRef<DeliverConflatedEvent>(body));
                break;
            case EventType.SessionOpened:
                _agent.Open(connection);
                break;
            case EventType.SessionFault:
                OnFault(connection, body);
                break;
            case EventType.Done when TransportAgent.TryDelay(connection, MemoryMarshal.AsRef<DoneEvent>(body)):
                break;
            default:
                OnReply(type, connection, body);
                break;
        }
    }

    private void OnReply(EventType type, ServerConnection connection, ReadOnlySpan<byte> body)
    {
        // The frame of an answer is as long as its event; that of the others is shorter or hardly longer.
        if (!_agent.TryReserveReply(connection, FrameLayout.PaddedLength(body.Length) + FrameLayout.Alignment, out Span<byte> room))
            return;
        FrameType frame = FrameShape.Of(type);
        int written = type switch
        {
            EventType.Rejected => WriteRejected(room, body),
            EventType.PublicationReady => FrameWriter.WritePublicationReady(room, Fixed<PublicationReadyEvent>(body).Publication),
            _ when frame != 0 => FrameWriter.WriteBehindHeader(room, frame, body[FrameLayout.HeaderLength..]),
            _ => throw new InvalidOperationException($"The engine sent an event of type {type}, which the native protocol has no frame for."),
        };
        connection.Output.Append(written);
    }

    private void OnEnded(ServerConnection connection, ReadOnlySpan<byte> body)
    {
        SubscriptionEndedEvent ended = Fixed<SubscriptionEndedEvent>(body);
        if (ended.IsPublication == 0)
            connection.Backlog.Remove(ended.Handle);
        ReadOnlySpan<byte> text = body[sizeof(SubscriptionEndedEvent)..];
        if (!_agent.TryReserveReply(connection, FrameLayout.PaddedLength(sizeof(SubscriptionEndedFrame) + text.Length), out Span<byte> room))
            return;
        connection.Output.Append(ended.IsPublication == 0
            ? FrameWriter.WriteSubscriptionEndedEncoded(room, ended.Handle, (ErrorCode)ended.Code, text)
            : FrameWriter.WritePublicationEndedEncoded(room, ended.Handle, (ErrorCode)ended.Code, text));
    }

    private void OnFault(ServerConnection connection, ReadOnlySpan<byte> body)
        => _agent.FailEncoded(connection, (ErrorCode)Fixed<SessionFaultEvent>(body).Code, body[sizeof(SessionFaultEvent)..]);

    private static int WriteRejected(Span<byte> room, ReadOnlySpan<byte> body)
    {
        RejectedEvent rejected = Fixed<RejectedEvent>(body);
        return FrameWriter.WriteRejectedEncoded(
            room, rejected.Publication, rejected.Sequence, (ErrorCode)rejected.Code, body[sizeof(RejectedEvent)..]);
    }

    private static TEvent Fixed<TEvent>(ReadOnlySpan<byte> body)
        where TEvent : unmanaged => MemoryMarshal.Read<TEvent>(body);
}
