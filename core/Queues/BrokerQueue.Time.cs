namespace LowLatency.Core.Queues;

/// <content>What waits for a time: scheduled messages, back-offs, deadlines, the queue's own end.</content>
internal sealed unsafe partial class BrokerQueue
{
    /// <summary>Messages whose time has not come; null while there was never one.</summary>
    internal ScheduledHeap? Scheduled { get; private set; }

    /// <summary>Delayed messages by the time at which they are ready again.</summary>
    internal TimedHeap? Delays { get; private set; }

    // Where messages replace others in their places: until when the one that has a place now is delayed. Null: no place is taken twice.
    private Dictionary<long, long>? _delayedUntil;

    /// <summary>Messages that expire, by their deadlines.</summary>
    internal TimedHeap? Deadlines { get; private set; }

    /// <summary>Number of the next scheduled message.</summary>
    internal long NextScheduleNumber { get; private set; } = 1;

    /// <summary>When it was last declared, got from, or left by a consumer. Unix time in nanoseconds.</summary>
    internal long UsedNs { get; set; }

    /// <summary>When the engine has to look at it, as it is in the timers. Unix time in nanoseconds; <see cref="long.MaxValue"/> for never.</summary>
    internal long TimerNs { get; set; } = long.MaxValue;

    /// <summary>Its place in the timers; -1 for none. The timers' own.</summary>
    internal int TimerIndex { get; set; } = -1;

    /// <summary>Its timer waits until the journal has room again.</summary>
    internal bool WaitsForSpace { get; set; }

    /// <summary>When it is deleted unless it is used before; <see cref="long.MaxValue"/> for never.</summary>
    internal long ExpiresNs => Options.ExpiresMs < 0 || Consumers.Count > 0 ? long.MaxValue : UsedNs + Options.ExpiresMs * NsPerMs;

    /// <summary>The first time at which something is to be done. Unix time in nanoseconds; <see cref="long.MaxValue"/> for never.</summary>
    internal long NextTimeNs()
    {
        long next = Math.Min(Scheduled?.NextNs ?? long.MaxValue, Delays?.NextNs ?? long.MaxValue);
        return Math.Min(Math.Min(next, NextDeadlineNs), EndsNs);
    }

    /// <summary>When a message expires next that need not wait for another; <see cref="long.MaxValue"/> for never.</summary>
    internal long NextDeadlineNs
    {
        get
        {
            long next = Deadlines?.NextNs ?? long.MaxValue;
            return ExpiryAwaitsLoad && next >= AwaitedExpiryNs ? long.MaxValue : next;
        }
    }

    /// <summary>As <see cref="ExpiresNs"/>, but not while a message that expired before is on its way to where it is moved.</summary>
    internal long EndsNs => ExpiryAwaitsLoad && AwaitedExpiryNs <= ExpiresNs ? long.MaxValue : ExpiresNs;

    private const long NsPerMs = 1_000_000;

    /// <summary>When a message expires here, by rule T1; <see cref="long.MaxValue"/> for never.</summary>
    /// <param name="fromNs">When it was received, or due.</param>
    /// <param name="ttlMs">The message's own; -1 for none.</param>
    internal long DeadlineOf(long fromNs, long ttlMs)
    {
        long ttl = Options.MessageTtlMs < 0 || (ttlMs >= 0 && ttlMs < Options.MessageTtlMs) ? ttlMs : Options.MessageTtlMs;
        // Never within the batch in which it came.
        return ttl < 0 ? long.MaxValue : fromNs + Math.Max(ttl * NsPerMs, 1);
    }

    internal void AddScheduled(in ScheduledMessage message)
    {
        (Scheduled ??= new ScheduledHeap()).Push(in message);
        NextScheduleNumber = Math.Max(NextScheduleNumber, message.Number + 1);
        Bytes += message.PayloadLength;
    }

    /// <summary>Takes the first scheduled message out. It gets its place with <see cref="Enqueue"/>.</summary>
    internal ScheduledMessage TakeScheduled()
    {
        ScheduledMessage message = Scheduled!.Pop();
        Bytes -= message.PayloadLength;
        return message;
    }

    /// <summary>Replay: as <see cref="TakeScheduled"/>, where one that was moved is there once for each of its records: the newest counts.</summary>
    internal ScheduledMessage TakeScheduledOnce()
    {
        ScheduledMessage message = TakeScheduled();
        while (Scheduled!.Count > 0 && Scheduled.First.Number == message.Number)
        {
            ScheduledMessage other = TakeScheduled();
            EntryMarks marks = (message.Marks | other.Marks) & EntryMarks.MaybeDelivered;
            message = other.Position > message.Position ? other : message;
            message.Marks |= marks;
        }
        return message;
    }

