using System.Text;
using LowLatency.Core.Engine;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Server.Simulation;

/// <content>What the journal must bring back.</content>
internal sealed partial class NaiveBroker
{
    private readonly List<KeptChange> _kept = [];
    private readonly HashSet<(string Queue, StoredMessage Message)> _everDelivered = [];
    private NaiveState _base = new();

    /// <summary>A change that a record tells of.</summary>
    /// <param name="Begin">The record begins here or later.</param>
    /// <param name="End">The record ends here or before.</param>
    /// <param name="IsOne">It ends at <paramref name="End"/>.</param>
    /// <param name="Change">What it does.</param>
    private sealed record KeptChange(long Begin, long End, bool IsOne, Action<NaiveState, bool> Change);

    /// <param name="end">End of the record, where it is not the last one.</param>
    private void Keep(Action<NaiveState> change, long end = 0) =>
        _kept.Add(new KeptChange(_tailBefore, end != 0 ? end : Log.Tail, IsOne: true, (state, _) => change(state)));

    /// <summary>A change to single messages of a queue; without a record where the journal took none.</summary>
    private void KeepOf(NaiveQueue queue, long[] sequences, Action<NaiveQueue, long> change, long begin = -1)
    {
        if (!queue.Durable)
            return;
        begin = begin < 0 ? _tailBefore : begin;
        if (Log.Tail == begin)
        {
            Check(!IsLogOpen, $"Messages {string.Join(", ", sequences)} of queue {queue.Name} were changed without a record.");
        }
        bool isUncertain = Log.Tail == begin || !IsLogOpen;
        if (isUncertain)
            IsExact = false;
        string name = queue.Name;
        _kept.Add(new KeptChange(begin, Log.Tail, IsOne: false, (state, isCertain) =>
        {
            NaiveQueue changed = state.Queues[name];
            foreach (long sequence in sequences)
            {
                if (!changed.Entries.TryGetValue(sequence, out NaiveEntry? entry))
                    continue;
                if (isCertain && !isUncertain)
                    change(changed, sequence);
                else
                    entry.IsUncertain = true;
            }
        }));
    }

    private void KeepDelivered(NaiveQueue queue, long[] sequences, long tailBefore)
    {
        foreach (long sequence in sequences)
            _everDelivered.Add((queue.Name, queue.Entries[sequence].Message));
        KeepOf(queue, sequences, (changed, sequence) => changed.Deliver(sequence), tailBefore);
    }

    /// <summary>The broker has come back: is everything there that has to be, and nothing else?</summary>
    /// <param name="core">The new run.</param>
    /// <param name="end">Up to where the journal was found.</param>
    /// <param name="flags">What the end of the run before allows to say of deliveries.</param>
    internal void Recover(BrokerCore core, long end, RecoveredFlags flags)
    {
        CheckConfirmed(core, flags);
        NaiveState state = _base;
        foreach (KeptChange kept in _kept)
        {
            if (kept.End <= end)
                kept.Change(state, true);
            else if (!kept.IsOne && kept.Begin < end)
                kept.Change(state, false);
        }
        foreach (NaiveQueue queue in state.Queues.Values)
        {
            Check(core.Engine.Topology.Default.TryGetQueue(Encoding.UTF8.GetBytes(queue.Name), out BrokerQueue? real), $"Queue {queue.Name} did not come back.");
            Recover(queue, real!, flags);
        }
        BrokerQueue[] queues = core.Engine.Topology.QueuesById();
        Check(queues.Length == state.Queues.Count, $"Queues came back: {string.Join(", ", queues.Select(queue => queue.DisplayName))}; expected {string.Join(", ", state.Queues.Keys)}.");
        CheckExchanges(core.Engine.Topology, state);

        _kept.Clear();
        _waitingForDiskSpace.Clear();
        _waitingForMemory.Clear();
        _base = state.CopyDurable();
        _state = state;
        Begin(core);
    }

