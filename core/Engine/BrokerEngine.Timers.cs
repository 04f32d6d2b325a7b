using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// What happens by itself at a time: messages expire, become due or ready again, queues end. Before the commands of a batch; each
// decision is a record, so that a replay does not decide again (rule T3).
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>Messages in one batch; the rest with the next ones.</summary>
    private const int MaxTimedPerBatch = 1024;

    private readonly QueueTimers _timers = new();
    private readonly List<BrokerQueue> _timersWithoutSpace = [];
    private readonly List<BrokerQueue> _dueNow = [];
    private readonly List<(long TimeNs, long Sequence)> _expired = [];

    /// <summary>What has expired as well, and is on the disk alone or behind such in the queue.</summary>
    private readonly List<(long TimeNs, long Sequence)> _held = [];
    private long _firstHeld = long.MaxValue;

    private ScheduledMessage[] _due = new ScheduledMessage[16];
    private long[] _duePlaces = new long[16];

    /// <summary>When something happens by itself next. Unix time in nanoseconds; <see cref="long.MaxValue"/> for never.</summary>
    internal long NextDueNs => Math.Min(_timers.NextNs, _pullDeadlines.NextNs);

    /// <summary>Messages that expired, since the start.</summary>
    internal long ExpiredCount { get; private set; }

    private int SpaceTimers => _timersWithoutSpace.Count + (_leavingWaitsForSpace || _toTrim.Count > 0 ? 1 : 0);

    /// <summary>The queue was used just now: declared, got from, or left by a consumer.</summary>
    private void Used(BrokerQueue queue)
    {
        queue.UsedNs = _nowNs;
        if (queue.Options.ExpiresMs >= 0 && queue.Exists)
            HasTimeAt(queue, queue.ExpiresNs);
    }

    private void HasTimeAt(BrokerQueue queue, long timeNs)
    {
        if (timeNs < queue.TimerNs && !_isReplaying && !queue.WaitsForSpace)
            _timers.Set(queue, timeNs);
    }

    /// <summary>The journal has room again for what waited for it.</summary>
    private void ResumeTimers()
    {
        foreach (BrokerQueue queue in _timersWithoutSpace)
        {
            queue.WaitsForSpace = false;
            if (queue.Exists)
                _timers.Set(queue, queue.NextTimeNs());
        }
        _timersWithoutSpace.Clear();
        _leavingWaitsForSpace = false;
        if (_toTrim.Count > 0)
            Trim();
    }

    /// <summary>A message that was to be moved has been brought into memory.</summary>
    private void ResumeExpiry(BrokerQueue queue)
    {
        queue.ExpiryAwaitsLoad = false;
        if (!queue.WaitsForSpace)
            _timers.Set(queue, queue.NextTimeNs());
    }

    /// <summary>One turn for each queue whose time has come, the earliest first. What comes into queues meanwhile has its turn with the next batch.</summary>
    private void RunTimers()
    {
        while (_timers.NextNs <= _nowNs)
        {
            _dueNow.Add(_timers.First);
            _timers.Set(_timers.First, long.MaxValue);
        }
        int budget = MaxTimedPerBatch;
        bool isJournalReady = true;
        foreach (BrokerQueue queue in _dueNow)
        {
            AppendStatus status = AppendStatus.Appended;
            if (budget > 0 && queue.Exists)
                status = RunTimer(queue, isJournalReady, ref budget);
            if (status == AppendStatus.NotReady)
                isJournalReady = false;
            else if (status != AppendStatus.Appended)
                WaitForSpace(queue);
            if (queue.Exists && !queue.WaitsForSpace)
                _timers.Set(queue, queue.NextTimeNs());
        }
        _dueNow.Clear();
    }

    private void WaitForSpace(BrokerQueue queue)
    {
        _timers.Set(queue, long.MaxValue);
        queue.WaitsForSpace = true;
        _timersWithoutSpace.Add(queue);
    }

    /// <param name="isJournalReady">False: only what needs no record, which is that back-offs end.</param>
    private AppendStatus RunTimer(BrokerQueue queue, bool isJournalReady, ref int budget)
    {
        AppendStatus status = isJournalReady ? AppendStatus.Appended : AppendStatus.NotReady;
        if (status == AppendStatus.Appended && queue.NextDeadlineNs <= _nowNs)
            status = Expire(queue, ref budget);
        while (status == AppendStatus.Appended && budget > 0 && queue.Scheduled != null && queue.Scheduled.NextNs <= _nowNs)
            status = TryMakeDue(queue, ref budget);
        if (status is not (AppendStatus.Appended or AppendStatus.NotReady))
            return status;
        int ended = queue.RunDelays(_nowNs, budget);
        budget -= ended;
        if (ended > 0)
        {
            TrimReady(queue);
            Schedule(queue);
        }
        if (status == AppendStatus.Appended && budget > 0 && queue.EndsNs <= _nowNs)
            TryRemoveQueue(queue, $"was deleted: nobody used it for {queue.Options.ExpiresMs} ms", out status, out _);
        return status;
    }

    /// <summary>Removes messages whose time is up, wherever they stand. Those that are to be moved and are on the disk alone stay; the first of them is asked for.</summary>
    private AppendStatus Expire(BrokerQueue queue, ref int budget)
    {
        long untilNs = queue.ExpiryAwaitsLoad ? Math.Min(_nowNs, queue.AwaitedExpiryNs - 1) : _nowNs;
        AppendStatus status = AppendStatus.Appended;
        while (status == AppendStatus.Appended && budget > 0 && queue.Deadlines!.NextNs <= untilNs)
            status = TryExpire(queue, untilNs, ref budget);
        foreach ((long timeNs, long sequence) in _held)
            queue.Deadlines!.Push(timeNs, sequence);
        _held.Clear();
        _firstHeld = long.MaxValue;
        return status;
    }

    private AppendStatus TryExpire(BrokerQueue queue, long untilNs, ref int budget)
    {
        _departures.Clear();
        _expired.Clear();
        TimedHeap deadlines = queue.Deadlines!;
        while (budget > 0 && deadlines.NextNs <= untilNs)
        {
            long sequence = deadlines.Pop(out long timeNs);
            budget--;
            QueueEntry* entry = queue.Entries.Find(sequence);
            if (entry == null || !entry->IsTimed || (queue.Options.LastValueKey != null && DeadlineOf(queue, entry->Position) != timeNs))
            {
                deadlines.UnmarkStale(); // It went, or was replaced.
                continue;
            }
            if (entry->State == EntryState.Unsettled)
            {
                entry->IsTimed = false; // If it comes back it expires then.
                continue;
            }
            LoadStatus load = IsDeadLetter(queue, DropReason.Expired) ? AskForExpired(queue, entry->Position, timeNs, sequence) : LoadStatus.AtHand;
            if (load == LoadStatus.Unreadable)
            {
                entry->IsTimed = false; // The disk does not give it back: it stays until the restart that this takes.
                continue;
            }
            if (load != LoadStatus.AtHand)
            {
                _held.Add((timeNs, sequence));
                continue;
            }
            if (!TryPlanDeparture(queue, sequence, entry, DropReason.Expired))
            {
                deadlines.Push(timeNs, sequence);
                break;
            }
            // Its deadline is off the heap; nothing there grows stale with it. What is there for a message that it replaced is stale.
            entry->IsTimed = false;
            _expired.Add((timeNs, sequence));
        }
        AppendStatus status = TryDepart(mayUseReserve: _departures.DurableRecords == 0 || IsDropOnly());
        if (status == AppendStatus.Failed || (status == AppendStatus.NoSpace && IsDropOnly()))
        {
            DepartUnjournaled();
            status = AppendStatus.Appended;
        }
        if (status == AppendStatus.Appended)
        {
            ExpiredCount += _expired.Count;
            return status;
        }
        if (_expired.Count > 0)
            queue.ExpiryAwaitsLoad = false; // Those before it wait for the journal first.
        foreach ((long timeNs, long sequence) in _expired)
        {
            queue.Entries.Find(sequence)->IsTimed = true;
            deadlines.Push(timeNs, sequence);
        }
        return status;
    }

    /// <summary>No dead letter is planned: a restart would only bring back what expires again.</summary>
    private bool IsDropOnly()
    {
        for (int i = 0; i < _departures.Count; i++)
        {
            if (_departures[i].RouteCount > 0)
                return false;
        }
        return true;
    }

    /// <summary>Gives scheduled messages whose time has come their places at the end of the queue.</summary>
    private AppendStatus TryMakeDue(BrokerQueue queue, ref int budget)
    {
        // One after the other where one may replace another.
        int most = queue.Options.LastValueKey != null ? 1 : budget;
        int count = 0;
        int told = 0;
        long next = queue.Entries.Next;
        while (count < most && queue.Scheduled!.NextNs <= _nowNs)
        {
            if (count == _due.Length)
            {
                Array.Resize(ref _due, count * 2);
                Array.Resize(ref _duePlaces, count * 2);
            }
            _due[count] = queue.TakeScheduled();
            _duePlaces[count] = next++;
            told += queue.Durable && _durableLog != null && !BrokerQueue.IsTransient(_due[count].Position) ? 1 : 0;
            count++;
        }
        long outdated = 0;
        if (queue.Options.LastValueKey != null)
        {
            MessageView view = ViewOf(_due[0].Position);
            _duePlaces[0] = PlaceOf(queue, view.RoutingKey, view.Headers, !BrokerQueue.IsTransient(_due[0].Position), out outdated);
        }
        AppendStatus status = TryJournalDue(queue, count, told, outdated);
        if (status == AppendStatus.Failed)
            status = AppendStatus.Appended; // It becomes due again with the next run.
        if (status != AppendStatus.Appended)
        {
            for (int i = 0; i < count; i++)
                queue.AddScheduled(in _due[i]);
            return status;
        }
        budget -= count;
        for (int i = 0; i < count; i++)
            ArriveDue(queue, in _due[i], _duePlaces[i]);
        TrimReady(queue);
        Schedule(queue);
        return status;
    }

    private AppendStatus TryJournalDue(BrokerQueue queue, int count, int told, long outdated)
    {
        AppendStatus status = AppendStatus.Appended;
        if (told > 0)
        {
            int length = told * DropLayout.DuePairLength;
            int drops = outdated != 0 ? 1 : 0;
            status = TryBeginChange(RecordLayout.AlignedLength(length) + drops * DropLength, 1 + drops, mayUseReserve: true, 0, 0, new(ref queue));
            byte* body = status == AppendStatus.Appended ? TryClaimFor(_durableLog!, RecordType.Due, new(ref queue), length, out _, out status) : null;
            if (body != null)
            {
                for (int i = 0; i < count; i++)
                {
                    if (BrokerQueue.IsTransient(_due[i].Position))
                        continue;
                    *(long*)body = _due[i].Number;
                    *(long*)(body + sizeof(long)) = _duePlaces[i];
                    body += DropLayout.DuePairLength;
                }
                _durableLog!.Commit();
            }
        }
        if (status is AppendStatus.Appended or AppendStatus.Failed && outdated != 0)
            DropReplaced(queue, outdated);
        EndChange();
        return status;
    }

    /// <summary>A scheduled message whose time has come goes to its place.</summary>
    private void ArriveDue(BrokerQueue queue, in ScheduledMessage message, long sequence)
    {
        long deadline = long.MaxValue;
        if (_isReplaying)
        {
            deadline = message.HasDeadline ? 0 : long.MaxValue;
        }
        else if (message.HasDeadline || queue.Options.LastValueKey != null)
        {
            MessageView view = ViewOf(message.Position);
            MessageTraits.TryRead(view.Headers, view.ReceivedNs, out MessageTraits traits, out _);
            deadline = queue.DeadlineOf(message.DueNs, traits.TtlMs);
            if (queue.Options.LastValueKey != null)
                NoteLastValue(queue, sequence, view.RoutingKey, view.Headers);
        }
        Arrive(queue, sequence, message.Position, message.PayloadLength, message.Priority, message.Marks, deadline);
    }
}
