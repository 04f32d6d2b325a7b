using LowLatency.Core.Journal;
using LowLatency.Core.Queues;

namespace LowLatency.Core.Engine;

// Empties the oldest segment where little in the journal is live: what is live there is appended anew, and the segment retires like any
// other without references. A slice per batch, so that nobody waits for it. docs/journal.md, Reclaim.
internal sealed unsafe partial class BrokerEngine
{
    /// <summary>What one slice may do: 1 for each record or entry looked at, and for each <see cref="BytesPerStep"/> moved.</summary>
    private const int StepsPerSlice = 512;

    private const int BytesPerStep = 256;

    /// <summary>Looks at a segment before it is left alone for a while: a message may change its place while it goes on.</summary>
    private const int MaxReclaimPasses = 3;

    private enum ReclaimStage
    {
        None,
        Records,
        Queues,
        Keepers,
    }

    private ReclaimStage _reclaimStage;
    private Segment? _reclaimed;
    private long _reclaimedIndex;
    private int _reclaimOffset;
    private int _reclaimPass;
    private long _reclaimAfter;
    private bool _reclaimsAll;

    // Queues in which messages of the segment are that its records do not lead to: once scheduled, or waiting for their back-off.
    private readonly List<BrokerQueue> _toWalk = [];
    private long _walk;
    private int _walkQueue;
    private int _walkStage;
    private long _walkPlace;

    /// <summary>Bytes of records that were moved out of old segments, since the start.</summary>
    internal long ReclaimedBytes { get; private set; }

    /// <summary>Records that were moved, since the start.</summary>
    internal long ReclaimedCount { get; private set; }

    /// <summary>Segments are empty, and too many to keep until something else makes durable what has to be for them to go.</summary>
    internal bool ReclaimWaitsForDisk { get; private set; }

    /// <summary>One slice of work. Between batches.</summary>
    /// <returns>0 when there is nothing to do now.</returns>
    internal int Reclaim()
    {
        RecordLog? log = _durableLog;
        if (log == null || log.State == JournalState.Failed)
            return 0;
        if (_reclaimStage == ReclaimStage.None ? !TryBeginReclaim(log) : !IsReclaiming())
            return 0;
        int steps = StepsPerSlice;
        AppendStatus status = AppendStatus.Appended;
        while (steps > 0 && status == AppendStatus.Appended && _reclaimStage != ReclaimStage.None)
        {
            status = _reclaimStage switch
            {
                ReclaimStage.Records => ReclaimRecords(log, ref steps),
                ReclaimStage.Queues => ReclaimQueues(log, ref steps),
                _ => ReclaimKeepers(log),
            };
        }
        return status == AppendStatus.Appended ? StepsPerSlice - steps : AfterNoRoom(log);
    }

    /// <summary>On a full disk: the reserve is for what gives back more, and what is empty goes when it can.</summary>
    private int AfterNoRoom(RecordLog log)
    {
        if (log.State != JournalState.NoSpace)
            return 0;
        if (_reclaimStage != ReclaimStage.Keepers && log.TryMoveIntoReserve())
            return 1;
        ReclaimWaitsForDisk = log.HasEmptySegment && DurablePosition < log.Tail;
        return 0;
    }

    private bool TryBeginReclaim(RecordLog log)
    {
        bool hasMuchDead = log.HasMuchDead || log.IsEmptyingIntoReserve;
        ReclaimWaitsForDisk = false;
        if (!hasMuchDead && !_reclaimsAll)
            return false;
        // Where little is live all closed segments are emptied: then they go without a sync (see RecordLog.FindOldestNeeded).
        _reclaimsAll = log.LiveBytes < log.SegmentSize / 4;
        // It need not be durable: what allows to skip it is behind the records that take the place of its own, and becomes durable with them.
        Segment? oldest = hasMuchDead || _reclaimsAll ? log.FindOldestInUse() : null;
        if (oldest == null)
        {
            _reclaimsAll = false;
            ReclaimWaitsForDisk = hasMuchDead && DurablePosition < log.Active!.Base;
            return false;
        }
        // One that could not be emptied is tried again when more came.
        if (log.Tail < _reclaimAfter || !log.AskToEmpty(oldest))
            return false;
        _reclaimed = oldest;
        _reclaimedIndex = oldest.Index;
        _reclaimPass = 0;
        BeginPass();
        return true;
    }

    private void BeginPass()
    {
        _reclaimStage = ReclaimStage.Records;
        _reclaimOffset = SegmentLayout.HeaderLength;
        _toWalk.Clear();
        _walk++;
        _walkQueue = 0;
        _walkStage = 0;
        _walkPlace = 0;
    }

