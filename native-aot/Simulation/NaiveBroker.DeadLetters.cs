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
        Remove(queue, now);
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
            Exchange = exchanges.GetValueOrDefault(queue.Options.DeadLetterExchange ?? "")?.Identity,
            Deaths = [death, .. message.Deaths.Where(known => known != before)],
            FirstDeath = message.FirstDeath ?? death,
            Number = ++_storedCount,
        };
        return dead with { PayloadLength = dead.Key.Length + dead.Shown.Encode().Length + dead.Message.Body.Length };
    }

    /// <summary>Sequences that the engine gave with the present command, and that nothing of the model has yet.</summary>
    private readonly Dictionary<NaiveQueue, SortedSet<long>> _given = [];

    /// <summary>Places what came: by the sequences that the engine gave, each message once; then drops what is too much.</summary>
    private void PlaceArrivals()
    {
        DropReady();
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

    private void CheckGiven()
    {
        foreach ((NaiveQueue queue, SortedSet<long> left) in _given)
            Check(left.Count == 0 || !queue.Exists, $"Queue {queue.Name} gave sequences {string.Join(", ", left)}; nothing came for them: {string.Join("; ", left.Select(sequence => _engine.Find(queue.Host, queue.Name)?.Entry(sequence)))}.");
        _given.Clear();
        // Who was refused for the size of a message may be told at any time.
        foreach (NaiveQueue queue in _state.Queues.Where(queue => queue.Waiting.Count > 0 && queue.HasRoomAgain))
            WakeTold(queue);
    }

    /// <summary>Queues in which messages have become ready that were there already: they may have been beyond their bounds for want of any.</summary>
    private readonly List<NaiveQueue> _ready = [];

    private void DropReady()
    {
        foreach (NaiveQueue queue in _ready.Where(queue => queue.Exists))
            DropFromHead(queue);
        _ready.Clear();
    }

    /// <summary>Gives messages their sequences: what the engine holds tells where they are. What is not there any more was pushed out by what came later.</summary>
    private void Place(NaiveQueue queue, List<StoredMessage> messages)
    {
        if (_engine.Find(queue.Host, queue.Name) is not { } real)
            return; // It goes with the same command.
        if (!_given.TryGetValue(queue, out SortedSet<long>? given))
            _given.Add(queue, given = []);
        for (; queue.Next < real.Next; queue.Next++)
            given.Add(queue.Next);
        var there = new Dictionary<StoredMessage, long>();
        foreach (StoredMessage message in messages)
        {
            IEnumerable<long> places = queue.PlaceOf(message) is { } replaced ? given.Append(replaced.Sequence) : given;
            foreach (long sequence in places.Where(sequence => !there.ContainsValue(sequence)))
            {
                if (real.Entry(sequence) is { } found && IsIt(message, found))
                {
                    there.Add(message, sequence);
                    break;
                }
            }
        }
        // Those that are gone first: of one key they came before the one that is there.
        foreach (StoredMessage message in messages.OrderBy(message => there.GetValueOrDefault(message)))
        {
            long sequence = queue.PlaceOf(message)?.Sequence ?? 0;
            if (sequence == 0 && !there.TryGetValue(message, out sequence))
                sequence = SequenceOfGone(queue, message, messages, there, real, given);
            // What the journal cannot be told of any more is not moved: it comes again with the next run.
            if (sequence == 0 && message.Deaths.Length > 0 && Log.State == JournalState.Failed)
                continue;
            Check(sequence > 0, $"Queue {queue.Name} goes on at {real.Next}: there is no place for {message} with key '{message.Key}' and headers {message.Shown}; it holds {string.Join("; ", given.Select(other => Describe(real.Entry(other))))}.");
            given.Remove(sequence);
            EngineEntry? found = there.ContainsKey(message) ? real.Entry(sequence) : null;
            Append(queue, found == null ? message : message with { IsJournaled = found.IsJournaled, End = found.Position + 1 }, sequence);
        }
    }

    private static long SequenceOfGone(NaiveQueue queue, StoredMessage message, List<StoredMessage> messages, Dictionary<StoredMessage, long> there, EngineQueue real, SortedSet<long> given)
    {
        StoredMessage? newer = queue.ValueKey(message) is { } key ? messages.Find(other => there.ContainsKey(other) && queue.ValueKey(other) == key && (!queue.Durable || other.IsJournaled == message.IsJournaled)) : null;
        return newer != null ? there[newer] : given.FirstOrDefault(sequence => real.Entry(sequence) == null);
    }

    private string Describe(EngineEntry? found) =>
        found != null && _engine.Read(found.Position) is { } read ? $"{found} with key '{read.Key}' and headers {NaiveHeaders.Decode(read.Headers)}" : $"{found}";

    /// <summary>What the engine holds is this message.</summary>
    private bool IsIt(StoredMessage message, EngineEntry found)
    {
        EngineMessage? read = _engine.Read(found.Position);
        return read != null && read.PublishedNs == message.Message.Id && read.Key == message.Key
            && (message.Deaths.Length == 0 ? read.Headers.AsSpan().SequenceEqual(message.Message.HeaderBytes) : NaiveHeaders.Decode(read.Headers).Means(message.Shown));
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
