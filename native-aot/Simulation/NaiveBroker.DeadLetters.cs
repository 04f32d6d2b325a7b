using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Messages that leave without an ack, and where they come to (rules D1 to D6, L3, L6).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Messages that come into queues with the present command, not placed yet: in what order is the engine's choice.</summary>
    private readonly List<(NaiveQueue Queue, StoredMessage Message)> _arrivals = [];

    /// <summary>Queues that something has left with the present command.</summary>
    private readonly List<NaiveQueue> _emptied = [];

    /// <summary>What had to leave while the journal had no room for it.</summary>
    private readonly List<(NaiveQueue Queue, long Sequence, string Reason)> _toBury = [];

    /// <summary>Messages leave a queue: to its dead-letter exchange where it has one, else for ever.</summary>
    private void Bury(NaiveQueue queue, List<NaiveEntry> entries, string reason)
    {
        var now = new List<NaiveEntry>();
        HashSet<long>? held = null;
        foreach (NaiveEntry entry in entries)
        {
            bool waits = false;
            if (IsJournalBusy && entry.State != NaiveEntryState.Scheduled)
            {
                held ??= [.. _engine.Find(queue.Host, queue.Name)?.Entries().Select(found => found.Sequence) ?? []];
                waits = held.Contains(entry.Sequence);
            }
            if (waits)
                _toBury.Add((queue, entry.Sequence, reason));
            else
                now.Add(entry);
        }
        Remove(queue, now, wakes: false);
        if (queue.Exists && queue.HasRoomAgain)
            WakeTold(queue);
        foreach (NaiveEntry entry in now.Where(_ => reason != "replaced"))
            DeadLetter(queue, entry.Message with { Maybe = entry.Maybe }, reason);
    }

    /// <summary>The journal takes nothing now: what happens by itself may have to wait.</summary>
    private bool IsJournalBusy => !IsLogOpen || Log.Next == null || _core.Transient.Log.State != JournalState.Open || _core.Transient.Log.Next == null;

    private void BuryWaiting()
    {
        (NaiveQueue Queue, long Sequence, string Reason)[] waiting = [.. _toBury];
        _toBury.Clear();
        foreach ((NaiveQueue queue, long sequence, string reason) in waiting)
        {
            if (queue.Exists && queue.Entries.TryGetValue(sequence, out NaiveEntry? entry))
                Bury(queue, [entry], reason);
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

    private void DeadLetter(NaiveQueue queue, StoredMessage message, string reason)
    {
        (StoredMessage dead, List<NaiveQueue> route, _) = DeadRoute(queue, message, reason);
        foreach (NaiveQueue to in route)
            _arrivals.Add((to, dead));
    }

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
        return (dead, route, cut > 0);
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
        var death = new NaiveDeath(queue.Name, reason, message.Exchange, message.Key, _nowNs / 1_000_000_000, (before?.Count ?? 0) + 1, message.Headers.Expiration);
        return message with
        {
            Key = queue.Options.DeadLetterKey ?? message.Key,
            Headers = message.Headers with { Expiration = null, Table = message.Headers.Table ?? new NaiveTable() },
            ReceivedNs = _nowNs,
            DueNs = 0,
            Exchange = queue.Options.DeadLetterExchange ?? "",
            Deaths = [death, .. message.Deaths.Where(known => known != before)],
            FirstDeath = message.FirstDeath ?? death,
            Number = ++_storedCount,
        };
    }

    /// <summary>Places what came: by the sequences that the engine gave, each message once; then drops what is too much.</summary>
    private void PlaceArrivals()
    {
        while (_arrivals.Count > 0)
        {
            (NaiveQueue Queue, StoredMessage Message)[] arrivals = [.. _arrivals];
            _arrivals.Clear();
            foreach (IGrouping<NaiveQueue, (NaiveQueue Queue, StoredMessage Message)> group in arrivals.GroupBy(arrival => arrival.Queue))
            {
                if (group.Key.Exists)
                    Place(group.Key, [.. group.Select(arrival => arrival.Message)]);
            }
            foreach (NaiveQueue queue in arrivals.Select(arrival => arrival.Queue).Distinct().Where(queue => queue.Exists))
                DropFromHead(queue);
        }
        // Whether there is room is asked when everything has its place.
        foreach (NaiveQueue queue in _emptied.Where(queue => queue.Exists).Distinct())
        {
            if (queue.HasRoomAgain)
                WakeWaiting(queue);
            WakeTold(queue);
        }
        _emptied.Clear();
    }

    private void Place(NaiveQueue queue, List<StoredMessage> messages)
    {
        Dictionary<long, EngineEntry> found = _engine.Find(queue.Host, queue.Name)!.Entries().Where(entry => entry.State != NaiveEntryState.Scheduled).ToDictionary(entry => entry.Sequence);
        while (messages.Count > 0)
        {
            EngineEntry? next = found.GetValueOrDefault(queue.Next);
            StoredMessage? message = null;
            if (next != null && _engine.Read(next.Position) is { } read)
            {
                message = messages.Find(candidate => candidate.Message.Id == read.PublishedNs && candidate.Key == read.Key && HasSameDeaths(candidate, read));
                Check(message != null || !found.ContainsKey(queue.Next) || messages.TrueForAll(candidate => candidate.Message.Id != read.PublishedNs),
                    $"Queue {queue.Name} holds {next} with key '{read.Key}' and headers {NaiveHeaders.Decode(read.Headers)}; came {string.Join("; ", messages.Select(candidate => $"{candidate} key '{candidate.Key}' headers {candidate.Shown}"))}.");
                if (message != null)
                    message = Adopt(message, next, messages);
            }
            // Gone again already: pushed out by one that came later.
            if (message == null)
            {
                message = messages[0];
                messages.RemoveAt(0);
            }
            Append(queue, message);
        }
    }

    private static bool HasSameDeaths(StoredMessage message, EngineMessage read) =>
        message.Deaths.Length == 0 || NaiveHeaders.Decode(read.Headers).Means(message.Shown);

    private static StoredMessage Adopt(StoredMessage message, EngineEntry found, List<StoredMessage> messages)
    {
        messages.Remove(message);
        return message.Deaths.Length == 0 ? message : message with { PayloadLength = found.PayloadLength, IsJournaled = found.IsJournaled, End = found.Position + 1 };
    }

    /// <summary>A queue that drops from its head is brought within its bounds, as far as messages are ready (rule L3).</summary>
    private void DropFromHead(NaiveQueue queue)
    {
        if (queue.Options.Overflow != "drop-head")
            return;
        while (!queue.IsWithinBounds && queue.Entries.Values.Where(entry => entry.IsReady).OrderBy(queue.Priority).ThenBy(entry => entry.Sequence).FirstOrDefault() is { } head)
        {
            Bury(queue, [head], "maxlen");
            if (_toBury.Count > 0)
                return;
        }
    }
}
