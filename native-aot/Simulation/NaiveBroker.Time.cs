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
            foreach (NaiveQueue queue in _state.Queues.ToArray())
            {
                queue.UsedNs = _nowNs;
                // Several of a key came back with the restart.
                foreach (NaiveEntry entry in queue.Entries.Values.Where(entry => queue.ValueKey(entry.Message) is { } key && queue.NewestOf(key)!.Sequence > entry.Sequence).ToArray())
                    Bury(queue, [entry], "replaced");
                _ready.Add(queue);
            }
        }
        BuryWaiting();
        Place();
        foreach (NaiveQueue queue in _turns.Select(turn => _state.FindQueue(turn.Host, turn.Name)).OfType<NaiveQueue>().Concat(_state.Queues).Distinct().ToArray())
        {
            if (queue.Exists)
                RunTime(queue);
        }
        PlaceArrivals();
    }

    private void RunTime(NaiveQueue queue)
    {
        List<NaiveEntry> expired = [.. queue.Entries.Values.Where(entry => entry.State is NaiveEntryState.Ready or NaiveEntryState.Delayed && queue.ExpiresNs(entry) <= _nowNs).OrderBy(queue.ExpiresNs)];
        if (expired.Count > 0)
            expired = WithoutAwaiting(queue, expired);
        if (expired.Count > 0)
            Bury(queue, Waiting(queue, expired), "expired");
        Place();
        MakeDue(queue);
        Place();
        foreach (NaiveEntry delayed in queue.Entries.Values.Where(entry => entry.State == NaiveEntryState.Delayed && entry.DelayedUntilNs <= _nowNs).ToArray())
        {
            queue.Set(delayed with { State = NaiveEntryState.Ready });
            _ready.Add(queue);
        }
        if (queue.Options.ExpiresMs is { } expires && queue.Consumers.Count == 0 && queue.UsedNs + expires * 1_000_000 <= _nowNs)
            Expire(queue);
    }

    private (string Host, string Name)[] _turns = [];

    private bool _isFirstBatch = true;

    /// <summary>Those that did not have to wait for the journal; the others' time is up with the next batch too.</summary>
    private List<NaiveEntry> Waiting(NaiveQueue queue, List<NaiveEntry> expired)
    {
        if (!MayWait)
            return expired;
        HashSet<long> held = [.. _engine.Find(queue.Host, queue.Name)?.Entries().Select(entry => entry.Sequence) ?? []];
        return [.. expired.Where(entry => !held.Contains(entry.Sequence))];
    }

    private void MakeDue(NaiveQueue queue)
    {
        foreach (NaiveEntry due in queue.Scheduled.Where(entry => entry.Message.DueNs <= _nowNs).ToArray())
        {
            // A queue that has gone by itself waited for nothing: what was due came before.
            if (MayWait && (_engine.Find(queue.Host, queue.Name)?.Scheduled ?? 0) >= queue.Scheduled.Count)
                return;
            queue.Remove(due);
            // After a power cut it may be due for the second time.
            StoredMessage message = due.Message with { Number = ++_storedCount, Maybe = due.Maybe };
            _arrivals.Add(new Arrival(queue, message, "due"));
        }
    }

    private void Expire(NaiveQueue queue)
    {
        bool isThere = _engine.Find(queue.Host, queue.Name) != null;
        if (!isThere)
            Delete(queue, told: true);
        else
            Check(MayWait || _engine.AwaitedExpiry(queue.Host, queue.Name) != null, $"Queue {queue.Name} was last used at {queue.UsedNs}, should have expired, and is there at {_nowNs}.");
    }
}
