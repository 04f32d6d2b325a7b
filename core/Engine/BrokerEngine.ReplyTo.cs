using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Direct reply-to: an address of a session, without a queue that anybody declares.
internal sealed unsafe partial class BrokerEngine
{
    private static ReadOnlySpan<byte> ReplyToName => "amq.rabbitmq.reply-to"u8;

    private static ReadOnlySpan<byte> ReplyToPrefix => "amq.rabbitmq.reply-to."u8;

    private void SubscribeReplyTo(Session session, in SubscribeCommand command)
    {
        if ((SubscribeFlags)command.Flags != SubscribeFlags.NoAck)
        {
            Fail(session, command.Request, ErrorCode.PreconditionFailed, "Direct reply-to is consumed with no-ack, and nothing else: subscribe with flags 1.");
            return;
        }
        foreach (Consumer? consumer in session.Consumers.Items)
        {
            if (consumer is not { OwnsQueue: true, IsEnded: false })
                continue;
            Fail(session, command.Request, ErrorCode.PreconditionFailed, $"This session has the direct reply-to address '{consumer.Queue.DisplayName}' already: it can have one.");
            return;
        }
        byte[] name;
        do
            name = ServerNames.Make(ReplyToPrefix, session.Nonce, session.NextNameNumber++);
        while (_topology.TryGetQueue(name, out _));
        var options = new QueueOptions { MaxLength = _limits.DefaultReplyLength, Overflow = OverflowPolicy.RejectPublish };
        var queue = new BrokerQueue(_nextQueueId++, _topology.Default, name, options, _entryPool) { IsReplyTo = true };
        _topology.Add(queue);
        Subscribe(session, in command, queue, default, ownsQueue: true);
        if (queue.Consumers.Count == 0)
            DropReplyQueue(queue); // The answer found no room: the session ends.
    }

    private void DropReplyQueue(BrokerQueue queue)
    {
        ApplyDeleteQueue(queue);
        WakeWaiting(queue);
    }
}