    private bool IsReclaiming()
    {
        // Its last message may have gone by itself, and its memory be in use for another segment by now.
        if (_reclaimed!.Index == _reclaimedIndex && _reclaimed.References > 0)
            return true;
        EndReclaim();
        return false;
    }

    private void EndReclaim()
    {
        _reclaimStage = ReclaimStage.None;
        _reclaimed = null;
        _durableLog!.Unpin();
        _toWalk.Clear();
    }

    private bool IsReclaimed(long position) => position >= _reclaimed!.Base && position < _reclaimed.Base + _reclaimed.Length;

    private AppendStatus ReclaimRecords(RecordLog log, ref int steps)
    {
        Segment segment = _reclaimed!;
        while (steps > 0 && _reclaimOffset <= segment.Length - RecordLayout.HeaderLength)
        {
            byte* header = segment.Memory + _reclaimOffset;
            if (*(int*)header == 0)
                break; // A run ended here, and the next one began in the segment after.
            RecordType type = RecordLayout.TypeOf(header);
            steps--;
            if (type == RecordType.Group)
            {
                _reclaimOffset += RecordLayout.HeaderLength; // What is in it follows.
                continue;
            }
            if (type is RecordType.Message or RecordType.Moved)
            {
                AppendStatus status = TryMoveRecord(log, segment, header, ref steps);
                if (status != AppendStatus.Appended)
                    return status;
            }
            _reclaimOffset += RecordLayout.AlignedLength(RecordLayout.BodyLength(header));
        }
        if (steps > 0)
            _reclaimStage = ReclaimStage.Queues;
        return AppendStatus.Appended;
    }

    private AppendStatus TryMoveRecord(RecordLog log, Segment segment, byte* header, ref int steps)
    {
        long position = segment.Base + _reclaimOffset;
        byte* body = header + RecordLayout.HeaderLength;
        int routes = *(ushort*)(body + MessageLayout.RouteCount);
        byte* route = body + MessageLayout.Routes;
        _moves.Clear();
        for (int i = 0; i < routes; i++, route += MessageLayout.RouteLength)
        {
            if (!_topology.TryGetQueue(*(uint*)(route + MessageLayout.RouteQueueId), out BrokerQueue? queue))
                continue;
            long sequence = *(long*)(route + MessageLayout.RouteQueueSequence);
            bool isScheduled = (*(uint*)(route + MessageLayout.RouteFlags) & MessageLayout.ScheduledFlag) != 0;
            QueueEntry* entry = isScheduled ? null : queue.Entries.Find(sequence);
            bool isHere = entry != null && entry->Position == position;
            if (isHere && entry->State != EntryState.Delayed)
                _moves.Add(new Move(queue, sequence));
            else if ((isScheduled || isHere) && queue.WalkStamp != _walk)
                AddToWalk(queue);
        }
        return _moves.Count == 0 ? AppendStatus.Appended : TryMove(log, position, ref steps);
    }

    private void AddToWalk(BrokerQueue queue)
    {
        queue.WalkStamp = _walk;
        _toWalk.Add(queue);
    }

    /// <summary>Looks through queues for what the records did not lead to: first what has a place, then what is delayed, then what is scheduled.</summary>
    private AppendStatus ReclaimQueues(RecordLog log, ref int steps)
    {
        while (steps > 0 && _walkQueue < _toWalk.Count)
        {
            BrokerQueue queue = _toWalk[_walkQueue];
            AppendStatus status = AppendStatus.Appended;
            bool isDone = !queue.Exists;
            if (!isDone)
            {
                status = _walkStage switch
                {
                    0 => WalkEntries(log, queue, ref steps, out isDone),
                    1 => WalkDelays(log, queue, ref steps, out isDone),
                    _ => WalkScheduled(log, queue, ref steps, out isDone),
                };
            }
            if (status != AppendStatus.Appended)
                return status;
            if (!isDone)
                continue;
            _walkPlace = 0;
            _walkStage = queue.Exists ? (_walkStage + 1) % 3 : 0;
            if (_walkStage == 0)
                _walkQueue++;
        }
        if (_walkQueue == _toWalk.Count)
            _reclaimStage = ReclaimStage.Keepers;
        return AppendStatus.Appended;
    }

