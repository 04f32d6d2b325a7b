using LowLatency.Core.Engine;
using LowLatency.Transport.Sockets;
using LowLatency.Transport.Wire;

namespace LowLatency.Transport.Server;

/// <content>From events to sockets. What the events say is in <see cref="EventHandler"/>.</content>
internal sealed unsafe partial class TransportAgent
{
    /// <summary>Events taken from the egress ring in one poll; a cycle polls until the ring is empty or <see cref="MaxEventPolls"/> is reached.</summary>
    private const int EventBatch = 1024;

    private const int MaxEventPolls = 8;

    /// <summary>Most bytes of waiting deliveries that one connection gets in one duty cycle.</summary>
    private const long BacklogTurnLength = 512 * 1024;

    private ServerConnection[] _due = new ServerConnection[16];
    private int _dueCount;

    private int DrainEvents()
    {
        EventHandler handler = new(this);
        int work = 0;
        for (int i = 0; i < MaxEventPolls; i++)
        {
            int polled = _broker.Port.Ring.Poll(ref handler, EventBatch);
            work += polled;
            if (polled < EventBatch)
                break;
        }

        if (work > 0 && _broker.EngineWake is { } engine && _broker.Port.TakeBlocked())
            engine.Wake(); // On another thread, it waits for the room that was made.
        return work;
    }

    // Every connection in the list gets one send for all that the cycle wrote.
    private int SendDue()
    {
        int work = 0;
        int kept = 0;
        for (int i = 0; i < _dueCount; i++)
        {
            ServerConnection connection = _due[i];
            connection.IsSendDue = false;
            if (connection.State == ConnectionState.Closed)
                continue;
            work++;
            if (!Send(connection))
                continue;
            connection.IsSendDue = true;
            _due[kept++] = connection;
        }

        _dueCount = kept;
        return work;
    }

    private void SendLater(ServerConnection connection)
    {
        if (connection.IsSendDue)
            return;
        if (_dueCount == _due.Length)
            Array.Resize(ref _due, _dueCount * 2);
        connection.IsSendDue = true;
        _due[_dueCount++] = connection;
    }

    /// <returns>True when there is more to send that can be sent: it is due again.</returns>
    private bool Send(ServerConnection connection)
    {
        ConnectionOutput output = connection.Output;
        output.Flush();
        if (!output.IsBlocked && connection.HasWaitingEvents)
            SendWaiting(connection);
        if (output.IsLost)
        {
            Drop(connection);
            return false;
        }

        if (output.IsBlocked)
        {
            AwaitWritable(connection);
            return false;
        }

        if (connection.HasWaitingEvents)
            return true;
        if (connection.State == ConnectionState.Closing)
            EndSending(connection);
        else if (connection.ActiveIndex < 0 && connection.MayReceive)
            _active.Add(connection); // Was not read while its output was blocked.
        return false;
    }

    private void AwaitWritable(ServerConnection connection)
    {
        if (connection.AwaitsWritable)
            return;
        connection.AwaitsWritable = true;
        connection.MayReceive = !connection.HasPeerEnded; // What arrives meanwhile is not looked at, so nobody knows.
        _blockedCount++;
        _poller.Await(connection.Key, PollReadiness.Writable);
    }

    private void SendWaiting(ServerConnection connection)
    {
        if (!WriteWaitingConfirms(connection))
            return;
        long turnEnd = connection.Output.SentLength + BacklogTurnLength;
        DeliverBacklog backlog = connection.Backlog;
        while (backlog.Count > 0 && connection.Output.SentLength < turnEnd)
        {
            if (connection.Output.IsBlocked || !TryWriteWaiting(connection, backlog.Oldest))
                return;
            backlog.Dequeue();
        }

        connection.Output.Flush();
    }

