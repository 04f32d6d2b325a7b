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

    internal IEnumerable<(string Host, string Name)> QueueKeys => Engine.Topology.QueuesById().Select(queue => (queue.Host.DisplayName, queue.DisplayName));

    /// <summary>Queues whose time has come, in the order in which they will have their turns.</summary>
    internal IEnumerable<(string Host, string Name)> Due(long nowNs, bool isFirstBatch) =>
        Engine.Topology.QueuesById().Select(queue => (Queue: queue, TimeNs: isFirstBatch ? queue.NextTimeNs() : queue.TimerNs)).Where(due => due.TimeNs <= nowNs)
            .OrderBy(due => due.TimeNs).ThenBy(due => due.Queue.Id).Select(due => (due.Queue.Host.DisplayName, due.Queue.DisplayName));

    internal IEnumerable<string> QueueNames(string host) => QueueKeys.Where(key => key.Host == host).Select(key => key.Name);

    internal bool HasExchange(string host, string name) => Host(host) is { } found && found.TryGetExchange(Encoding.UTF8.GetBytes(name), out _);

    internal bool HasBinding(string host, string exchange, NaiveBinding binding) =>
        Host(host) is { } found && found.TryGetExchange(Encoding.UTF8.GetBytes(exchange), out Exchange? source) && Bindings(source).Any(binding.IsSame);

    internal bool HasHost(string name) => Host(name) != null;

    internal EngineQueue? Find(string host, string name)
    {
        if (Host(host) is not { } found || !found.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue))
            return null;
        return new EngineQueue(queue.ReadyCount, queue.UnsettledCount, queue.DelayedCount, queue.ScheduledCount, queue.Entries.Next, queue.Consumers.Count, () => Entries(queue), sequence => Entry(queue, sequence));
    }

    internal IEnumerable<(string Host, string Name, IEnumerable<NaiveBinding> Bindings)> Exchanges =>
        Engine.Topology.ExchangesById().Select(exchange => (exchange.Host.DisplayName, exchange.DisplayName, Bindings(exchange)));

    /// <summary>The binding that a consistent-hash exchange chooses for a message of those that the model has there; null when the exchange is gone.</summary>
    internal NaiveBinding? ChooseByHash(string host, string exchange, IReadOnlyList<NaiveBinding> bindings, string key, NaiveHeaders headers)
    {
        if (Host(host)?.TryGetExchange(Encoding.UTF8.GetBytes(exchange), out Exchange? found) != true)
            return null;
        int place = HashPlaces.PlaceOf(((ConsistentHashExchange)found!).HashOf(new RoutedMessage(Encoding.UTF8.GetBytes(key), headers.Encode())));
        NaiveBinding first = bindings[0];
        foreach (NaiveBinding binding in bindings.Skip(1))
            first = Drawer(binding).IsBefore(Drawer(first), place) ? binding : first;
        return first;
    }

    private static HashDrawer Drawer(NaiveBinding binding) => new(
        binding.ToExchange, Encoding.UTF8.GetBytes(binding.Destination), Encoding.UTF8.GetBytes(binding.Key), NaiveTable.Encode(binding.Arguments), int.Parse(binding.Key, System.Globalization.CultureInfo.InvariantCulture));

    private VirtualHost? Host(string name) => Engine.Topology.TryGetHost(Encoding.UTF8.GetBytes(name), out VirtualHost? host) ? host : null;

    private static IEnumerable<NaiveBinding> Bindings(Exchange exchange)
    {
        for (Binding? binding = exchange.Bindings.First; binding != null; binding = exchange.Bindings.Next(binding))
            yield return View(binding);
    }

    private static NaiveBinding View(Binding binding) =>
        new(binding.IsToExchange, binding.Queue?.DisplayName ?? binding.Exchange!.DisplayName, Encoding.UTF8.GetString(binding.Key), NaiveTable.Decode(binding.Arguments));

    /// <summary>A publication is told when the queue has room again.</summary>
    internal bool IsWaiting(string host, string name, int session, uint publication) =>
        Host(host) is { } found && found.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue) && queue.HasWaiting
        && queue.Waiting.Exists(waiting => !waiting.IsEnded && waiting.Session.Id == session && waiting.Handle == publication); // Another may have had the same numbers.

    /// <summary>The record that the consumers of a queue wait for, which is on the disk alone; null when they wait for none.</summary>
    internal long? AwaitedPosition(string host, string name) =>
        Queue(host, name) is { AwaitsLoad: true } queue && core.Journal!.Log.IsAway(queue.AwaitedPosition) ? queue.AwaitedPosition : null;

    /// <summary>The record of what expired, was on the disk alone and is to be moved when the engine is told that it was loaded, or has left the log; null for none.</summary>
    internal long? AwaitedExpiry(string host, string name) => Queue(host, name) is { ExpiryAwaitsLoad: true } queue ? queue.AwaitedExpiry : null;

    /// <summary>The first sequence that a conflating subscription has not looked at; null when there is no such subscription any more.</summary>
    internal long? NextToLookAt(string host, string name, int session, uint handle)
    {
        foreach (Consumer viewer in Queue(host, name) is { } queue ? queue.Consumers.Viewers : [])
        {
            if (viewer.Session.Id == session && viewer.Handle == handle)
                return viewer.Conflation?.Next;
        }
        return null;
    }

    /// <summary>The segments that can be read without waiting for the disk.</summary>
    internal HashSet<long> SegmentsAtHand()
    {
        RecordLog log = core.Journal!.Log;
        HashSet<long> atHand = [];
        for (long index = log.OldestIndex; index <= log.Active!.Index; index++)
        {
            if (log.IsAtHand(index * log.SegmentSize))
                atHand.Add(index);
        }
        return atHand;
    }

    /// <summary>A queue holds the confirms of a publication back.</summary>
    internal bool IsBlocked(string host, string name, int session, uint publication) =>
        Queue(host, name) is { HasBlocked: true } queue && queue.Blocked.Exists(blocked => blocked.Session.Id == session && blocked.Handle == publication);

    /// <summary>A publication counts a queue among what holds it back.</summary>
    internal bool IsToldBlocked(string host, string name, int session, uint publication) =>
        Queue(host, name) is { HasTold: true } queue && queue.Told.Exists(told => told.Session.Id == session && told.Handle == publication);

    /// <summary>The queues that a publication is held back by, in the order in which it is told of them.</summary>
    /// <param name="names">Some of them.</param>
    internal string[] BlockReasons(string host, List<string> names, int session, uint publication)
    {
        EnginePublication? found = names.Select(name => Queue(host, name)).OfType<BrokerQueue>().Where(queue => queue.HasTold).SelectMany(queue => queue.Told)
            .FirstOrDefault(told => told.Session.Id == session && told.Handle == publication);
        return found == null ? [] : [.. found.BlockReasons.Select(reason => reason?.DisplayName ?? "")];
    }

    /// <summary>Messages that a queue has taken beyond its bounds since it was within them.</summary>
    internal long TakenBeyond(string host, string name) => Queue(host, name)?.TakenBeyond ?? 0;

    private BrokerQueue? Queue(string host, string name) =>
        Host(host) is { } found && found.TryGetQueue(Encoding.UTF8.GetBytes(name), out BrokerQueue? queue) ? queue : null;

    /// <summary>Some queue holds a message that was published so.</summary>
    internal bool Holds(long publishedNs) => Engine.Topology.QueuesById().Any(queue => Entries(queue).Exists(entry => Read(entry.Position)?.PublishedNs == publishedNs));

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

    /// <summary>What is durable in queues, a line for each message: to say where two engines differ.</summary>
    internal static List<string> Describe(BrokerEngine engine)
    {
        var lines = new List<string>();
        foreach (BrokerQueue queue in engine.Topology.QueuesById().Where(queue => queue.Durable))
        {
            lines.Add($"queue {queue.Id} {queue.DisplayName}");
            foreach (EngineEntry entry in Entries(queue).Where(entry => entry.IsJournaled))
                lines.Add($"queue {queue.Id} {queue.DisplayName}: {(entry.State == NaiveEntryState.Delayed ? entry with { State = NaiveEntryState.Ready } : entry)}");
        }
        foreach (Exchange exchange in engine.Topology.ExchangesById().Where(exchange => exchange.Durable))
            lines.AddRange(Bindings(exchange).Select(binding => $"exchange {exchange.Id} {exchange.DisplayName}: {binding}"));
        return lines;
    }

    private static EngineEntry? Entry(BrokerQueue queue, long sequence)
    {
        QueueEntry* entry = queue.Entries.Find(sequence);
        if (entry == null)
            return null;
        NaiveEntryState state = entry->State switch
        {
            EntryState.Unsettled => NaiveEntryState.Unsettled,
            EntryState.Delayed => NaiveEntryState.Delayed,
            _ => NaiveEntryState.Ready,
        };
        return new EngineEntry(sequence, entry->Position, entry->PayloadLength, state, entry->DeliveryCount, entry->MaybeDelivered != 0);
    }

    private static List<EngineEntry> Entries(BrokerQueue queue)
    {
        var entries = new List<EngineEntry>();
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence++)
        {
            if (Entry(queue, sequence) is { } entry)
                entries.Add(entry);
        }
        foreach (ref readonly ScheduledMessage message in queue.Scheduled == null ? [] : queue.Scheduled.Items)
            entries.Add(new EngineEntry(0, message.Position, message.PayloadLength, NaiveEntryState.Scheduled, 0, message.MaybeDelivered));
        return entries;
    }
}

/// <param name="Entries">Looks at every message: slow.</param>
/// <param name="Entry">The message of a sequence.</param>
internal sealed record EngineQueue(
    long Ready, long Unsettled, long Delayed, long Scheduled, long Next, int Consumers, Func<List<EngineEntry>> Entries, Func<long, EngineEntry?> Entry);

internal sealed record EngineEntry(long Sequence, long Position, int PayloadLength, NaiveEntryState State, int Count, bool Maybe)
{
    internal bool IsJournaled => (Position & RecordLog.TransientBit) == 0;
}

internal sealed record EngineMessage(long PublishedNs, long ReceivedNs, string Key, byte[] Headers, byte[] Body);
