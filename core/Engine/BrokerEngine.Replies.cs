using System.Buffers.Binary;
using System.Text;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What the engine says: events into the ports of sessions.
internal sealed unsafe partial class BrokerEngine
{
    private const int MaxSentenceBytes = 1024;

    private readonly Queue<PendingReply> _pendingReplies = new();
    private bool _isJournalFailed;

    /// <summary>The journal promises nothing more: what waits for it fails, publications that need it are closed.</summary>
    internal void OnJournalFailed(string reason)
    {
        if (_isJournalFailed)
            return;
        _isJournalFailed = true;
        while (_pendingReplies.TryDequeue(out PendingReply reply))
            Fail(reply.Session, reply.Request, ErrorCode.JournalFailed, reason);
        foreach (Session? session in _sessions)
        {
            if (session == null)
                continue;
            foreach (EnginePublication? publication in session.Publications.Items)
            {
                if (publication is { IsEnded: false } && publication.Level != DurabilityLevel.Memory)
                    End(publication, ErrorCode.JournalFailed, reason);
            }
        }
    }

    private void AnswerWhenDurable(Session session, PendingReply reply)
    {
        if (_isJournalFailed && reply.Position > DurablePosition)
            Fail(session, reply.Request, ErrorCode.JournalFailed, "The journal failed before the definition was on disk: restart the broker and declare again.");
        else if (reply.Position > DurablePosition || _pendingReplies.Count > 0)
            _pendingReplies.Enqueue(reply);
        else
            Answer(reply);
    }

    private void AnswerPending()
    {
        while (_pendingReplies.TryPeek(out PendingReply reply) && reply.Position <= DurablePosition)
        {
            _pendingReplies.Dequeue();
            Answer(reply);
        }
    }

    private void RemovePendingReplies(Session session)
    {
        for (int i = _pendingReplies.Count; i > 0; i--)
        {
            PendingReply reply = _pendingReplies.Dequeue();
            if (reply.Session != session)
                _pendingReplies.Enqueue(reply);
        }
    }

    private void Answer(PendingReply reply)
    {
        if (reply.Type == EventType.Done)
        {
            Done(reply.Session, reply.Request, reply.Count);
            return;
        }
        BrokerQueue queue = reply.Queue!;
        QueueDeclaredEvent* declared = TryClaimReply<QueueDeclaredEvent>(reply.Session, EventType.QueueDeclared, 1 + queue.Name.Length);
        if (declared == null)
            return;
        WriteString((byte*)(declared + 1), queue.Name);
        *declared = new QueueDeclaredEvent
        {
            Session = reply.Session.Id,
            Request = reply.Request,
            Ready = (ulong)queue.ReadyCount,
            Consumers = (uint)queue.Consumers.Count,
        };
        reply.Session.Port.Ring.Stage();
    }

    private void Done(Session session, uint request, ulong count = 0)
    {
        DoneEvent* done = TryClaimReply<DoneEvent>(session, EventType.Done, 0);
        if (done == null)
            return;
        *done = new DoneEvent { Session = session.Id, Request = request, Count = count };
        session.Port.Ring.Stage();
    }

    /// <returns>True always: the command is dealt with.</returns>
    private bool Fail(Session session, uint request, ErrorCode code, string sentence)
    {
        byte[] text = Sentence(sentence);
        FailedEvent* failed = TryClaimReply<FailedEvent>(session, EventType.Failed, text.Length);
        if (failed == null)
            return true;
        *failed = new FailedEvent { Session = session.Id, Request = request, Code = (ushort)code };
        text.CopyTo(new Span<byte>(failed + 1, text.Length));
        session.Port.Ring.Stage();
        return true;
    }

    private void Fault(Session session, ErrorCode code, string sentence)
    {
        session.IsFaulted = true;
        byte[] text = Sentence(sentence);
        SessionFaultEvent* fault = TryClaimReply<SessionFaultEvent>(session, EventType.SessionFault, text.Length);
        if (fault == null)
            return;
        *fault = new SessionFaultEvent { Session = session.Id, Code = (ushort)code };
        text.CopyTo(new Span<byte>(fault + 1, text.Length));
        session.Port.Ring.Stage();
    }

    private void SendEnded(Session session, uint handle, bool isPublication, ErrorCode code, string sentence)
    {
        byte[] text = Sentence(sentence);
        SubscriptionEndedEvent* ended = TryClaimReply<SubscriptionEndedEvent>(session, EventType.SubscriptionEnded, text.Length);
        if (ended == null)
            return;
        *ended = new SubscriptionEndedEvent
        {
            Session = session.Id,
            Handle = handle,
            Code = (ushort)code,
            IsPublication = isPublication ? (byte)1 : (byte)0,
        };
        text.CopyTo(new Span<byte>(ended + 1, text.Length));
        session.Port.Ring.Stage();
    }

    private void SendReady(EnginePublication publication)
    {
        if (publication.IsEnded)
            return;
        PublicationReadyEvent* ready = TryClaimReply<PublicationReadyEvent>(publication.Session, EventType.PublicationReady, 0);
        if (ready == null)
            return;
        *ready = new PublicationReadyEvent { Session = publication.Session.Id, Publication = publication.Handle };
        publication.Session.Port.Ring.Stage();
    }

