using System.Collections.Immutable;

namespace LowLatency.Server.Simulation;

/// <summary>A queue as a list of messages in order. What it holds is immutable, so that a moment of it costs nothing to remember.</summary>
internal sealed class NaiveQueue(string host, string name, NaiveQueueOptions options, NaiveTable arguments)
{
    private const long NsPerMs = 1_000_000;

    internal string Host { get; } = host;

    internal string Name { get; } = name;

    internal NaiveQueueOptions Options { get; } = options;

    internal NaiveTable Arguments { get; } = arguments;

    internal bool Durable => Options.Durable;

    internal long DefinedAt { get; set; }

    internal bool Exists { get; set; } = true;

    /// <summary>Session of the connection that alone may use it; -1 for any.</summary>
    internal int Owner { get; set; } = -1;

    /// <summary>Unix time in nanoseconds at which it was last used, for <c>x-expires</c>.</summary>
    internal long UsedNs { get; set; }

    /// <summary>All but the scheduled, by their sequences.</summary>
    internal ImmutableSortedDictionary<long, NaiveEntry> Entries { get; set; } = ImmutableSortedDictionary<long, NaiveEntry>.Empty;

    /// <summary>In the order in which they are due.</summary>
    internal ImmutableList<NaiveEntry> Scheduled { get; set; } = [];

    /// <summary>Taken out while the journal took nothing: a restart may bring them back.</summary>
    internal ImmutableDictionary<long, NaiveEntry> Ghosts { get; set; } = ImmutableDictionary<long, NaiveEntry>.Empty;

    /// <summary>Sequence of the next message.</summary>
    internal long Next { get; set; } = 1;

    /// <summary>Highest sequence of a message in the journal: never given again.</summary>
    internal long LastJournaled { get; set; }

    internal List<NaiveConsumer> Consumers { get; } = [];

    /// <summary>Closed subscriptions that still have something to settle.</summary>
    internal List<NaiveConsumer> Kept { get; } = [];

    /// <summary>With a single active consumer: that one.</summary>
    internal NaiveConsumer? Active { get; set; }

    /// <summary>Was active, and has something left to settle before the next one is.</summary>
    internal NaiveConsumer? Leaving { get; set; }

    /// <summary>A direct reply-to address.</summary>
    internal bool IsReplyTo { get; init; }

    /// <summary>Publications that were told that it is full.</summary>
    internal List<NaivePublication> Waiting { get; } = [];

    internal IEnumerable<NaiveEntry> All => Entries.Values.Concat(Scheduled);

    internal int Count => Entries.Count + Scheduled.Count;

    internal long Bytes => All.Sum(entry => (long)entry.Message.PayloadLength);

    internal int ReadyCount => Entries.Values.Count(entry => entry.IsReady);

    internal int UnsettledCount => Entries.Values.Count(entry => entry.State == NaiveEntryState.Unsettled);

    internal int DelayedCount => Entries.Values.Count(entry => entry.State == NaiveEntryState.Delayed);

    /// <summary>Ready ones in the order of delivery (rules O1, O2).</summary>
    internal List<NaiveEntry> Ready => [.. Entries.Values.Where(entry => entry.IsReady).OrderByDescending(Priority).ThenBy(entry => entry.Sequence)];

    /// <summary>Subscriptions that may be given messages.</summary>
    internal IEnumerable<NaiveConsumer> Takers => Options.SingleActive ? Active == null ? [] : [Active] : Consumers.Where(consumer => !consumer.IsViewer);

    /// <summary>Messages taken beyond its bounds since it was within them last, where it blocks.</summary>
    internal int TakenBeyond { get; set; }

    /// <summary>Publications whose confirms it holds back.</summary>
    internal List<NaivePublication> Blocked { get; } = [];

    /// <summary>Those that were told so, or will be when what they were told of is over.</summary>
    internal List<NaivePublication> Told { get; } = [];

    /// <summary>Unix time in nanoseconds since which it has told any.</summary>
    internal long BlocksSinceNs { get; set; }

    /// <summary>Those that were told are told that it is over.</summary>
    internal bool EndsBlock => HasRoomAgain || Count == 0;

    internal bool IsWithinBounds => Fits(new Load(Count, Bytes));

    internal long Priority(NaiveEntry entry) => Options.MaxPriority is { } most ? Math.Min(entry.Message.Headers.Priority ?? 0, most) : 0;

    /// <summary>What a transaction that is being looked at would bring, less what it would take away.</summary>
    internal int PromisedCount { get; set; }

    internal long PromisedBytes { get; set; }

    /// <summary>One more message of that size does not fit (rule L1).</summary>
    internal bool IsFullFor(int size) =>
        Count + PromisedCount + 1 > Options.MaxLength || (Count + PromisedCount > 0 && Bytes + PromisedBytes + size > Options.MaxBytes);

