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
            if (consumer is not { Queue.IsReplyTo: true, IsEnded: false })
                continue;
            Fail(session, command.Request, ErrorCode.PreconditionFailed, $"This session has the direct reply-to address '{consumer.Queue.DisplayName}' already: it can have one.");
            return;
        }
        byte[] name;
        do
            name = ServerNames.Make(ReplyToPrefix, session.Nonce, session.NextNameNumber++);
        while (session.Host.TryGetQueue(name, out _));
        var options = new QueueOptions { AutoDelete = true, MaxLength = _limits.DefaultReplyLength, Overflow = OverflowPolicy.RejectPublish };
        var queue = new BrokerQueue(_nextQueueId++, session.Host, name, options, _entryPool) { IsReplyTo = true };
        _topology.Add(queue);
        Subscribe(session, in command, queue, default);
        OnConsumerGone(queue); // Where there was no room for the answer, the session ends, and nobody has subscribed.
    }
}
