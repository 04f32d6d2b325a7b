using LowLatency.Core.Engine;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Queues;

/// <summary>A queue: entries in order, who takes them, and its bound. Engine thread only.</summary>
/// <remarks>
/// Each entry is gone, ready or unsettled. Ready are: everything from <see cref="Cursor"/> on, and before it what came back
/// (<c>_returned</c>, delivered first, so that order is kept). <c>Entries.Head &lt;= Cursor &lt;= Entries.Next</c>.
/// </remarks>
internal sealed unsafe class BrokerQueue
{
    private readonly SequenceHeap _returned = new();

    internal BrokerQueue(uint id, VirtualHost host, byte[] name, QueueOptions options, EntryPool pool)
    {
        Id = id;
        Host = host;
        Name = name;
        DisplayName = NameRules.Text(name);
        Options = options;
        Consumers = new ConsumerSet(options.SingleActiveConsumer);
        Entries = new DispatchRing(pool);
        Cursor = Entries.Next;
    }

    internal uint Id { get; }

    internal VirtualHost Host { get; }

    internal byte[] Name { get; }

    /// <summary>The name for sentences.</summary>
    internal string DisplayName { get; }

    /// <summary>What it was declared with.</summary>
    internal QueueOptions Options { get; }

    internal bool Durable => Options.Durable;

    /// <summary>Most messages waiting and unsettled.</summary>
    internal long MaxLength => Options.MaxLength;

    internal DispatchRing Entries { get; }

    /// <summary>Sequence of the first message that was never delivered.</summary>
    internal long Cursor { get; private set; }

    internal long ReadyCount { get; private set; }

    internal long UnsettledCount { get; private set; }

    internal long Count => ReadyCount + UnsettledCount;

    internal bool IsFull => Count >= MaxLength;

    internal ConsumerSet Consumers { get; }

    /// <summary>End of its definition record; 0 when it is not durable.</summary>
    internal long DefinedAt { get; set; }

    /// <summary>When it was last declared, got from, or left by a consumer.</summary>
    internal long UsedNs { get; set; }

    /// <summary>False once deleted.</summary>
    internal bool Exists { get; set; } = true;

    /// <summary>A direct reply-to address: one subscription's own, and hidden from others.</summary>
    internal bool IsReplyTo { get; init; }

    /// <summary>Its last turn could not be journaled yet.</summary>
    internal bool IsHeld { get; set; }

    /// <summary>In the engine's list of queues that may have something to deliver.</summary>
    internal bool IsScheduled { get; set; }

    /// <summary>Publications that were rejected because this queue is full; told when it has room again.</summary>
    internal List<EnginePublication> Waiting { get; } = [];

    /// <summary>Room enough to wake those that wait: an eighth of the bound, so that they do not bounce on it.</summary>
    internal bool HasRoomAgain => Count <= MaxLength - Math.Max(1, MaxLength / 8);

    /// <summary>Bindings to it.</summary>
    internal BindingChain Bindings { get; } = new(ofDestination: true);

    /// <summary>The walk that met it last: see <see cref="Router"/>.</summary>
    internal long RouteStamp { get; set; }

    /// <summary>Session of the connection that alone may use it; null for all.</summary>
    internal Session? Owner { get; init; }

    /// <summary>Cursor that the last Delivered record has named.</summary>
    internal long JournaledCursor { get; set; } = 1;

    /// <summary>Sequences redelivered since the last Delivered record.</summary>
    internal SequenceRanges Redelivered { get; } = new();

    /// <summary>Adds a message at the end.</summary>
    internal void Enqueue(long sequence, long position, int payloadLength)
    {
        if (Entries.Head == Entries.Next)
        {
            Cursor = sequence;
            // In a replay it may be below what a snapshot named: that run had messages in memory only, and their sequences were given again.
            JournaledCursor = Math.Min(JournaledCursor, sequence);
        }
        QueueEntry* entry = Entries.Append(sequence);
        entry->Position = position;
        entry->PayloadLength = payloadLength;
        entry->DeliveryCount = 0;
        entry->MaybeDelivered = 0;
        entry->State = EntryState.Ready;
        ReadyCount++;
    }

