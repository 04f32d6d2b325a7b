using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Queues that keep the newest message per key (rule O3). A replay does not look keys up: records name the sequences.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Where a message goes in a queue: to the end, or into the place of the waiting one with its key.</summary>
    /// <param name="isDurable">Its record is in the journal.</param>
    /// <param name="outdated">The waiting one with its key, when its record is not in the same log: that one is dropped, for a replay could
    /// not put one in the place of the other. 0: none.</param>
    private long PlaceOf(BrokerQueue queue, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, bool isDurable, out long outdated)
    {
        outdated = 0;
        if (queue.Options.LastValueKey == null || !TryGetKey(queue, key, headers, out ReadOnlySpan<byte> value))
            return queue.Entries.Next;
        long newest = NewestOf(queue, value, out _);
        QueueEntry* entry = newest == 0 ? null : queue.Entries.Find(newest);
        if (entry == null || entry->State is not (EntryState.Ready or EntryState.Delayed))
            return queue.Entries.Next;
        if (!queue.Durable || BrokerQueue.IsTransient(entry->Position) != isDurable)
            return newest;
        outdated = newest;
        return queue.Entries.Next;
    }

    /// <summary>Plans the place of the message being published.</summary>
    /// <returns>True when it replaces one, so that the queue holds no more messages than before, and its bytes are within the bound.</returns>
    private bool PlanLastValue(BrokerQueue queue, int index, ref Admission admission)
    {
        bool isDurable = admission.Level != DurabilityLevel.Memory;
        _places[index] = PlaceOf(queue, admission.Key, admission.Rest[..admission.HeadersLength], isDurable, out _outdated[index]);
        _hasOutdated |= _outdated[index] != 0;
        long replaced = _outdated[index] != 0 ? _outdated[index] : _places[index];
        return replaced != queue.Entries.Next
            && queue.Bytes + queue.ReservedBytes - queue.Entries.Find(replaced)->PayloadLength + admission.PayloadLength <= queue.Options.MaxBytes;
    }

    /// <summary>Plans that what the message being published replaces at the end of queues leaves them.</summary>
    private void PlanOutdated(ReadOnlySpan<BrokerQueue> route)
    {
        for (int i = 0; i < route.Length; i++)
        {
            if (_outdated[i] == 0 || _places[i] == Elsewhere)
                continue;
            long position = route[i].Entries.Find(_outdated[i])->Position;
            PlanDeparture(route[i], _outdated[i], position, DropReason.Replaced, durableMove: !BrokerQueue.IsTransient(position));
        }
    }

    private void DropReplaced(BrokerQueue queue, long sequence)
    {
        if (queue.Durable && !BrokerQueue.IsTransient(queue.Entries.Find(sequence)->Position))
            WriteDrop(queue, DropReason.Replaced, [new SequenceRange { First = sequence, Count = 1 }], ofScheduled: false);
        ApplyAck(queue, [new SequenceRange { First = sequence, Count = 1 }]);
    }

    /// <summary>From now on the message at <paramref name="sequence"/> is the newest of its key. Before it comes there.</summary>
    private void NoteLastValue(BrokerQueue queue, long sequence, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
    {
        if (_isReplaying || !TryGetKey(queue, key, headers, out ReadOnlySpan<byte> value))
            return;
        if (NewestOf(queue, value, out ulong hash) == sequence)
            return;
        // Older ones are with consumers: each is the newest again when those after it are gone.
        queue.LastValues ??= new LastValues();
        queue.LastValues.Add(hash, sequence);
    }

    /// <summary>A message is about to go.</summary>
    private void ForgetLastValue(BrokerQueue queue, long sequence)
    {
        QueueEntry* entry = queue.Entries.Find(sequence);
        if (entry == null)
            return;
        MessageView view = ViewOf(entry->Position);
        if (TryGetKey(queue, view.RoutingKey, view.Headers, out ReadOnlySpan<byte> value))
            queue.LastValues!.Remove(HashOf(value), sequence);
    }

    /// <summary>Whether a newer message with the key of an unsettled one is held; else that one is the newest again.</summary>
    private bool IsOutdated(BrokerQueue queue, long sequence, long position)
    {
        MessageView view = ViewOf(position);
        if (!TryGetKey(queue, view.RoutingKey, view.Headers, out ReadOnlySpan<byte> value))
            return false;
        long newest = NewestOf(queue, value, out _);
        return newest > sequence;
    }

    private void NoteReturned(BrokerQueue queue, long sequence)
    {
        QueueEntry* entry = queue.Entries.Find(sequence);
        if (entry == null)
            return;
        MessageView view = ViewOf(entry->Position);
        NoteLastValue(queue, sequence, view.RoutingKey, view.Headers);
    }

    /// <summary>After a replay: finds the newest of each key. Older ones that came back with the restart go.</summary>
    private void IndexLastValues(BrokerQueue queue)
    {
        for (long sequence = queue.Entries.Head; sequence < queue.Entries.Next; sequence = queue.Entries.NextHeld(sequence + 1))
        {
            MessageView view = ViewOf(queue.Entries.Find(sequence)->Position);
            if (TryGetKey(queue, view.RoutingKey, view.Headers, out ReadOnlySpan<byte> value))
            {
                long older = NewestOf(queue, value, out _);
                if (older != 0)
                    _leaving.Enqueue((queue, older, DropReason.Replaced));
            }
            NoteLastValue(queue, sequence, view.RoutingKey, view.Headers);
        }
    }

    private long NewestOf(BrokerQueue queue, ReadOnlySpan<byte> value, out ulong hash)
    {
        hash = HashOf(value);
        long newest = 0;
        if (queue.LastValues == null)
            return newest;
        int at = queue.LastValues.First(hash);
        while (true)
        {
            long sequence = queue.LastValues.Next(hash, ref at);
            if (sequence == 0)
                return newest;
            QueueEntry* entry = sequence <= newest ? null : queue.Entries.Find(sequence);
            if (entry == null)
                continue;
            MessageView view = ViewOf(entry->Position);
            if (TryGetKey(queue, view.RoutingKey, view.Headers, out ReadOnlySpan<byte> other) && other.SequenceEqual(value))
                newest = sequence;
        }
    }

    /// <returns>False when the message has no key: it replaces nothing.</returns>
    private static bool TryGetKey(BrokerQueue queue, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, out ReadOnlySpan<byte> value)
    {
        value = key;
        return queue.Options.LastValueKey!.Length == 0 || HeaderKey.TryGet(headers, queue.Options.LastValueKey, out value);
    }

    private static ulong HashOf(ReadOnlySpan<byte> value)
    {
        var hash = new Fnv();
        hash.Add(value);
        return hash.Value ^ (hash.Value >> 32);
    }
}
