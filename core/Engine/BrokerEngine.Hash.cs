using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// A number that two engines share when their durable state is the same. For tests, recovery checks and the simulator.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Hash (FNV-1a, 64 bits) over definitions, publishers' sequences and the messages of durable queues with their state.</summary>
    /// <remarks>Does not depend on sessions, credit or on what is transient. Engine thread; walks everything.</remarks>
    internal ulong StateHash()
    {
        var hash = new Fnv();
        foreach (VirtualHost host in _topology.HostsById())
        {
            hash.Add(host.Id);
            hash.Add(host.Name);
            hash.Add(host.FirstExchangeId);
            hash.Add(host.Arguments);
        }
        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            if (queue.Durable)
                Hash(ref hash, queue);
        }
        foreach (Exchange exchange in _topology.ExchangesById())
        {
            if (exchange.Durable)
                Hash(ref hash, exchange);
        }
        foreach (Publisher publisher in PublishersById())
        {
            hash.Add(publisher.Id);
            hash.Add(publisher.Name);
            hash.Add((long)publisher.Journaled.Last);
            foreach ((ulong first, ulong last) in publisher.Journaled.Holes)
            {
                hash.Add((long)first);
                hash.Add((long)last);
            }
        }
        return hash.Value;
    }

    private static void Hash(ref Fnv hash, BrokerQueue queue)
    {
        hash.Add(queue.Id);
        hash.Add(queue.Host.Id);
        hash.Add(queue.Name);
        hash.Add(queue.Options.AutoDelete ? 1 : 0);
        hash.Add(queue.Options.MaxLength);
        hash.Add(queue.Options.Arguments);
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence = queue.Entries.NextHeld(sequence + 1))
        {
            QueueEntry* entry = queue.Entries.Find(sequence);
            if ((entry->Position & Journal.RecordLog.TransientBit) != 0)
                continue;
            hash.Add(sequence);
            hash.Add(entry->Position);
            hash.Add(entry->PayloadLength);
            // A message that waits for its back-off is ready by the records: nothing is written when it ends.
            EntryState state = entry->State == EntryState.Delayed ? EntryState.Ready : entry->State;
            hash.Add(entry->Priority);
            hash.Add((int)state | (entry->DeliveryCount << 8) | (entry->MaybeDelivered << 24));
        }
        HashScheduled(ref hash, queue);
    }

    private static void HashScheduled(ref Fnv hash, BrokerQueue queue)
    {
        long sum = 0; // They are in no order. Those that were in memory only leave nothing behind, not even that there were some.
        foreach (ref readonly ScheduledMessage message in queue.Scheduled == null ? [] : queue.Scheduled.Items)
        {
            if (BrokerQueue.IsTransient(message.Position))
                continue;
            var one = new Fnv();
            one.Add(message.Number);
            one.Add(message.DueNs);
            one.Add(message.Position);
            one.Add(message.PayloadLength);
            one.Add(message.MaybeDelivered ? 1 : 0);
            sum += (long)one.Value;
        }
        hash.Add(sum);
    }

    private static void Hash(ref Fnv hash, Exchange exchange)
    {
        hash.Add(exchange.Id);
        hash.Add(exchange.Host.Id);
        hash.Add(exchange.Name);
        hash.Add((int)exchange.Kind | ((int)exchange.Options.Flags << 8));
        hash.Add(exchange.Options.Arguments);
        // In the order in which they were made, which is the order of a route.
        for (Binding? binding = exchange.Bindings.First; binding != null; binding = exchange.Bindings.Next(binding))
        {
            if (!binding.Durable)
                continue;
            hash.Add(binding.IsToExchange ? 1 : 0);
            hash.Add(binding.DestinationId);
            hash.Add(binding.Key);
            hash.Add(binding.Arguments);
        }
    }

    private struct Fnv
    {
        private ulong _state;

        public Fnv() => _state = 14695981039346656037;

        internal readonly ulong Value => _state;

        internal void Add(long value)
        {
            for (int i = 0; i < 8; i++, value >>= 8)
                Add((byte)value);
        }

        internal void Add(ReadOnlySpan<byte> bytes)
        {
            Add(bytes.Length);
            foreach (byte b in bytes)
                Add(b);
        }

        private void Add(byte value) => _state = (_state ^ value) * 1099511628211;
    }
}
