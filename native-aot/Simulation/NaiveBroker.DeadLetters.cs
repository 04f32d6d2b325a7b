using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Messages that leave without an ack, and where they come to (rules D1 to D6, L3, L6).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Queues that something has left with the present command.</summary>
    private readonly List<NaiveQueue> _emptied = [];

    /// <summary>What had to leave while the journal had no room for it.</summary>
    private readonly List<(NaiveQueue Queue, NaiveEntry Entry, string Reason)> _toBury = [];

    /// <summary>Messages leave a queue: to its dead-letter exchange where it has one, else for ever.</summary>
    private void Bury(NaiveQueue queue, List<NaiveEntry> entries, string reason)
    {
        var now = new List<NaiveEntry>();
        HashSet<long>? held = null;
        bool mayWait = MayWait || _isLarge || IsLarge(entries);
        foreach (NaiveEntry entry in entries)
        {
            bool waits = false;
            if (mayWait && entry.State != NaiveEntryState.Scheduled)
            {
                held ??= [.. _engine.Find(queue.Host, queue.Name)?.Entries().Select(found => found.Sequence) ?? []];
                waits = held.Contains(entry.Sequence);
            }
            if (!waits)
                now.Add(entry);
            else if (!_toBury.Exists(one => one.Queue == queue && one.Entry.Sequence == entry.Sequence && one.Reason == reason)) // Looked at once more.
                _toBury.Add((queue, entry, reason));
        }
        Remove(queue, now);
        // What waited for room when its queue went, went with it.
        bool mayBeGone = mayWait && _engine.Find(queue.Host, queue.Name) == null;
        foreach (NaiveEntry entry in now.Where(_ => reason != "replaced"))
            DeadLetter(queue, entry.Message with { Maybe = entry.Maybe }, reason, mayBeGone);
    }

    /// <summary>With one command more is settled than a group of the log takes: some of it leaves with the next batch.</summary>
    private bool _isLarge;

    private bool IsLarge(IEnumerable<NaiveEntry> entries) =>
        entries.All(entry => entry.State == NaiveEntryState.Unsettled) && entries.Sum(entry => entry.Message.PayloadLength + MostOfDeath) > Log.MaxBodyLength;

    /// <summary>More than a message takes with the history of its deaths beside itself.</summary>
    private const int MostOfDeath = 4096;

    /// <summary>The journal takes nothing now: what happens by itself may have to wait.</summary>
    private bool IsJournalBusy => !IsLogOpen || Log.Next == null || _core.Transient.Log.State != JournalState.Open || _core.Transient.Log.Next == null;

    /// <summary>What waited for room goes on when the engine is told of it, not before.</summary>
    private bool MayWait => IsJournalBusy || _core.Engine.CanServeWaiting;

    private void BuryWaiting(string? only = null)
    {
        (NaiveQueue Queue, NaiveEntry Entry, string Reason)[] waiting = [.. _toBury.Where(one => only == null || one.Reason == only)];
        _toBury.RemoveAll(waiting.Contains);
        foreach ((NaiveQueue queue, NaiveEntry waited, string reason) in waiting)
        {
            if (!queue.Exists || !queue.Entries.TryGetValue(waited.Sequence, out NaiveEntry? entry))
                continue;
            // Delivered meanwhile: then it is with its consumer.
            if (entry.State != NaiveEntryState.Unsettled || waited.State == NaiveEntryState.Unsettled)
                Bury(queue, [entry], reason);
            // More may have to go, or others in its place.
            if (!_ready.Contains(queue))
                _ready.Add(queue);
        }
    }

    /// <summary>There may be room for a moment, between what leaves and what comes: whether that is told is the engine's choice.</summary>
    private void WakeTold(NaiveQueue queue)
    {
        foreach (NaivePublication told in queue.Waiting.FindAll(waiting => !waiting.IsEnded && !_engine.IsWaiting(queue.Host, queue.Name, waiting.Session.Id, waiting.Handle)))
        {
            queue.Waiting.Remove(told);
            TellReady(told);
        }
    }

    private void DeadLetter(NaiveQueue queue, StoredMessage message, string reason, bool mayBeGone)
    {
        (StoredMessage dead, List<NaiveQueue> route, _) = DeadRoute(queue, message, reason);
        foreach (NaiveQueue to in route)
            _arrivals.Add(new Arrival(to, dead, $"{reason} in {queue.Name} of {queue.Host}") { MayBeGone = mayBeGone });
    }

    /// <summary>A dead letter is in the journal when its message was and a queue that it comes to outlives the broker.</summary>
    private static StoredMessage Journaled(StoredMessage dead, bool wasJournaled, List<NaiveQueue> route) =>
        dead with { IsJournaled = wasJournaled && route.Exists(queue => queue.Durable) };

    /// <summary>What a message is when it has died, and where that goes.</summary>
    private (StoredMessage Dead, List<NaiveQueue> Route, bool IsCut) DeadRoute(NaiveQueue queue, StoredMessage message, string reason)
    {
        StoredMessage dead = Die(queue, message, reason);
        if (queue.Options.DeadLetterExchange is not { } name)
            return (dead, [], false);
        NaiveVirtualHost host = _state.Hosts[queue.Host];
        NaiveExchange? exchange = null;
        if (name.Length > 0 && !host.Exchanges.TryGetValue(name, out exchange))
            return (dead, [], false);
        List<NaiveQueue> route = Route(host, exchange, dead.Key, dead.Shown);
        int cut = route.RemoveAll(to => IsCycle(dead, to));
        return (Journaled(dead, message.IsJournaled, route), route, cut > 0);
    }

    /// <summary>The queue is in the message's history, and nobody rejected it from there on (rule D3).</summary>
    private static bool IsCycle(StoredMessage dead, NaiveQueue to)
    {
        int at = Array.FindIndex(dead.Deaths, death => death.Queue == to.Name);
        return at >= 0 && !dead.Deaths.Take(at + 1).Any(death => death.Reason == "rejected");
    }

    private StoredMessage Die(NaiveQueue queue, StoredMessage message, string reason)
    {
        NaiveDeath? before = Array.Find(message.Deaths, death => death.Queue == queue.Name && death.Reason == reason);
        SortedDictionary<string, NaiveExchange> exchanges = _state.Hosts[queue.Host].Exchanges;
        // One that is gone has no name any more.
        string exchange = exchanges.Values.FirstOrDefault(known => known.Identity == message.Exchange)?.Name ?? "";
        // Again: all else stays as it was the first time.
        NaiveDeath death = before != null ? before with { Count = before.Count + 1 }
            : new NaiveDeath(queue.Name, reason, exchange, message.Key, _nowNs / 1_000_000_000, 1, message.Headers.Expiration);
        StoredMessage dead = message with
        {
            Key = queue.Options.DeadLetterKey ?? message.Key,
            Headers = message.Headers with { Expiration = null, Table = message.Headers.Table ?? new NaiveTable() },
            ReceivedNs = _nowNs,
            DueNs = 0,
            IsOfTransientQueue = message.IsOfTransientQueue || !queue.Durable,
            Exchange = exchanges.GetValueOrDefault(queue.Options.DeadLetterExchange ?? "")?.Identity,
            Deaths = [death, .. message.Deaths.Where(known => known != before)],
            FirstDeath = message.FirstDeath ?? death,
            Number = ++_storedCount,
        };
        return dead with { PayloadLength = dead.Key.Length + dead.Shown.Encode().Length + dead.Message.Body.Length };
    }

    /// <summary>A queue that drops from its head is brought within its bounds, as far as messages are ready (rule L3).</summary>
    private void DropFromHead(NaiveQueue queue)
    {
        // What a transaction pushes out goes right after all of it.
        if (queue.Options.Overflow != "drop-head" || _isCommitting)
            return;
        while (!queue.IsWithinBounds && queue.Entries.Values.Where(entry => entry.IsReady).OrderBy(queue.Priority).ThenBy(entry => entry.Sequence).FirstOrDefault() is { } head)
        {
            Bury(queue, [head], "maxlen");
            if (queue.Entries.ContainsKey(head.Sequence))
                return; // It waits for room.
        }
    }
}