    /// <summary>Room enough to wake those that wait.</summary>
    internal bool HasRoomAgain => HasRoom(new Load(Count, Bytes));

    /// <summary>What a queue holds.</summary>
    internal readonly record struct Load(long Count, long Bytes);

    internal bool Fits(Load load) => load.Count <= Options.MaxLength && (load.Bytes <= Options.MaxBytes || load.Count <= 1);

    internal bool HasRoom(Load load) => load.Count <= Options.MaxLength - Math.Max(1, Options.MaxLength / 8) && (load.Count <= 0 || load.Bytes <= Options.MaxBytes - Options.MaxBytes / 8);

    /// <summary>The time at which it is removed unless it is unsettled (rule T1); null for never.</summary>
    internal long? ExpiresNs(NaiveEntry entry)
    {
        long? ttl = Options.TtlMs;
        if (entry.Message.Headers.Expiration is { } expiration)
            ttl = Math.Min(ttl ?? long.MaxValue, long.Parse(expiration, System.Globalization.CultureInfo.InvariantCulture));
        return ttl == null ? null : Math.Max(entry.Message.ReceivedNs, entry.Message.DueNs) + Math.Max(ttl.Value * NsPerMs, 1);
    }

    /// <summary>How long it waits that came back for the n-th time (rule O5), in nanoseconds.</summary>
    internal long DelayNs(int returns) => (long)Math.Min(Options.DelayMs * Math.Pow(2, Math.Min(returns - 1, 60)), Options.DelayMaxMs) * NsPerMs;

    /// <summary>The key by which a message replaces another (rule O3); null for none.</summary>
    internal string? ValueKey(StoredMessage message) => Options.LastValueKey switch
    {
        null => null,
        "" => message.Key,
        { } header => KeyOf(message, header),
    };

    internal static string? KeyOf(StoredMessage message, string header) =>
        header.Length == 0 ? message.Key
        : message.Shown.Table is { } table && table.TryGet(header, out object? value) ? new NaiveTable().With("", value).ToString()
        : null;

    /// <summary>The newest message held with a key.</summary>
    internal NaiveEntry? NewestOf(string key) => Entries.Values.LastOrDefault(entry => ValueKey(entry.Message) == key);

    internal void Set(NaiveEntry entry) => Entries = Entries.SetItem(entry.Sequence, entry);

    internal void Remove(NaiveEntry entry)
    {
        if (entry.State == NaiveEntryState.Scheduled)
            Scheduled = Scheduled.Remove(entry);
        else
            Entries = Entries.Remove(entry.Sequence);
    }

    /// <summary>The waiting message that one replaces, or null (rule O3).</summary>
    internal NaiveEntry? ReplacedBy(StoredMessage message) =>
        ValueKey(message) is { } key && NewestOf(key) is { State: NaiveEntryState.Ready or NaiveEntryState.Delayed } newest ? newest : null;

    /// <summary>The waiting message in whose place one comes; null: it comes to the end. Only where one log has both: a replay could not do it otherwise.</summary>
    internal NaiveEntry? PlaceOf(StoredMessage message) =>
        ReplacedBy(message) is { } replaced && (!Durable || replaced.Message.IsJournaled == message.IsJournaled) ? replaced : null;

    /// <summary>Adds a message: in the place of the one that it replaces, else with a sequence of its own.</summary>
    internal NaiveEntry Append(StoredMessage message, long sequence)
    {
        if (ReplacedBy(message) is { } replaced)
            Remove(replaced);
        var entry = new NaiveEntry(sequence, message) { Maybe = message.Maybe };
        Set(entry);
        if (message.IsJournaled)
            LastJournaled = Math.Max(LastJournaled, entry.Sequence);
        return entry;
    }

    /// <summary>Holds a message until its time.</summary>
    internal void Hold(StoredMessage message) =>
        Scheduled = [.. Scheduled.Append(new NaiveEntry(0, message) { State = NaiveEntryState.Scheduled }).OrderBy(entry => entry.Message.DueNs)];

    /// <summary>Of a durable queue, what is in the journal.</summary>
    internal NaiveQueue CopyDurable()
    {
        var copy = new NaiveQueue(Host, Name, Options, Arguments) { Next = Next, LastJournaled = LastJournaled, DefinedAt = DefinedAt, Ghosts = Ghosts };
        copy.Entries = Entries.Values.Any(entry => !entry.Message.IsJournaled) ? Entries.RemoveRange(Entries.Values.Where(entry => !entry.Message.IsJournaled).Select(entry => entry.Sequence)) : Entries;
        copy.Scheduled = Scheduled.RemoveAll(entry => !entry.Message.IsJournaled);
        return copy;
    }
}
