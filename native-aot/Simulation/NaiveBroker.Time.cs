namespace LowLatency.Server.Simulation;

/// <content>What happens by itself when its time has come, before the commands of a batch (rules T1, T2, O5, Q4).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>The engine has begun a batch.</summary>
    internal void RunTime()
    {
        if (_isFirstBatch)
        {
            _isFirstBatch = false;
            foreach (NaiveQueue queue in _state.Queues)
                queue.UsedNs = _nowNs;
        }
        BuryWaiting();
        foreach (NaiveQueue queue in _state.Queues.ToArray())
        {
            if (!queue.Exists)
                continue;
            List<NaiveEntry> expired = [.. queue.Entries.Values.Where(entry => entry.State is NaiveEntryState.Ready or NaiveEntryState.Delayed && queue.ExpiresNs(entry) <= _nowNs)];
            if (expired.Count > 0)
                Bury(queue, Waiting(queue, expired), "expired");
            MakeDue(queue);
            foreach (NaiveEntry delayed in queue.Entries.Values.Where(entry => entry.State == NaiveEntryState.Delayed && entry.DelayedUntilNs <= _nowNs).ToArray())
                queue.Set(delayed with { State = NaiveEntryState.Ready });
            if (queue.Options.ExpiresMs is { } expires && queue.Consumers.Count == 0 && queue.UsedNs + expires * 1_000_000 <= _nowNs)
                Expire(queue);
        }
        PlaceArrivals();
    }

    private bool _isFirstBatch = true;

    /// <summary>Those that did not have to wait for the journal; the others' time is up with the next batch too.</summary>
    private List<NaiveEntry> Waiting(NaiveQueue queue, List<NaiveEntry> expired)
    {
        if (!IsJournalBusy)
            return expired;
        HashSet<long> held = [.. _engine.Find(queue.Host, queue.Name)?.Entries().Select(entry => entry.Sequence) ?? []];
        return [.. expired.Where(entry => !held.Contains(entry.Sequence))];
    }

    private void MakeDue(NaiveQueue queue)
    {
        foreach (NaiveEntry due in queue.Scheduled.Where(entry => entry.Message.DueNs <= _nowNs).ToArray())
        {
            if (IsJournalBusy && (_engine.Find(queue.Host, queue.Name)?.Next ?? queue.Next) == queue.Next)
                return;
            queue.Remove(due);
            // After a power cut it may be due for the second time.
            queue.Append(due.Message with { Number = ++_storedCount });
        }
    }

    private void Expire(NaiveQueue queue)
    {
        bool isThere = _engine.Find(queue.Host, queue.Name) != null;
        if (!isThere)
            Delete(queue, told: true);
        else
            Check(IsJournalBusy, $"Queue {queue.Name} was last used at {queue.UsedNs}, should have expired, and is there at {_nowNs}.");
    }
}
