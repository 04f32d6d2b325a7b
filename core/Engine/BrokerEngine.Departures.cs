using LowLatency.Core.Journal;
using LowLatency.Core.Messages;
using LowLatency.Core.Queues;
using LowLatency.Core.Routing;

namespace LowLatency.Core.Engine;

// Messages that leave without an ack: dropped, or moved through the dead-letter exchange. First all of it is decided (Plan…), then
// room is made for every record of it, then it is written and done: move and removal are one group (rule D1).
internal sealed unsafe partial class BrokerEngine
{
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>Messages that leave in one group, so that a turn is bounded.</summary>
    private const int MaxDeparturesPerGroup = 1024;

    private static readonly int DropLength = RecordLayout.AlignedLength(DropLayout.Ranges + SequenceRange.Length);

    private readonly DepartureList _departures = new();
    private readonly DeathHeaders _deathHeaders = new();
    private readonly RouteSet _deathRoute = new();
    private readonly SequenceRanges _dropped = new();

    // Rejected, or returned too often, while the journal had no room for the move: still unsettled, nobody's, and still to go.
    private readonly Queue<(BrokerQueue Queue, long Sequence, DropReason Reason)> _leaving = new();
    private bool _leavingWaitsForSpace;

    /// <summary>Messages moved through a dead-letter exchange, since the start.</summary>
    internal long DeadLetteredCount { get; private set; }

    /// <summary>Messages dropped without an ack and without a dead letter, since the start; those that were purged or replaced aside.</summary>
    internal long DroppedCount { get; private set; }

    /// <summary>Queues left out of a dead letter's route because it would have gone round, since the start.</summary>
    internal long CycleCount { get; private set; }

    /// <summary>One more, of so many bytes, fits into the groups of both logs.</summary>
    private bool CanPlanMore(int next) => _departures.Count < MaxDeparturesPerGroup
        && (_durableLog == null || _departures.DurableLength + next + 2 * RecordLayout.HeaderLength <= _durableLog.MaxBodyLength)
        && _departures.TransientLength + next + 2 * RecordLayout.HeaderLength <= _transientLog.MaxBodyLength;

    /// <summary>Decides where a message goes that leaves its queue.</summary>
    /// <returns>False when it does not fit into the group with those planned before.</returns>
    private bool TryPlanDeparture(BrokerQueue queue, long sequence, QueueEntry* entry, DropReason reason)
    {
        if (_departures.Count > 0 && !CanPlanMore(entry->PayloadLength + MostDeathGrowth))
            return false;
        PlanDeparture(queue, sequence, entry->Position, reason, durableMove: !BrokerQueue.IsTransient(entry->Position));
        _departures[_departures.Count - 1].MaybeDelivered = entry->MaybeDelivered != 0;
        return true;
    }

    /// <summary>What a dead letter is longer than its message, most of the time; routes aside.</summary>
    private const int MostDeathGrowth = 2048;

    private void PlanDeparture(BrokerQueue queue, long sequence, long position, DropReason reason, bool durableMove)
    {
        ref Departure departure = ref _departures.Add(queue, sequence, position, reason);
        if (IsDeadLetter(queue, reason))
        {
            MessageView view = ViewOf(position);
            PlanDeadLetter(ref departure, NameOfExchange(view.ExchangeId), view.RoutingKey, view.Headers, view.Body.Length, durableMove);
        }
        departure.IsTold = queue.Durable && durableMove && _durableLog != null;
        if (!departure.IsTold)
            return;
        // Those of one queue and reason in a row share a record; the length is counted as if they did not.
        _departures.DurableLength += DropLength;
        if (_departures.Count < 2 || !IsSameDrop(in _departures[_departures.Count - 2], in departure))
            _departures.DurableRecords++;
    }

    private static bool IsSameDrop(in Departure departure, in Departure next) =>
        departure.Queue == next.Queue && departure.Reason == next.Reason && departure.IsTold == next.IsTold;

    private static bool IsDeadLetter(BrokerQueue queue, DropReason reason) =>
        queue.Options.DeadLetterExchange != null && reason <= DropReason.DeliveryLimit;

    /// <summary>Routes a dead letter, leaving out the queues that it would go round through, and writes its headers.</summary>
    /// <param name="departure">The last one.</param>
    /// <returns>Whether a queue was left out (rule D3).</returns>
    private bool PlanDeadLetter(
        ref Departure departure, ReadOnlySpan<byte> exchange, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers, int bodyLength, bool durableMove)
    {
        BrokerQueue source = departure.Queue;
        var death = new Death
        {
            Reason = (DeathReason)departure.Reason,
            Queue = source.Name,
            Exchange = exchange,
            RoutingKey = key,
            TimeSeconds = _nowNs / NsPerSecond,
        };
        ReadOnlySpan<byte> deadHeaders = _deathHeaders.Write(headers, in death);
        ReadOnlySpan<byte> deadKey = source.Options.DeadLetterRoutingKey ?? key;
        departure.ExchangeId = RouteDeadLetter(source, deadKey, deadHeaders);
        bool anyDurable = false;
        bool isCut = false;
        int lastValues = 0;
        foreach (BrokerQueue target in _deathRoute.Queues)
        {
            if (DeathHistory.IsCycle(deadHeaders, target.Name))
            {
                isCut = true;
                CycleCount++;
                continue;
            }
            _departures.AddTarget(target);
            anyDurable |= target.Durable;
            lastValues += target.Options.LastValueKey != null ? 1 : 0;
        }
        if (departure.RouteCount == 0)
            return isCut;
        departure.IsCopyDurable = durableMove && anyDurable && _durableLog != null;
        int length = RecordLayout.AlignedLength(MessageLayout.Payload(departure.RouteCount) + deadKey.Length + deadHeaders.Length + bodyLength);
        RecordLog log = departure.IsCopyDurable ? _durableLog! : _transientLog;
        if (length + (lastValues + 1) * DropLength + 2 * RecordLayout.HeaderLength > log.MaxBodyLength)
        {
            departure.RouteCount = 0; // Longer than it was by its new headers, and now too long for any segment.
            return isCut;
        }
        _departures.SetHeaders(deadHeaders);
        if (departure.IsCopyDurable)
        {
            _departures.DurableLength += length + lastValues * DropLength;
            _departures.DurableRecords += 1 + lastValues;
        }
        else
        {
            _departures.TransientLength += length;
            _departures.TransientRecords++;
            // A newer message that replaces a durable one takes that out of the journal.
            _departures.DurableLength += lastValues * DropLength;
            _departures.DurableRecords += lastValues;
        }
        return isCut;
    }