    /// <summary>After the replay: each scheduled message is there once.</summary>
    internal void UniteScheduled()
    {
        int count = Scheduled?.Count ?? 0;
        if (count == 0)
            return;
        var once = new List<ScheduledMessage>(count);
        while (Scheduled!.Count > 0)
            once.Add(TakeScheduledOnce());
        foreach (ScheduledMessage message in once)
            AddScheduled(in message);
    }

    /// <summary>Replay of a snapshot: where the queue's schedule numbers go on.</summary>
    internal void ResetScheduleNumber(long next) => NextScheduleNumber = Math.Max(NextScheduleNumber, next);

    /// <summary>The back-off of a message that comes back for the so many-th time, by rule O5, in nanoseconds; 0 for none.</summary>
    internal long BackOffNs(int returns)
    {
        long delay = Options.RedeliveryDelayMs;
        if (delay == 0)
            return 0;
        int doublings = Math.Min(returns - 1, 62);
        long delayMs = delay > Options.RedeliveryDelayMaxMs >> doublings ? Options.RedeliveryDelayMaxMs : delay << doublings;
        return delayMs * NsPerMs;
    }

    /// <summary>Puts a delivered message back, to be ready in its place after its back-off.</summary>
    internal bool TryDefer(long sequence, long nowNs)
    {
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null || entry->State != EntryState.Unsettled)
            return false;
        CountReturn(entry);
        UnsettledCount--;
        DelayedCount++;
        entry->State = EntryState.Delayed;
        AddDelay(sequence, nowNs + BackOffNs(entry->DeliveryCount));
        return true;
    }

    private void AddDelay(long sequence, long untilNs)
    {
        (Delays ??= new TimedHeap()).Push(untilNs, sequence);
        if (Options.LastValueKey != null)
            (_delayedUntil ??= [])[sequence] = untilNs;
    }

    /// <summary>A time in <see cref="Delays"/> is that of the message which has the place now, not of one that it replaced.</summary>
    internal bool IsDelayedUntil(long sequence, long untilNs) =>
        _delayedUntil == null || (_delayedUntil.TryGetValue(sequence, out long now) && now == untilNs);

    /// <summary>Makes delayed messages ready whose time has come.</summary>
    /// <param name="most">Most to look at.</param>
    /// <returns>How many were looked at.</returns>
    internal int RunDelays(long nowNs, int most)
    {
        int count = 0;
        while (count < most && Delays != null && Delays.NextNs <= nowNs)
        {
            EndDelay(Delays.Pop(out long untilNs), untilNs);
            count++;
        }
        return count;
    }

    // By the order of times: when this one was ready, so were all before it.
    private void ReplayDelaysUpTo(long sequence)
    {
        while (Delays is { Count: > 0 })
        {
            long ended = Delays.Pop(out long untilNs);
            if (EndDelay(ended, untilNs) && ended == sequence)
                return;
        }
    }

    /// <summary>Replay of a message in its back-off.</summary>
    internal void ReplayDelayed(QueueEntry* entry, long sequence, long untilNs)
    {
        CountOff(entry->State);
        entry->State = EntryState.Delayed;
        DelayedCount++;
        UnpushReady(entry->Priority, sequence);
        AddDelay(sequence, untilNs);
    }

    /// <returns>False where the message expired meanwhile, or was replaced.</returns>
    private bool EndDelay(long sequence, long untilNs)
    {
        if (!IsDelayedUntil(sequence, untilNs))
            return false;
        _delayedUntil?.Remove(sequence);
        QueueEntry* entry = Entries.Find(sequence);
        if (entry == null || entry->State != EntryState.Delayed)
            return false;
        DelayedCount--;
        MakeReady(entry, sequence);
        return true;
    }

    /// <summary>Remembers when a message expires.</summary>
    internal void AddDeadline(QueueEntry* entry, long sequence, long deadlineNs)
    {
        entry->HasDeadline = true;
        entry->IsTimed = true;
        (Deadlines ??= new TimedHeap()).Push(deadlineNs, sequence);
    }

    private void MarkStaleDeadline(QueueEntry* entry)
    {
        entry->IsTimed = false;
        if (Deadlines!.MarkStale())
            Deadlines.Compact(Entries);
    }

    private void ClearTimes(Action<MessageHold>? released)
    {
        if (released != null && Scheduled != null)
        {
            foreach (ref readonly ScheduledMessage message in Scheduled.Items)
                released(message.Hold);
        }
        Scheduled = null;
        Delays = null;
        _delayedUntil = null;
        Deadlines = null;
    }
}