    /// <returns>False when there was no room for all.</returns>
    private static bool WriteWaitingConfirms(ServerConnection connection)
    {
        WaitingConfirms confirms = connection.Confirms;
        int written = 0;
        while (written < confirms.Count && TryWriteConfirm(connection, confirms[written]))
            written++;
        if (written > 0)
            confirms.RemoveFirst(written);
        return confirms.Count == 0;
    }

    private static bool TryWriteConfirm(ServerConnection connection, in ConfirmEvent confirm)
    {
        if (!connection.Output.TryReserve(sizeof(ConfirmFrame), out Span<byte> room))
            return false;
        connection.Output.Append(FrameWriter.WriteConfirm(room, confirm.Publication, confirm.Sequence, (DurabilityLevel)confirm.Level));
        return true;
    }

    internal void Deliver(ServerConnection connection, in DeliverEvent delivery)
    {
        if (connection.State != ConnectionState.Open)
            return; // The engine takes it back with the session.
        if (connection.Output.IsBlocked || connection.Backlog.Count > 0 || !TryWriteDeliver(connection, delivery))
            connection.Backlog.Enqueue(delivery, _broker.Reader);
        SendLater(connection);
    }

    /// <summary>As <see cref="Deliver(ServerConnection, in DeliverEvent)"/>.</summary>
    internal void Deliver(ServerConnection connection, in DeliverConflatedEvent delivery)
    {
        if (connection.State != ConnectionState.Open)
            return;
        if (connection.Output.IsBlocked || connection.Backlog.Count > 0 || !TryWriteConflated(connection, delivery))
            connection.Backlog.Enqueue(delivery, _broker.Reader);
        SendLater(connection);
    }

    /// <summary>Lets a Done wait behind the deliveries that came before it, where there are any.</summary>
    internal static bool TryDelay(ServerConnection connection, in DoneEvent done)
    {
        if (connection.Backlog.Count == 0)
            return false;
        connection.Backlog.Enqueue(done);
        return true;
    }

    internal void Confirm(ServerConnection connection, in ConfirmEvent confirm)
    {
        if (connection.State == ConnectionState.Closing)
            return;
        if (!connection.Output.IsBlocked && connection.Confirms.Count == 0 && TryWriteConfirm(connection, confirm))
            SendLater(connection);
        else if (!connection.Confirms.TryAdd(confirm))
            FailSlowReader(connection);
        else
            SendLater(connection);
    }

    /// <summary>Room for the reply to a request, to be appended to the connection's output at once.</summary>
    /// <returns>False: the connection takes no replies any more. One that lets too many wait is closed.</returns>
    internal bool TryReserveReply(ServerConnection connection, int length, out Span<byte> room)
    {
        room = default;
        if (connection.State is ConnectionState.Closing or ConnectionState.Closed)
            return false;
        // Confirms come before what follows them.
        if (connection.Confirms.Count > 0 && !WriteWaitingConfirms(connection))
        {
            FailSlowReader(connection);
            return false;
        }

        if (!connection.Output.TryReserve(length, out room))
        {
            FailSlowReader(connection);
            return false;
        }

        SendLater(connection);
        return true;
    }

    /// <summary>A request was refused for what its frame says; the connection goes on.</summary>
    internal void RefuseRequest(ServerConnection connection, scoped in FrameError error)
    {
        if (TryReserveReply(connection, FrameWriter.MaxControlLength, out Span<byte> room))
            connection.Output.Append(FrameWriter.WriteFailed(room, error.Request, error.Code, error.Sentence));
    }

    private bool TryWriteWaiting(ServerConnection connection, in WaitingEvent waiting) => waiting.Type switch
    {
        EventType.Deliver => TryWriteDeliver(connection, waiting.Conflated.Deliver),
        EventType.DeliverConflated => TryWriteConflated(connection, waiting.Conflated),
        _ => TryWriteDone(connection.Output, waiting.Done),
    };

    private static bool TryWriteDone(ConnectionOutput output, in DoneEvent done)
    {
        if (!output.TryReserve(sizeof(DoneEvent), out Span<byte> room))
            return false;
        output.Append(FrameWriter.Write(room, FrameType.Done, done));
        return true;
    }

