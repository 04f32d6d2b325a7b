using LowLatency.Core.Journal;

namespace LowLatency.Server.Simulation;

/// <content>Places of what comes into queues: which message has which sequence (rules Q8, O3).</content>
internal sealed partial class NaiveBroker
{
    /// <summary>Messages that come into queues with the present command, not placed yet: only those of one source come in order.</summary>
    private readonly List<Arrival> _arrivals = [];

    /// <summary>Sequences that the engine gave with the present command, and that nothing of the model has yet.</summary>
    private readonly Dictionary<NaiveQueue, SortedSet<long>> _given = [];

    /// <summary>Far more than messages go from queue to queue with one command: each goes to a queue once.</summary>
    private const int MostLooks = 20_000;

    /// <summary>Places what came: by the sequences that the engine gave, each message once; then drops what is too much, queue after queue.</summary>
    private void PlaceArrivals()
    {
        Place();
        for (int looked = 0; _ready.Count > 0; looked++)
        {
            NaiveQueue queue = _ready[0];
            Check(looked < MostLooks, $"What is beyond its bound goes from queue to queue without an end: {string.Join(", ", _ready.Take(8).Select(ready => $"{ready.Name} ({ready.Entries.Count})"))}; the last is {queue.Entries.Values.LastOrDefault()}.");
            _ready.RemoveAt(0);
            if (queue.Exists)
                DropFromHead(queue);
            Place();
        }
        // Whether there is room is asked when everything has its place.
        foreach (NaiveQueue queue in _emptied.Where(queue => queue.Exists).Distinct())
        {
            if (queue.HasRoomAgain)
                WakeWaiting(queue);
            WakeTold(queue);
            LetGo(queue);
        }
        _emptied.Clear();
    }

    private void CheckGiven()
    {
        foreach ((NaiveQueue queue, SortedSet<long> left) in _given)
            Check(left.Count == 0 || !queue.Exists, $"Queue {queue.Name} gave sequences {string.Join(", ", left)}; nothing came for them: {string.Join("; ", left.Select(sequence => _engine.Find(queue.Host, queue.Name)?.Entry(sequence)))}. Expected are {string.Join("; ", queue.Entries.Values)}.");
        _given.Clear();
        // Who was refused for the size of a message may be told at any time.
        foreach (NaiveQueue queue in _state.Queues.Where(queue => queue.Waiting.Count > 0 && queue.HasRoomAgain))
            WakeTold(queue);
    }

    /// <summary>Queues in which messages have become ready: they may be beyond their bounds.</summary>
    private readonly List<NaiveQueue> _ready = [];

    private void Place()
    {
        Arrival[] arrivals = [.. _arrivals];
        _arrivals.Clear();
        foreach (IGrouping<NaiveQueue, Arrival> group in arrivals.GroupBy(arrival => arrival.Queue).Where(group => group.Key.Exists))
        {
            Place(group.Key, [.. group]);
            _ready.Add(group.Key);
        }
    }

    /// <summary>Gives messages their sequences: what the engine holds tells where they are. What is not there any more was pushed out by what came later.</summary>
    private void Place(NaiveQueue queue, List<Arrival> arrivals)
    {
        if (_engine.Find(queue.Host, queue.Name) is not { } real)
        {
            // It went with the same call. Where the journal is cut off between the two they are there.
            _came.AddRange(arrivals.Select(arrival => (queue, new NaiveEntry(0, arrival.Message) { Maybe = arrival.Message.Maybe })));
            return;
        }
        if (!_given.TryGetValue(queue, out SortedSet<long>? given))
            _given.Add(queue, given = []);
        for (; queue.Next < real.Next; queue.Next++)
            given.Add(queue.Next);
        var there = new Dictionary<StoredMessage, long>();
        foreach (StoredMessage message in arrivals.Select(arrival => arrival.Message))
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
        // What the journal cannot be told of any more is not moved: it comes again with the next run.
        bool hasFailed = Log.State == JournalState.Failed;
        if (hasFailed || arrivals.Exists(arrival => arrival.MayBeGone))
            arrivals.RemoveAll(arrival => (arrival.MayBeGone || (hasFailed && arrival.Message.Deaths.Length > 0)) && !there.ContainsKey(arrival.Message) && given.All(sequence => real.Entry(sequence) != null));
        List<(StoredMessage Message, long Sequence)>? placed = queue.Options.LastValueKey != null
            ? new PlaceSearch(queue, arrivals, there, [.. given], sequence => real.Entry(sequence) != null).Find()
            : InOrder(arrivals, there, new Queue<long>(given.Except(there.Values)));
        Check(placed != null, $"Queue {queue.Name} goes on at {real.Next}: there is no place for {string.Join("; ", arrivals.Select(arrival => $"{arrival.Message} {arrival.Source}"))}; it gave {string.Join("; ", given.Select(other => Describe(real.Entry(other))))}, and before it held {string.Join("; ", queue.Entries.Values)}.");
        foreach ((StoredMessage message, long sequence) in placed!)
        {
            given.Remove(sequence);
            EngineEntry? found = there.ContainsKey(message) ? real.Entry(sequence) : null;
            Append(queue, found == null ? message : message with { IsJournaled = found.IsJournaled, End = found.Position + 1 }, sequence);
        }
    }

    /// <summary>Each message has a sequence of its own, and those of one source come in their order; null where that is not so.</summary>
    /// <param name="gone">Sequences of messages that are not there any more.</param>
    private static List<(StoredMessage Message, long Sequence)>? InOrder(List<Arrival> arrivals, Dictionary<StoredMessage, long> there, Queue<long> gone)
    {
        foreach (IGrouping<string, Arrival> source in arrivals.Where(arrival => there.ContainsKey(arrival.Message)).GroupBy(arrival => arrival.Source))
        {
            long[] sequences = [.. source.Select(arrival => there[arrival.Message])];
            Check(sequences.SequenceEqual(sequences.Order()), $"What is {source.Key} came to queue {arrivals[0].Queue.Name} in the order {string.Join(", ", sequences)}.");
        }
        var placed = new List<(StoredMessage Message, long Sequence)>();
        foreach (StoredMessage message in arrivals.Select(arrival => arrival.Message).OrderBy(message => there.GetValueOrDefault(message)))
        {
            if (!there.TryGetValue(message, out long sequence) && !gone.TryDequeue(out sequence))
                return null;
            placed.Add((message, sequence));
        }
        return placed;
    }

    private string Describe(EngineEntry? found) =>
        found != null && _engine.Read(found.Position) is { } read ? $"{found} with key '{read.Key}' and headers {NaiveHeaders.Decode(read.Headers)}" : $"{found}";

    /// <summary>What the engine holds is this message.</summary>
    private bool IsIt(StoredMessage message, EngineEntry found)
    {
        EngineMessage? read = _engine.Read(found.Position);
        // The same message may be there twice, sent again: it came at another time.
        return read != null && read.PublishedNs == message.Message.Id && read.ReceivedNs == message.ReceivedNs && read.Key == message.Key
            && (message.Deaths.Length == 0 ? read.Headers.AsSpan().SequenceEqual(message.Message.HeaderBytes) : NaiveHeaders.Decode(read.Headers).Means(message.Shown));
    }
}

/// <param name="Source">What comes from one source comes in order; what comes from several comes in any.</param>
internal sealed record Arrival(NaiveQueue Queue, StoredMessage Message, string Source)
{
    /// <summary>It may never have come: the queue that it leaves went before there was room for it.</summary>
    internal bool MayBeGone { get; init; }
}
