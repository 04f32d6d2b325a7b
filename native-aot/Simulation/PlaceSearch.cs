namespace LowLatency.Server.Simulation;

/// <summary>Messages from several sources came into a queue that keeps the newest of each key (rule O3): in which order? Looks for one that
/// keeps the order of each source and ends with what the engine holds. Where there is none the engine is wrong.</summary>
/// <param name="there">Those that the engine still holds, with their sequences.</param>
/// <param name="given">Sequences that the queue gave, rising. Some may be for what comes with the same command later.</param>
/// <param name="isHeld">Whether the engine holds something at a sequence.</param>
internal sealed class PlaceSearch(NaiveQueue queue, List<Arrival> arrivals, Dictionary<StoredMessage, long> there, long[] given, Func<long, bool> isHeld)
{
    private readonly Arrival[][] _sources = [.. arrivals.GroupBy(arrival => arrival.Source).Select(source => source.ToArray())];
    private readonly List<(StoredMessage Message, long Sequence)> _placed = [];
    private readonly HashSet<string> _failed = [];

    /// <summary>The messages in such an order, each with its place; null where there is none.</summary>
    internal List<(StoredMessage Message, long Sequence)>? Find()
    {
        int[] done = new int[_sources.Length];
        return Go(done, 0, mayLeave: false) || Go(done, 0, mayLeave: true) ? _placed : null;
    }

    private bool Go(int[] done, int used, bool mayLeave)
    {
        if (_placed.Count == arrivals.Count)
            return mayLeave || used == given.Length;
        // The same messages placed and the same newest of each key: what was tried is not tried again.
        string state = $"{string.Join(' ', done)}/{used}/{mayLeave}/{string.Join(' ', Newest().Select(newest => $"{newest.Message.Number}:{newest.Sequence}").Order(StringComparer.Ordinal))}";
        if (!_failed.Add(state))
            return false;
        for (int i = 0; i < _sources.Length; i++)
        {
            if (done[i] == _sources[i].Length)
                continue;
            StoredMessage message = _sources[i][done[i]].Message;
            done[i]++;
            if (GoWith(message, done, used, mayLeave))
                return true;
            done[i]--;
        }
        return false;
    }

    private bool GoWith(StoredMessage message, int[] done, int used, bool mayLeave)
    {
        (StoredMessage Message, long Sequence)? before = Before(message);
        // The newest of a key that is still there is the last of them.
        if (before is { } newest && there.ContainsKey(newest.Message))
            return false;
        if (before is { } same && (!queue.Durable || same.Message.IsJournaled == message.IsJournaled))
            return IsRight(message, same.Sequence) && GoOn(message, same.Sequence, done, used, mayLeave);
        if (before is { } old && isHeld(old.Sequence) && !there.ContainsValue(old.Sequence))
            return false;
        for (int next = used; next < given.Length; next++)
        {
            if (IsRight(message, given[next]) && GoOn(message, given[next], done, next + 1, mayLeave))
                return true;
            if (!mayLeave)
                return false;
        }
        return false;
    }

    private bool GoOn(StoredMessage message, long sequence, int[] done, int used, bool mayLeave)
    {
        _placed.Add((message, sequence));
        if (Go(done, used, mayLeave))
            return true;
        _placed.RemoveAt(_placed.Count - 1);
        return false;
    }

    private bool IsRight(StoredMessage message, long sequence) => !there.TryGetValue(message, out long found) || found == sequence;

    private (StoredMessage Message, long Sequence)? Before(StoredMessage message)
    {
        if (queue.ValueKey(message) is not { } key)
            return null;
        foreach ((StoredMessage placed, long sequence) in Enumerable.Reverse(_placed))
        {
            if (queue.ValueKey(placed) == key)
                return (placed, sequence);
        }
        return queue.ReplacedBy(message) is { } replaced ? (replaced.Message, replaced.Sequence) : null;
    }

    private IEnumerable<(StoredMessage Message, long Sequence)> Newest() =>
        _placed.GroupBy(placed => queue.ValueKey(placed.Message) ?? $"none {placed.Message.Number}").Select(same => same.Last());
}