    private bool TryWriteConflated(ServerConnection connection, in DeliverConflatedEvent delivery)
    {
        if (!TryRead(delivery.Deliver.Position, out MessageView message))
            return true;
        ConnectionOutput output = connection.Output;
        bool isSmall = message.PayloadLength < output.LargeLength;
        if (!isSmall)
            output.FlushFrames();
        int length = isSmall ? FrameWriter.LengthOf<DeliverConflatedFrame>(message.PayloadLength) : FrameLayout.DeliverConflatedPayload;
        if (!output.TryReserve(length, out Span<byte> room) || (!isSmall && output.IsBlocked))
            return false;
        if (isSmall)
        {
            FrameWriter.WriteDeliverConflated(
                room, delivery, DispatchedDelta(message), message.DeliveredBlock, new ReadOnlySpan<byte>(message.Payload, message.PayloadLength));
            output.Append(length);
            if (output.PendingLength >= ConnectionOutput.FlushLength)
                output.Flush();
            return true;
        }

        FrameWriter.WriteDeliverConflatedHead(room, delivery, DispatchedDelta(message), message.DeliveredBlock, message.PayloadLength);
        output.Append(length);
        output.FlushWith(message.Payload, message.PayloadLength);
        return true;
    }

    private bool TryRead(long position, out MessageView message)
    {
        if (!CopiedMessage.Is(position))
            return _broker.Reader.TryRead(position, out message);
        message = CopiedMessage.Read(position);
        return true;
    }

    /// <returns>False when it must wait: the output is blocked and nothing was written.</returns>
    private bool TryWriteDeliver(ServerConnection connection, in DeliverEvent delivery)
    {
        if (!TryRead(delivery.Position, out MessageView message))
            return true; // Its queue or subscription is gone: so is the delivery.
        return message.PayloadLength < connection.Output.LargeLength
            ? TryWriteSmall(connection.Output, delivery, message)
            : TryWriteLarge(connection.Output, delivery, message);
    }

    private bool TryWriteSmall(ConnectionOutput output, in DeliverEvent delivery, in MessageView message)
    {
        int length = FrameWriter.DeliverLength(message.PayloadLength);
        if (!output.TryReserve(length, out Span<byte> room))
            return false;
        FrameWriter.WriteDeliver(
            room, delivery.Subscription, delivery.Tag, delivery.QueueSequence, (delivery.Flags & DeliverEvent.RedeliveredFlag) != 0,
            delivery.DeliveryCount, DispatchedDelta(message), message.DeliveredBlock, new ReadOnlySpan<byte>(message.Payload, message.PayloadLength));
        output.Append(length);
        if (output.PendingLength >= ConnectionOutput.FlushLength)
            output.Flush();
        return true;
    }

    private bool TryWriteLarge(ConnectionOutput output, in DeliverEvent delivery, in MessageView message)
    {
        output.FlushFrames();
        if (!output.TryReserve(FrameLayout.DeliverPayload, out Span<byte> room))
            return false;
        if (output.IsBlocked)
            return false; // Making room has blocked it; nothing is appended yet.
        FrameWriter.WriteDeliverHead(
            room, delivery.Subscription, delivery.Tag, delivery.QueueSequence, (delivery.Flags & DeliverEvent.RedeliveredFlag) != 0,
            delivery.DeliveryCount, DispatchedDelta(message), message.DeliveredBlock, message.PayloadLength);
        output.Append(FrameLayout.DeliverPayload);
        output.FlushWith(message.Payload, message.PayloadLength);
        return true;
    }

    private uint DispatchedDelta(in MessageView message)
    {
        long receivedNs = *(long*)(message.DeliveredBlock + (MessageLayout.ReceivedNs - MessageLayout.PublishedNs));
        return (uint)Math.Clamp(_now.UnixNs - receivedNs, 0, uint.MaxValue);
    }
}