    private unsafe void Recover(NaiveQueue queue, BrokerQueue real, RecoveredFlags flags)
    {
        Check(real.MaxLength == queue.MaxLength && real.Durable, $"Queue {queue.Name} came back as another.");
        foreach (NaiveEntry entry in queue.Entries.Values.ToArray())
        {
            QueueEntry* found = real.Entries.Find(entry.Sequence);
            if (found == null && entry.IsUncertain)
            {
                queue.Entries.Remove(entry.Sequence); // Settled, and the journal did take it.
                continue;
            }
            Check(found != null, $"Queue {queue.Name} has lost {entry} in the restart.");
            Check(found->State == EntryState.Ready, $"Queue {queue.Name}: state {found->State} of {entry} after the restart.");
            Check(found->PayloadLength == entry.Message.PayloadLength, $"Queue {queue.Name}: length {found->PayloadLength} of {entry} after the restart.");
            if (entry.IsDelivered)
                queue.Return(entry.Sequence);
            bool isFlagged = found->DeliveryCount > 0 || found->MaybeDelivered != 0;
            bool wasDelivered = _everDelivered.Contains((queue.Name, entry.Message));
            Check(isFlagged || !wasDelivered || entry.IsUncertain || flags == RecoveredFlags.Unknown, $"Queue {queue.Name}: {entry} was delivered and is not flagged after the restart.");
            if (flags == RecoveredFlags.Exact && !entry.IsUncertain)
            {
                Check(found->DeliveryCount == entry.Count && found->MaybeDelivered != 0 == entry.Maybe,
                    $"Queue {queue.Name}: count {found->DeliveryCount}, maybe {found->MaybeDelivered} after the restart, expected {entry}.");
                Check(entry.Maybe || isFlagged == wasDelivered, $"Queue {queue.Name}: {entry} is flagged {isFlagged} after the restart.");
            }
            Check(flags != RecoveredFlags.All || found->MaybeDelivered != 0, $"Queue {queue.Name}: {entry} is not flagged after a power cut.");
            if (!isFlagged)
                _everDelivered.Remove((queue.Name, entry.Message));
            entry.Count = found->DeliveryCount;
            entry.Maybe = found->MaybeDelivered != 0;
            entry.IsUncertain = false;
        }
        long ready = queue.Entries.Count;
        Check(real.ReadyCount == ready && real.UnsettledCount == 0, $"Queue {queue.Name} has {real.ReadyCount} ready and {real.UnsettledCount} unsettled after the restart, expected {ready} ready.");
        Check(real.Entries.Next > queue.LastJournaled, $"Queue {queue.Name} goes on at {real.Entries.Next} after {queue.LastJournaled}.");
        queue.Next = real.Entries.Next;
    }

    /// <summary>Everything is durable and the engine is idle: no segment is kept that nothing needs.</summary>
    internal void CheckRetired()
    {
        long needed = Log.Active!.Index;
        foreach (NaiveQueue queue in _state.Queues.Values)
        {
            foreach (NaiveEntry entry in queue.Entries.Values.Where(entry => entry.Message.IsJournaled))
                needed = Math.Min(needed, (entry.Message.End - 1) / Log.SegmentSize);
        }
        for (long index = Log.OldestIndex + 1; index <= needed; index++)
        {
            Check(!Log.FindSegment(index * Log.SegmentSize)!.HasSnapshot,
                $"The journal keeps segments from {Log.OldestIndex} on; the first message is in {needed}, and {index} begins with a snapshot.");
        }
    }

    /// <summary>Apart from the model: what a client was told is there, unless somebody settled it or its queue was deleted.</summary>
    private unsafe void CheckConfirmed(BrokerCore core, RecoveredFlags flags)
    {
        DurabilityLevel surviving = flags == RecoveredFlags.Exact ? DurabilityLevel.Process : DurabilityLevel.Disk;
        foreach (NaiveQueue queue in _state.Queues.Values.Where(queue => queue.Durable))
        {
            foreach (NaiveEntry entry in queue.Entries.Values)
            {
                if (entry.Message.Message.Confirmed < surviving || !entry.Message.IsJournaled)
                    continue;
                bool isThere = core.Engine.Topology.Default.TryGetQueue(Encoding.UTF8.GetBytes(queue.Name), out BrokerQueue? real) && real.Entries.Find(entry.Sequence) != null;
                Check(isThere, $"{entry.Message.Message} was confirmed at level {entry.Message.Message.Confirmed} and is lost, queue {queue.Name}.");
            }
        }
    }

    private static void CheckExchanges(Topology topology, NaiveState state)
    {
        Exchange[] exchanges = [.. topology.ExchangesById().Where(exchange => !exchange.IsBuiltIn)];
        Check(exchanges.Length == state.Exchanges.Count, $"{exchanges.Length} exchanges came back, expected {string.Join(", ", state.Exchanges.Keys)}.");
        foreach (Exchange exchange in exchanges)
        {
            Check(state.Exchanges.TryGetValue(Encoding.UTF8.GetString(exchange.Name), out NaiveExchange? expected), "An exchange came back that was not there.");
            var bindings = new List<(string Key, string Queue)>();
            for (Binding? binding = exchange.Bindings.First; binding != null; binding = exchange.Bindings.Next(binding))
                bindings.Add((Encoding.UTF8.GetString(binding.Key), binding.Queue!.DisplayName));
            Check(bindings.SequenceEqual(expected!.Bindings), $"Exchange {expected.Name} came back with {bindings.Count} bindings, expected {expected.Bindings.Count}, or others.");
        }
    }
}

/// <summary>What is known about deliveries after a restart.</summary>
internal enum RecoveredFlags
{
    /// <summary>The process died: flags and counts are as they were.</summary>
    Exact,

    /// <summary>The power was cut: everything is flagged.</summary>
    All,

    /// <summary>A restart was cut off itself: whatever was delivered is flagged.</summary>
    Delivered,

    /// <summary>The journal had failed.</summary>
    Unknown,
}
