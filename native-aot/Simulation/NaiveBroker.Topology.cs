using LowLatency.Core.Engine;

namespace LowLatency.Server.Simulation;

/// <content>Definitions.</content>
internal sealed partial class NaiveBroker
{
    private void OnDeclareQueue(NaiveSession session, DeclareQueue command)
    {
        long maxLength = command.MaxLength == 0 ? limits.DefaultQueueLength : command.MaxLength;
        if (_state.Queues.TryGetValue(command.Queue, out NaiveQueue? queue))
        {
            if (!command.Passive && (queue.Durable != command.Durable || queue.MaxLength != maxLength))
                Fail(session, command.Request, ErrorCode.PreconditionFailed);
            else
                WhenDurable(session, command.Request, EventType.QueueDeclared, queue.DefinedAt);
            return;
        }
        if (command.Passive)
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (_state.Queues.Count >= limits.MaxQueues)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        if (command.Durable && !WasDefined(session, command.Request))
            return;
        queue = new NaiveQueue(command.Queue, command.Durable, maxLength) { DefinedAt = command.Durable ? Log.Tail : 0 };
        _state.Queues.Add(command.Queue, queue);
        if (command.Durable)
            Keep(state => state.Queues.Add(command.Queue, new NaiveQueue(command.Queue, durable: true, maxLength)));
        WhenDurable(session, command.Request, EventType.QueueDeclared, queue.DefinedAt);
    }

    private void OnDeleteQueue(NaiveSession session, DeleteQueue command)
    {
        if (!_state.Queues.TryGetValue(command.Queue, out NaiveQueue? queue))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (queue.Durable && !WasDefined(session, command.Request))
            return;
        foreach (NaiveConsumer consumer in queue.Consumers)
        {
            consumer.IsEnded = true;
            consumer.Unsettled.Clear();
            Tell(consumer.Session, new ExpectedEvent(EventType.SubscriptionEnded, consumer.Handle, 0, ErrorCode.NotFound, "", false));
        }
        _state.DeleteQueue(command.Queue);
        if (queue.Durable)
            Keep(state => state.DeleteQueue(command.Queue));
        WakeWaiting(queue);
        WhenDurable(session, command.Request, EventType.Done, queue.Durable ? Log.Tail : 0);
    }

    private void OnDeclareExchange(NaiveSession session, DeclareExchange command)
    {
        if (_state.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange))
        {
            if (exchange.Durable != command.Durable)
                Fail(session, command.Request, ErrorCode.PreconditionFailed);
            else
                WhenDurable(session, command.Request, EventType.Done, exchange.DefinedAt);
            return;
        }
        if (_state.Exchanges.Count >= limits.MaxExchanges)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        if (command.Durable && !WasDefined(session, command.Request))
            return;
        exchange = new NaiveExchange(command.Exchange, command.Durable) { DefinedAt = command.Durable ? Log.Tail : 0 };
        _state.Exchanges.Add(command.Exchange, exchange);
        if (command.Durable)
            Keep(state => state.Exchanges.Add(command.Exchange, new NaiveExchange(command.Exchange, durable: true)));
        WhenDurable(session, command.Request, EventType.Done, exchange.DefinedAt);
    }

    private void OnDeleteExchange(NaiveSession session, DeleteExchange command)
    {
        if (!_state.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange))
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (exchange.Durable && !WasDefined(session, command.Request))
            return;
        exchange.Exists = false;
        _state.Exchanges.Remove(command.Exchange);
        if (exchange.Durable)
            Keep(state => state.Exchanges.Remove(command.Exchange));
        WhenDurable(session, command.Request, EventType.Done, exchange.Durable ? Log.Tail : 0);
    }

    private void OnBind(NaiveSession session, Bind command)
    {
        if (!_state.Exchanges.TryGetValue(command.Exchange, out NaiveExchange? exchange) || !_state.Queues.TryGetValue(command.Queue, out NaiveQueue? queue))
        {
            Fail(session, command.Request, command.Exchange.Length == 0 ? ErrorCode.AccessRefused : ErrorCode.NotFound);
            return;
        }
        (string Key, string Queue) binding = (command.Key, command.Queue);
        bool isBound = exchange.Bindings.Contains(binding);
        if (!command.IsBind && !isBound)
        {
            Fail(session, command.Request, ErrorCode.NotFound);
            return;
        }
        if (command.IsBind && !isBound && _state.Exchanges.Values.Sum(known => known.Bindings.Count) >= limits.MaxBindings)
        {
            Fail(session, command.Request, ErrorCode.LimitReached);
            return;
        }
        bool isKept = exchange.Durable && queue.Durable && command.IsBind != isBound;
        if (isKept && !WasDefined(session, command.Request))
            return;
        if (command.IsBind != isBound)
            Change(exchange);
        if (isKept)
            Keep(state => Change(state.Exchanges[command.Exchange]));
        // Bound before, by somebody who may not have been answered yet: at the latest with everything.
        WhenDurable(session, command.Request, EventType.Done, isKept ? Log.Tail : 0);

        void Change(NaiveExchange changed)
        {
            if (command.IsBind)
                changed.Bindings.Add(binding);
            else
                changed.Bindings.Remove(binding);
        }
    }
}