    /// <param name="queueName">Empty when it is not about a queue.</param>
    private void SendBlocked(EnginePublication publication, ErrorCode code, long sinceNs, ReadOnlySpan<byte> queueName, string sentence)
    {
        byte[] text = Sentence(sentence);
        PublicationBlockedEvent* blocked = TryClaimReply<PublicationBlockedEvent>(
            publication.Session, EventType.PublicationBlocked, 1 + queueName.Length + text.Length);
        if (blocked == null)
            return;
        *blocked = new PublicationBlockedEvent
        {
            Session = publication.Session.Id,
            Publication = publication.Handle,
            Code = (ushort)code,
            SinceNs = sinceNs,
        };
        WriteString((byte*)(blocked + 1), queueName);
        text.CopyTo(new Span<byte>((byte*)(blocked + 1) + 1 + queueName.Length, text.Length));
        publication.Session.Port.Ring.Stage();
    }

    private void SendUnblocked(EnginePublication publication, long lastedNs)
    {
        PublicationUnblockedEvent* unblocked = TryClaimReply<PublicationUnblockedEvent>(publication.Session, EventType.PublicationUnblocked, 0);
        if (unblocked == null)
            return;
        *unblocked = new PublicationUnblockedEvent { Session = publication.Session.Id, Publication = publication.Handle, LastedNs = lastedNs };
        publication.Session.Port.Ring.Stage();
    }

    private void Reject(EnginePublication publication, ulong sequence, ErrorCode code, ReadOnlySpan<byte> queueName, string sentence)
    {
        publication.LastReceived = sequence;
        byte[] text = Sentence(sentence);
        RejectedEvent* rejected = TryClaimReply<RejectedEvent>(publication.Session, EventType.Rejected, 1 + queueName.Length + text.Length);
        if (rejected == null)
            return;
        *rejected = new RejectedEvent
        {
            Session = publication.Session.Id,
            Publication = publication.Handle,
            Sequence = sequence,
            Code = (ushort)code,
        };
        var rest = new Span<byte>(rejected + 1, 1 + queueName.Length + text.Length);
        rest[0] = (byte)queueName.Length;
        queueName.CopyTo(rest[1..]);
        text.CopyTo(rest[(1 + queueName.Length)..]);
        publication.Session.Port.Ring.Stage();
    }

    /// <summary>A sentence as it travels: u16 length and UTF-8.</summary>
    private static byte[] Sentence(string sentence)
    {
        byte[] text = new byte[2 + Math.Min(MaxSentenceBytes, Encoding.UTF8.GetByteCount(sentence))];
        Encoding.UTF8.TryGetBytes(sentence, text.AsSpan(2), out int written);
        BinaryPrimitives.WriteUInt16LittleEndian(text, (ushort)written);
        return text.Length == 2 + written ? text : text[..(2 + written)];
    }

    private static void WriteString(byte* at, ReadOnlySpan<byte> value)
    {
        *at = (byte)value.Length;
        value.CopyTo(new Span<byte>(at + 1, value.Length));
    }

    /// <summary>Room for an event, or null when the port is full. The caller fills and stages it.</summary>
    private T* TryClaimEvent<T>(EgressPort port, EventType type, int extra)
        where T : unmanaged
    {
        byte* claimed = port.Ring.TryClaim((int)type, sizeof(T) + extra);
        if (claimed != null)
            Touch(port);
        return (T*)claimed;
    }

    /// <summary>As <see cref="TryClaimEvent"/>, for events that must not be lost: a session that does not take them ends.</summary>
    private T* TryClaimReply<T>(Session session, EventType type, int extra)
        where T : unmanaged
    {
        EgressPort port = session.Port;
        // A session that has missed one event gets none of those after it, or a confirm would cover a reject that was lost.
        if (session.IsOverrun && type != EventType.SessionClosed)
            return null;
        T* claimed = TryClaimEvent<T>(port, type, extra);
        if (claimed != null)
            return claimed;
        if (port.AlwaysDrained)
            throw new InvalidOperationException($"Egress port {port.Index} is full although its owner drains it: it has {port.Ring.Capacity} bytes.");
        port.MarkOverrun();
        if (!session.IsOverrun)
            _overrunSessions.Add(session);
        session.IsOverrun = true;
        session.IsFaulted = true;
        return null;
    }

    private void Touch(EgressPort port)
    {
        if (!port.IsTouched)
        {
            port.IsTouched = true;
            _touchedPorts.Add(port);
        }
    }

    /// <summary>Takes a table (u16 length, entries) off the front.</summary>
    private static ReadOnlySpan<byte> TakeTable(ref ReadOnlySpan<byte> rest)
    {
        ReadOnlySpan<byte> entries = rest.Slice(sizeof(ushort), BinaryPrimitives.ReadUInt16LittleEndian(rest));
        rest = rest[(sizeof(ushort) + entries.Length)..];
        return entries;
    }

    /// <summary>Takes a string (length byte, UTF-8) off the front.</summary>
    private static ReadOnlySpan<byte> TakeString(ref ReadOnlySpan<byte> strings)
    {
        ReadOnlySpan<byte> value = strings.Slice(1, strings[0]);
        strings = strings[(1 + value.Length)..];
        return value;
    }
}
