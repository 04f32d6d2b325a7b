using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Deleting, and what goes along: auto-delete exchanges that lose their last binding. One change, one group of records.
// A replay does not work out what goes along: bindings of transient queues counted then and are not there now.
internal sealed unsafe partial class BrokerEngine
{
    private readonly RemovalPlan _removal = new();

    // What is to go by itself while the journal could not be told: tried again with every batch.
    private readonly List<BrokerQueue> _dueQueues = [];
    private readonly List<Exchange> _dueExchanges = [];

    private bool HasDueRemovals => _dueQueues.Count + _dueExchanges.Count > 0;

    private bool CanRemoveDue => HasDueRemovals && _durableLog != null && _durableLog.CanAppend(sizeof(uint), reserved: true);

    private static readonly int RemovalLength = RecordLayout.AlignedLength(sizeof(uint));

    /// <summary>Deletes a queue with what goes along; its subscriptions are told.</summary>
    /// <param name="what">What happened to it, for the sentence.</param>
    /// <param name="status">Why not.</param>
    /// <param name="end">Durable up to here makes it durable.</param>
    /// <returns>False: the journal did not take it, and nothing was done.</returns>
    private bool TryRemoveQueue(BrokerQueue queue, string what, out AppendStatus status, out long end)
    {
        _removal.ForQueue(queue);
        ControlRecord? record = queue.Durable ? IdRecord(queue.Id) : null;
        if (!TryJournalRemoval(RecordType.DeleteQueue, queue.Id, record, out status, out end))
            return false;
        RemoveQueue(queue, what);
        ApplyRemoval();
        return true;
    }

    private void RemoveQueue(BrokerQueue queue, string what)
    {
        EndConsumers(queue, $"Queue '{queue.DisplayName}' {what}.");
        ApplyDeleteQueue(queue);
        WakeWaiting(queue);
    }

    /// <summary>Deletes a queue that nobody asked to delete: exclusive, auto-delete. Where the journal cannot be told now, later.</summary>
    private void RemoveQueueByItself(BrokerQueue queue, string what)
    {
        if (TryRemoveQueue(queue, what, out _, out _))
            return;
        if (queue.Durable)
        {
            if (!_dueQueues.Contains(queue))
                _dueQueues.Add(queue);
            return;
        }
        // Only what goes along is in the journal, and of that not all.
        RemoveQueue(queue, what);
        foreach (Exchange exchange in _removal.Exchanges)
        {
            if (exchange.Durable)
                _dueExchanges.Add(exchange);
            else
                _topology.Remove(exchange);
        }
    }

    /// <summary>A queue has one consumer less. Rule Q3.</summary>
    private void OnConsumerGone(BrokerQueue queue)
    {
        if (queue.Options.AutoDelete && queue.Exists && queue.Consumers.Count == 0)
            RemoveQueueByItself(queue, "was deleted with its last subscription");
    }

    private void RemoveOwnedQueues(Session session)
    {
        while (session.HasOwnedQueues)
            RemoveQueueByItself(session.OwnedQueues[^1], "was deleted with the connection that it was exclusive to");
    }

    private void RemoveDue()
    {
        BrokerQueue[] queues = [.. _dueQueues];
        _dueQueues.Clear();
        foreach (BrokerQueue queue in queues)
            OnConsumerGone(queue);
        Exchange[] exchanges = [.. _dueExchanges];
        _dueExchanges.Clear();
        foreach (Exchange exchange in exchanges)
        {
            if (exchange.Exists && exchange.Bindings.Count == 0 && !TryRemoveExchange(exchange, out _, out _))
                _dueExchanges.Add(exchange);
        }
    }

    private bool TryRemoveExchange(Exchange exchange, out AppendStatus status, out long end)
    {
        _removal.ForExchange(exchange);
        ControlRecord? record = exchange.Durable ? IdRecord(exchange.Id) : null;
        if (!TryJournalRemoval(RecordType.DeleteExchange, 0, record, out status, out end))
            return false;
        _topology.Remove(exchange);
        ApplyRemoval();
        return true;
    }

    private void ApplyRemoval()
    {
        foreach (Exchange exchange in _removal.Exchanges)
            _topology.Remove(exchange);
    }

    /// <summary>Writes what is removed, first the thing itself, then what goes along, all or nothing.</summary>
    /// <param name="first">Null when the thing itself is not in the journal.</param>
    private bool TryJournalRemoval(RecordType type, uint streamId, ControlRecord? first, out AppendStatus status, out long end)
    {
        status = AppendStatus.Appended;
        end = 0;
        if (_durableLog == null)
            return true;
        int along = 0;
        foreach (Exchange exchange in _removal.Exchanges)
            along += exchange.Durable ? 1 : 0;
        if (along == 0)
            return first == null || TryAppend(type, streamId, first, out status, out end);

        int firstLength = first == null ? 0 : RecordLayout.AlignedLength(first.Span.Length);
        int most = (_durableLog.MaxBodyLength - firstLength) / RemovalLength;
        if (!_durableLog.TryBeginGroup(firstLength + (Math.Min(along, most) * RemovalLength), out status))
            return false;
        if (first != null)
            TryAppend(type, streamId, first, out status, out _);
        JournalRemovedExchanges(most);
        _durableLog.EndGroup();
        end = _lastDefinition = _durableLog.Tail;
        return true;
    }

    // More than fit into a group go later: an auto-delete exchange without bindings is nothing that should not be there for a while.
    private void JournalRemovedExchanges(int most)
    {
        List<Exchange> exchanges = _removal.Exchanges;
        for (int i = 0; i < exchanges.Count; i++)
        {
            if (!exchanges[i].Durable)
                continue;
            if (most-- > 0)
            {
                TryAppend(RecordType.DeleteExchange, 0, IdRecord(exchanges[i].Id), out AppendStatus _, out _);
                continue;
            }
            _dueExchanges.Add(exchanges[i]);
            exchanges.RemoveAt(i--);
        }
    }

    private static ControlRecord IdRecord(uint id)
    {
        var record = new ControlRecord();
        record.U32(id);
        return record;
    }
}