    private AppendStatus WalkEntries(RecordLog log, BrokerQueue queue, ref int steps, out bool isDone)
    {
        while (steps > 0)
        {
            _walkPlace = queue.Entries.SkipGone(_walkPlace, ref steps);
            if (_walkPlace >= queue.Entries.Next)
                break;
            if (steps == 0)
                break;
            QueueEntry* entry = queue.Entries.Find(_walkPlace);
            if (entry->State != EntryState.Delayed && IsReclaimed(entry->Position) && TryMoveOne(log, new Move(queue, _walkPlace), entry->Position, ref steps) is var status and not AppendStatus.Appended)
            {
                isDone = false;
                return status;
            }
            _walkPlace++;
            steps--;
        }
        isDone = _walkPlace >= queue.Entries.Next;
        return AppendStatus.Appended;
    }

    private AppendStatus WalkDelays(RecordLog log, BrokerQueue queue, ref int steps, out bool isDone)
    {
        int count = queue.Delays?.Count ?? 0;
        for (; _walkPlace < count && steps > 0; _walkPlace++, steps--)
        {
            (long timeNs, long sequence) = queue.Delays!.At((int)_walkPlace);
            QueueEntry* entry = queue.Entries.Find(sequence);
            if (entry == null || entry->State != EntryState.Delayed || !queue.IsDelayedUntil(sequence, timeNs) || !IsReclaimed(entry->Position))
                continue;
            AppendStatus status = TryMoveOne(log, new Move(queue, sequence) { DelayedUntilNs = timeNs }, entry->Position, ref steps);
            if (status == AppendStatus.Appended)
                continue;
            isDone = false;
            return status;
        }
        isDone = _walkPlace >= count;
        return AppendStatus.Appended;
    }

    private AppendStatus WalkScheduled(RecordLog log, BrokerQueue queue, ref int steps, out bool isDone)
    {
        int count = (int)queue.ScheduledCount;
        for (; _walkPlace < count && steps > 0; _walkPlace++, steps--)
        {
            ref ScheduledMessage message = ref queue.Scheduled!.At((int)_walkPlace);
            if (!IsReclaimed(message.Position))
                continue;
            AppendStatus status = TryMoveOne(log, new Move(queue, message.Number) { ScheduledAt = (int)_walkPlace }, message.Position, ref steps);
            if (status == AppendStatus.Appended)
                continue;
            isDone = false;
            return status;
        }
        isDone = _walkPlace >= count;
        return AppendStatus.Appended;
    }

    private AppendStatus TryMoveOne(RecordLog log, Move move, long position, ref int steps)
    {
        _moves.Clear();
        _moves.Add(move);
        return TryMove(log, position, ref steps);
    }

    /// <summary>What no queue holds any more: messages on their way, and those kept for a conflating subscription. They need not outlive the process.</summary>
    private AppendStatus ReclaimKeepers(RecordLog log)
    {
        if (_reclaimed!.References > 0)
        {
            AppendStatus status = MoveKept();
            if (status != AppendStatus.Appended)
                return status;
        }
        if (_reclaimed.References > 0 && ++_reclaimPass < MaxReclaimPasses)
        {
            BeginPass();
            return AppendStatus.Appended;
        }
        if (_reclaimed.References > 0)
            _reclaimAfter = log.Tail + (log.State == JournalState.NoSpace ? log.SegmentSize / 1024 : log.SegmentSize);
        EndReclaim();
        return AppendStatus.Appended;
    }

    private AppendStatus MoveKept()
    {
        foreach (EgressPort port in _passingPorts)
        {
            for (int i = 0; i < port.Passing.Count; i++)
            {
                ref long position = ref port.Passing.PositionAt(i);
                long old = position;
                AppendStatus status = TryCopyToMemory(ref position);
                if (status != AppendStatus.Appended)
                    return status;
                if (position != old)
                    _transientLog.AddForward(old, position);
            }
        }
        foreach (BrokerQueue queue in _topology.QueuesById())
        {
            foreach (Consumer viewer in queue.Consumers.Viewers)
            {
                Conflation? conflation = viewer.Conflation;
                for (int item = conflation?.Oldest ?? Conflation.None; item != Conflation.None; item = conflation![item].NextWaiting)
                {
                    AppendStatus status = TryCopyToMemory(ref conflation![item].Position);
                    if (status != AppendStatus.Appended)
                        return status;
                }
            }
        }
        return AppendStatus.Appended;
    }

    private AppendStatus TryCopyToMemory(ref long position)
    {
        if (!IsReclaimed(position))
            return AppendStatus.Appended;
        ReadOnlySpan<byte> record = ViewOf(position).Record;
        byte* body = _transientLog.TryClaim(RecordType.Message, 0, record.Length, out long copy, out AppendStatus status);
        if (body == null)
            return status;
        record.CopyTo(new Span<byte>(body, record.Length));
        _transientLog.Commit();
        _transientLog.AddReferences(copy, 1);
        LogOf(position)!.Release(position);
        position = copy;
        return AppendStatus.Appended;
    }
}