    /// <summary>The next message in order, without taking it; null when nothing is ready.</summary>
    internal QueueEntry* PeekReady(out long sequence)
    {
        while (_returned.Count > 0)
        {
            sequence = _returned.Peek();
            QueueEntry* entry = Entries.Find(sequence);
            if (entry != null && entry->State == EntryState.Ready)
                return entry;
            _returned.Pop();
        }
        while (Cursor < Entries.Next)
        {
            QueueEntry* entry = Entries.Find(Cursor);
            if (entry != null)
            {
                sequence = Cursor;
                return entry;
            }
            Cursor++;
        }
        sequence = 0;
        return null;
    }

    /// <summary>Marks what <see cref="PeekReady"/> gave as delivered.</summary>
    internal void Take(QueueEntry* entry, long sequence)
    {
        if (_returned.Count > 0)
        {
            _returned.Pop();
            Redelivered.Add(sequence);
        }
        else
        {
            Cursor = sequence + 1;
        }
        entry->State = EntryState.Unsettled;
        ReadyCount--;
        UnsettledCount++;
    }

    /// <summary>Removes a message for good, whatever its state.</summary>
    /// <param name="position">Where its record is, for the log to forget it.</param>
    internal bool TryRemove(long sequence, out long position)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null)
        {
            position = 0;
            return false;
        }
        position = entry->Position;
        if (entry->State == EntryState.Ready)
            ReadyCount--;
        else
            UnsettledCount--;
        entry->State = EntryState.Gone;
        if (sequence == Entries.Head)
        {
            Entries.AdvanceHead();
            if (Cursor < Entries.Head)
                Cursor = Entries.Head;
        }
        return true;
    }

    /// <summary>Puts a delivered message back to its place, with a higher count.</summary>
    internal bool TryReturn(long sequence)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null || entry->State != EntryState.Unsettled)
            return false;
        entry->State = EntryState.Ready;
        if (entry->DeliveryCount < ushort.MaxValue)
            entry->DeliveryCount++;
        UnsettledCount--;
        ReadyCount++;
        _returned.Push(sequence);
        return true;
    }

    /// <summary>Replay of a Delivered record: everything before <paramref name="cursor"/> that is ready was delivered.</summary>
    internal void ReplayDelivered(long cursor)
    {
        for (; Cursor < cursor && Cursor < Entries.Next; Cursor++)
        {
            QueueEntry* entry = Entries.Find(Cursor);
            if (entry != null)
                MarkUnsettled(entry);
        }
        // Not the record's cursor: past messages that were in memory only it is ahead of sequences that will be given again.
        JournaledCursor = Math.Max(JournaledCursor, Cursor);
    }

    /// <summary>Replay of a redelivery.</summary>
    internal void ReplayRedelivered(long sequence)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry != null && entry->State == EntryState.Ready)
            MarkUnsettled(entry);
    }

    private void MarkUnsettled(QueueEntry* entry)
    {
        entry->State = EntryState.Unsettled;
        ReadyCount--;
        UnsettledCount++;
    }

    /// <summary>All consumers are gone: what was delivered and not settled returns.</summary>
    /// <param name="maybeDelivered">Also what looks undelivered may have been: the end of the journal was lost.</param>
    internal void Restart(bool maybeDelivered)
    {
        for (long sequence = Entries.Head; sequence < Entries.Next; sequence++)
        {
            QueueEntry* entry = Entries.Find(sequence);
            if (entry == null)
                continue;
            if (maybeDelivered)
                entry->MaybeDelivered = 1;
            if (entry->State == EntryState.Unsettled)
                TryReturn(sequence);
        }
    }

    /// <summary>Replay of a snapshot: where the queue's sequences go on.</summary>
    internal void ResetTo(long next)
    {
        Entries.Reset(next);
        Cursor = next;
        JournaledCursor = next;
    }
}
