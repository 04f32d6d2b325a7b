using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Server.Simulation;

/// <summary>The engine as the model looks at it: the only place that knows how the engine keeps things.</summary>
internal sealed unsafe class EngineView(BrokerCore core, MessageReader reader)
{
    private BrokerEngine Engine => core.Engine;

    internal IEnumerable<(string Host, string Name)> QueueKeys => Engine.Topology.QueuesById().Select(queue => ("/", Encoding.UTF8.GetString(queue.Name)));

    internal IEnumerable<string> QueueNames(string host) => QueueKeys.Where(key => key.Host == host).Select(key => key.Name);

    internal EngineQueue? Find(string host, string name)
    {
        if (host != "/" || !Engine.Topology.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue))
            return null;
        return new EngineQueue(queue.ReadyCount, queue.UnsettledCount, 0, 0, queue.Entries.Next, queue.Consumers.Length, () => Entries(queue));
    }

    internal IEnumerable<(string Host, string Name, IEnumerable<NaiveBinding> Bindings)> Exchanges => Engine.Topology.ExchangesById().Select(exchange =>
        ("/", Encoding.UTF8.GetString(exchange.Name), exchange.Routes.SelectMany(route => route.Value.Select(queue =>
            new NaiveBinding(false, Encoding.UTF8.GetString(queue.Name), Encoding.UTF8.GetString(route.Key), new NaiveTable())))));

    /// <summary>The binding that a consistent-hash exchange chooses for a message.</summary>
    internal NaiveBinding? ChooseByHash(string host, NaiveExchange exchange, string key, NaiveHeaders headers) => null;

    /// <summary>A message as it stands in its log.</summary>
    internal EngineMessage? Read(long position)
    {
        reader.Enter();
        EngineMessage? message = reader.TryRead(position, out MessageView view)
            ? new EngineMessage(view.PublishedNs, view.ReceivedNs, Encoding.UTF8.GetString(view.RoutingKey), view.Headers.ToArray(), view.Body.ToArray())
            : null;
        reader.Exit();
        return message;
    }

    private static List<EngineEntry> Entries(BrokerQueue queue)
    {
        var entries = new List<EngineEntry>();
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
        {
            QueueEntry* entry = queue.Entries.Find(sequence);
            if (entry == null)
                continue;
            NaiveEntryState state = entry->State == EntryState.Unsettled ? NaiveEntryState.Unsettled : NaiveEntryState.Ready;
            entries.Add(new EngineEntry(sequence, entry->Position, entry->PayloadLength, state, entry->DeliveryCount, entry->MaybeDelivered != 0));
        }
        return entries;
    }
}

/// <param name="Entries">Looks at every message: slow.</param>
internal sealed record EngineQueue(long Ready, long Unsettled, long Delayed, long Scheduled, long Next, int Consumers, Func<List<EngineEntry>> Entries);

internal sealed record EngineEntry(long Sequence, long Position, int PayloadLength, NaiveEntryState State, int Count, bool Maybe)
{
    internal bool IsJournaled => (Position & RecordLog.TransientBit) == 0;
}

internal sealed record EngineMessage(long PublishedNs, long ReceivedNs, string Key, byte[] Headers, byte[] Body);
