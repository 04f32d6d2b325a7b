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
            case EventType.SessionOpened:
                break;
            case EventType.SessionFault:
                OnFault(connection, body);
                break;
            default:
                OnReply(type, connection, body);
                break;
        }
    }

    private void OnReply(EventType type, ServerConnection connection, ReadOnlySpan<byte> body)
    {
        // The frame's fixed part is at most as long as the largest one; its variable part is the event's.
        int length = FrameLayout.PaddedLength(sizeof(PublicationOpenedFrame) + body.Length);
        if (!_agent.TryReserveReply(connection, length, out Span<byte> room))
            return;
        int written = type switch
        {
            EventType.Rejected => WriteRejected(room, body),
            EventType.PublicationReady => FrameWriter.WritePublicationReady(room, Fixed<PublicationReadyEvent>(body).Publication),
            EventType.PublicationOpened => WritePublicationOpened(room, Fixed<PublicationOpenedEvent>(body)),
            EventType.Subscribed => WriteSubscribed(room, Fixed<SubscribedEvent>(body)),
            EventType.QueueDeclared => WriteQueueDeclared(room, Fixed<QueueDeclaredEvent>(body)),
            EventType.Done => FrameWriter.WriteDone(room, Fixed<DoneEvent>(body).Request),
            EventType.Failed => WriteFailed(room, body),
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

    private static int WritePublicationOpened(Span<byte> room, in PublicationOpenedEvent opened)
        => FrameWriter.WritePublicationOpened(room, opened.Request, opened.Publication, opened.Window, opened.LastSequence);

    private static int WriteSubscribed(Span<byte> room, in SubscribedEvent subscribed)
        => FrameWriter.WriteSubscribed(room, subscribed.Request, subscribed.Subscription);

    private static int WriteQueueDeclared(Span<byte> room, in QueueDeclaredEvent declared)
        => FrameWriter.WriteQueueDeclared(room, declared.Request, declared.Consumers, declared.Ready);

    private static int WriteFailed(Span<byte> room, ReadOnlySpan<byte> body)
    {
        FailedEvent failed = Fixed<FailedEvent>(body);
        return FrameWriter.WriteFailedEncoded(room, failed.Request, (ErrorCode)failed.Code, body[sizeof(FailedEvent)..]);
    }

    private static TEvent Fixed<TEvent>(ReadOnlySpan<byte> body)
        where TEvent : unmanaged => MemoryMarshal.Read<TEvent>(body);
}