    /// <summary>Writes everything that is planned, and does it.</summary>
    /// <returns>Not appended: nothing was done.</returns>
    private AppendStatus TryDepart(bool mayUseReserve)
    {
        if (_departures.Count == 0)
            return AppendStatus.Appended;
        AppendStatus status = TryBeginChange(
            _departures.DurableLength, _departures.DurableRecords, mayUseReserve, _departures.TransientLength, _departures.TransientRecords);
        if (status != AppendStatus.Appended)
            return status;
        MessageInHand none = default;
        status = Depart(ref none);
        EndChange();
        return status;
    }

    /// <summary>As <see cref="TryDepart"/>, where room was made: outside of a group only the first record can fail.</summary>
    /// <param name="inHand">The message that is being published, for departures of it.</param>
    private AppendStatus Depart(ref MessageInHand inHand)
    {
        for (int i = 0; i < _departures.Count; i++)
        {
            ref Departure departure = ref _departures[i];
            if (departure.RouteCount == 0)
                continue;
            AppendStatus status = CopyDeadLetter(in departure, ref inHand);
            if (status != AppendStatus.Appended)
                return status;
        }
        return DropDeparted(isJournaled: true);
    }

    /// <summary>Takes what departs out of its queues, with one record for each run of one queue and reason.</summary>
    private AppendStatus DropDeparted(bool isJournaled)
    {
        for (int first = 0; first < _departures.Count;)
        {
            int end = first + 1;
            while (end < _departures.Count && IsSameDrop(in _departures[first], in _departures[end]))
                end++;
            ref Departure run = ref _departures[first];
            _dropped.Clear();
            for (int i = first; i < end; i++)
            {
                if (_departures[i].Sequence != 0)
                    _dropped.Add(_departures[i].Sequence);
                if (_departures[i].RouteCount > 0)
                    DeadLetteredCount++;
                else if (run.Reason <= DropReason.DeliveryLimit)
                    DroppedCount++;
            }
            if (run.IsTold && isJournaled && _dropped.Count > 0)
            {
                AppendStatus status = WriteDrop(run.Queue, run.Reason, _dropped.Span, ofScheduled: false);
                if (status != AppendStatus.Appended)
                    return status;
            }
            ApplyAck(run.Queue, _dropped.Span);
            first = end;
        }
        return AppendStatus.Appended;
    }

    private AppendStatus WriteDrop(BrokerQueue queue, DropReason reason, ReadOnlySpan<SequenceRange> ranges, bool ofScheduled)
    {
        byte* body = _durableLog!.TryClaim(RecordType.Drop, queue.Id, DropLayout.Ranges + ranges.Length * SequenceRange.Length, out _, out AppendStatus status);
        if (body == null)
            return status;
        *(long*)(body + DropLayout.TimeNs) = _nowNs;
        *(long*)(body + DropLayout.Reason) = (byte)reason | (ofScheduled ? 1L << 8 : 0);
        ranges.CopyTo(new Span<SequenceRange>(body + DropLayout.Ranges, ranges.Length));
        _durableLog.Commit();
        return AppendStatus.Appended;
    }

    /// <summary>The journal failed for good: what leaves is gone for this run, and comes again with the next one, as a message that was never settled.</summary>
    private void DepartUnjournaled()
    {
        for (int i = 0; i < _departures.Count; i++)
            _departures[i].RouteCount = 0;
        DropDeparted(isJournaled: false);
    }

    /// <summary>Goes on with what was rejected while there was no room for it.</summary>
    private void RunLeaving()
    {
        while (_leaving.Count > 0)
        {
            _departures.Clear();
            int count = 0;
            foreach ((BrokerQueue queue, long sequence, DropReason reason) in _leaving)
            {
                QueueEntry* entry = queue.Entries.Find(sequence); // Null when the queue was deleted.
                if (entry != null && !TryPlanDeparture(queue, sequence, entry, reason))
                    break;
                count++;
            }
            AppendStatus status = TryDepart(mayUseReserve: false);
            if (status == AppendStatus.Failed)
                DepartUnjournaled();
            else if (status == AppendStatus.NoSpace)
                _leavingWaitsForSpace = true;
            if (status is not (AppendStatus.Appended or AppendStatus.Failed))
                return;
            while (count-- > 0)
                _leaving.Dequeue();
        }
    }

    private uint RouteDeadLetter(BrokerQueue source, ReadOnlySpan<byte> key, ReadOnlySpan<byte> headers)
    {
        byte[] name = source.Options.DeadLetterExchange!;
        RouteByName(source.Host, name, key, headers, _deathRoute);
        return name.Length > 0 && source.Host.TryGetExchange(name, out Exchange? exchange) ? exchange.Id : 0;
    }
}
