namespace LowLatency.Server.Simulation;

/// <content>What the journal must bring back.</content>
internal sealed partial class NaiveBroker
{
    /// <summary>What was durable when the journal ended where it did.</summary>
    /// <param name="IsWhole">It came with a commit: there is nothing between it and the moment before.</param>
    /// <param name="Passed">What came after the moment before and went again.</param>
    private sealed record Moment(long Tail, NaiveState State, bool IsWhole, List<(NaiveQueue Queue, NaiveEntry Entry)> Passed);

    private readonly List<Moment> _moments = [];

    /// <summary>What came into queues since the last moment; with sequence 0 what came into one that was gone before anybody saw which it got.</summary>
    private readonly List<(NaiveQueue Queue, NaiveEntry Entry)> _came = [];

    /// <summary>Remembers what is durable now.</summary>
    /// <param name="tail">Where the journal ends with it; 0: where it ends now.</param>
    private void Remember(long tail = 0, bool isWhole = false)
    {
        tail = tail != 0 ? tail : Log.Tail;
        List<(NaiveQueue Queue, NaiveEntry Entry)> passed = _came.FindAll(one => one.Entry.Message.IsJournaled && one.Queue.Entries.GetValueOrDefault(one.Entry.Sequence)?.Message != one.Entry.Message);
        _came.Clear();
        // What is durable will not be cut off: of those moments the last is enough.
        while (_moments.Count > 1 && _moments[1].Tail <= Durable)
            _moments.RemoveAt(0);
        while (_moments.Count > 0 && _moments[^1].Tail >= tail)
        {
            isWhole |= _moments[^1].IsWhole;
            passed.AddRange(_moments[^1].Passed);
            _moments.RemoveAt(_moments.Count - 1);
        }
        _moments.Add(new Moment(tail, _state.CopyDurable(), isWhole, passed));
    }

    /// <summary>The broker has come back: is everything there that has to be, and nothing else?</summary>
    /// <param name="core">The new run.</param>
    /// <param name="end">Up to where the journal was found.</param>
    /// <param name="flags">What the end of the run before allows to say of deliveries.</param>
    internal void Recover(Core.Engine.BrokerCore core, Core.Engine.MessageReader reader, long end, RecoveredFlags flags)
    {
        var engine = new EngineView(core, reader);
        CheckConfirmed(engine, flags);
        Moment before = _moments.Last(moment => moment.Tail <= end);
        // Where the end is inside of what one call wrote, some of that was done and some was not.
        Moment after = before.Tail == end ? before : _moments.Find(moment => moment.Tail > end) ?? before;
        if (after.IsWhole)
            after = before;
        _engine = engine;
        NaiveState state = before.State;
        _state = state;
        RecoverTopology(after.State);
        foreach (NaiveQueue queue in state.Queues)
        {
            IEnumerable<NaiveEntry> passed = after == before ? [] : after.Passed.Where(one => one.Queue.Host == queue.Host && one.Queue.Name == queue.Name).Select(one => one.Entry);
            // One that was about to go may have less in it than before.
            NaiveQueue later = after.State.FindQueue(queue.Host, queue.Name) ?? new NaiveQueue(queue.Host, queue.Name, queue.Options, queue.Arguments);
            Recover(queue, later, [.. passed], flags);
        }
        CheckTopology();

        _moments.Clear();
        _waitingForDiskSpace.Clear();
        _waitingForMemory.Clear();
        Begin(core, reader);
    }

    /// <summary>Takes the definitions that are there, where only the ones after would be right too.</summary>
    private void RecoverTopology(NaiveState after)
    {
        if (_state == after)
            return;
        HashSet<(string, string)> queues = [.. _engine.QueueKeys];
        foreach (NaiveVirtualHost later in after.Hosts.Values)
        {
            if (!_state.Hosts.TryGetValue(later.Name, out NaiveVirtualHost? host))
            {
                if (_engine.HasHost(later.Name))
                    _state.Hosts.Add(later.Name, later);
                continue;
            }
            foreach (NaiveQueue queue in host.Queues.Values.Where(queue => !later.Queues.ContainsKey(queue.Name) && !queues.Contains((queue.Host, queue.Name))).ToArray())
            {
                host.Queues.Remove(queue.Name);
                RemoveBindingsTo(host, toExchange: false, queue.Name);
            }
            // A connection's end takes queues along one after the other, each with the exchanges that lose their last binding by that.
            foreach (NaiveExchange exchange in host.Exchanges.Values.Where(exchange => !later.Exchanges.ContainsKey(exchange.Name) && !_engine.HasExchange(host.Name, exchange.Name)).ToArray())
                Delete(host, exchange);
            foreach (NaiveQueue queue in later.Queues.Values.Where(queue => !host.Queues.ContainsKey(queue.Name) && queues.Contains((queue.Host, queue.Name))))
                host.Queues.Add(queue.Name, queue);
        }
        foreach (NaiveVirtualHost host in _state.Hosts.Values.Where(host => !after.Hosts.ContainsKey(host.Name) && !_engine.HasHost(host.Name)).ToArray())
            _state.Hosts.Remove(host.Name);
    }

    private void Recover(NaiveQueue queue, NaiveQueue after, NaiveEntry[] passed, RecoveredFlags flags)
    {
        EngineQueue? real = _engine.Find(queue.Host, queue.Name);
        Check(real != null, $"Queue {queue.Name} did not come back.");
        Dictionary<long, EngineEntry> found = real!.Entries().Where(entry => entry.State != NaiveEntryState.Scheduled).ToDictionary(entry => entry.Sequence);
        var recovered = new List<NaiveEntry>();
        // What was cut off from the queue's end: it has the place of one that it replaced, or one of its own.
        List<NaiveEntry> unseen = [.. passed.Where(entry => entry.Sequence == 0)];
        passed = [.. passed.Where(entry => entry.Sequence != 0), .. found.Values.Where(there => there.Sequence >= queue.Next || queue.Options.LastValueKey != null)
            .SelectMany(there => unseen.Where(entry => IsIt(entry.Message, there)).Select(entry => entry with { Sequence = there.Sequence, Message = entry.Message with { End = there.Position + 1 } }))];
        foreach (long sequence in queue.Entries.Keys.Union(after.Entries.Keys).Union(queue.Ghosts.Keys).Union(after.Ghosts.Keys).Union(passed.Select(entry => entry.Sequence)))
        {
            NaiveEntry? first = queue.Entries.GetValueOrDefault(sequence);
            NaiveEntry? last = after.Entries.GetValueOrDefault(sequence);
            // One that was replaced in its place may be there again.
            NaiveEntry[] candidates = [.. new[] { first, last, queue.Ghosts.GetValueOrDefault(sequence), after.Ghosts.GetValueOrDefault(sequence) }.OfType<NaiveEntry>(), .. passed.Where(entry => entry.Sequence == sequence)];
            bool isThere = found.Remove(sequence, out EngineEntry? there);
            NaiveEntry entry = candidates.FirstOrDefault(candidate => isThere && IsIt(candidate.Message, there!)) ?? candidates[0];
            bool mayBeGone = first == null || last == null || entry.IsUncertain;
            if (!isThere)
            {
                mayBeGone |= flags == RecoveredFlags.Unknown && _engine.Holds(entry.Message.Message.Id);
                Check(mayBeGone, $"Queue {queue.Name} has lost {entry} in the restart.");
                continue;
            }
            bool isCertain = !entry.IsUncertain && first == last && entry == first;
            NaiveEntry recoveredEntry = Recover(queue, entry, there!, isCertain, flags);
            // Where the record that made it wait is there, and what it waits for is known only to the moment after it.
            if (there!.State == NaiveEntryState.Delayed)
                recoveredEntry = recoveredEntry with { DelayedUntilNs = candidates.Where(candidate => candidate.Message == entry.Message).Max(candidate => candidate.DelayedUntilNs) };
            Check(recoveredEntry.State != NaiveEntryState.Delayed || recoveredEntry.DelayedUntilNs > 0, $"Queue {queue.Name} delays {entry} after the restart, which nobody gave back.");
            recovered.Add(recoveredEntry);
        }
        Check(found.Count == 0, $"Queue {queue.Name} came back with {string.Join("; ", found.Values)}, which nobody put there.");
        Check(real.Ready == recovered.Count(entry => entry.IsReady) && real.Delayed == recovered.Count(entry => entry.State == NaiveEntryState.Delayed) && real.Unsettled == 0, $"Queue {queue.Name} has {real.Ready} ready and {real.Unsettled} unsettled after the restart, expected {recovered.Count} ready.");
        Check(real.Next > queue.LastJournaled || flags == RecoveredFlags.Unknown, $"Queue {queue.Name} goes on at {real.Next} after {queue.LastJournaled}.");
        queue.Entries = queue.Entries.Clear().AddRange(recovered.Select(entry => KeyValuePair.Create(entry.Sequence, entry)));
        queue.Ghosts = queue.Ghosts.Clear();
        RecoverScheduled(queue, after, real, flags);
        queue.Next = real.Next;
        queue.LastJournaled = Math.Min(queue.LastJournaled, real.Next - 1);
        queue.UsedNs = _nowNs;
    }

    private void RecoverScheduled(NaiveQueue queue, NaiveQueue after, EngineQueue real, RecoveredFlags flags)
    {
        // A message that was sent again is there twice: the time at which it came tells the two apart.
        var found = new Dictionary<(long Id, long ReceivedNs), bool>();
        foreach (EngineEntry entry in real.Entries().Where(entry => entry.State == NaiveEntryState.Scheduled))
        {
            EngineMessage message = _engine.Read(entry.Position)!;
            Check(found.TryAdd((message.PublishedNs, message.ReceivedNs), entry.Maybe), $"Queue {queue.Name} has message {message.PublishedNs} scheduled twice after the restart.");
        }
        // What became due, or went, when the journal had failed is there again.
        HashSet<(long, long)> known = [.. queue.Scheduled.Union(after.Scheduled).Select(Came)];
        IEnumerable<NaiveEntry> dueAgain = flags != RecoveredFlags.Unknown ? [] :
            found.Keys.Where(came => !known.Contains(came) && _scheduled.ContainsKey(came)).Select(came => new NaiveEntry(0, _scheduled[came]) { State = NaiveEntryState.Scheduled });
        List<NaiveEntry> recovered = [.. queue.Scheduled.Union(after.Scheduled).Union(dueAgain).Where(entry => found.ContainsKey(Came(entry))).OrderBy(entry => entry.Message.DueNs)];
        bool isCertain = queue.Scheduled.Equals(after.Scheduled) && flags != RecoveredFlags.Unknown;
        Check(recovered.Count == found.Count && (!isCertain || recovered.Count == queue.Scheduled.Count),
            $"Queue {queue.Name} has {found.Count} scheduled after the restart: {string.Join(", ", found.Keys)}; expected {string.Join("; ", queue.Scheduled)}.");
        for (int i = 0; i < recovered.Count; i++)
        {
            NaiveEntry entry = recovered[i];
            bool isFlagged = found[Came(entry)];
            Check(flags switch { RecoveredFlags.All => isFlagged, RecoveredFlags.Exact when isCertain => isFlagged == entry.Maybe, _ => true }, $"Queue {queue.Name}: {entry} is flagged {isFlagged} after the restart.");
            recovered[i] = entry with { Maybe = isFlagged };
        }
        queue.Scheduled = [.. recovered];
    }

    private static (long Id, long ReceivedNs) Came(NaiveEntry entry) => (entry.Message.Message.Id, entry.Message.ReceivedNs);

    /// <summary>An entry after a restart: what is certain is compared, the rest is taken as it is.</summary>
    private NaiveEntry Recover(NaiveQueue queue, NaiveEntry entry, EngineEntry found, bool isCertain, RecoveredFlags flags)
    {
        NaiveEntry expected = entry.State == NaiveEntryState.Unsettled ? entry with { State = NaiveEntryState.Ready, Count = entry.Count + 1 } : entry;
        // A back-off that has ended is not told of: it ends again.
        bool isAsDelayed = found.State == NaiveEntryState.Delayed && expected.DelayedUntilNs > 0;
        Check(found.State == expected.State || isAsDelayed || !isCertain, $"Queue {queue.Name} has {found} after the restart, expected {expected}.");
        expected = expected with { State = found.State };
        Check(found.PayloadLength == entry.Message.PayloadLength, $"Queue {queue.Name} has {Describe(found)} after the restart, expected {entry}.");
        bool isFlagged = found.Count > 0 || found.Maybe;
        bool wasDelivered = _everDelivered.Contains(Identity(queue, entry));
        Check(isFlagged || !wasDelivered || entry.IsUncertain || flags == RecoveredFlags.Unknown, $"Queue {queue.Name}: {entry} was delivered and is not flagged after the restart.");
        if (flags == RecoveredFlags.Exact && isCertain)
        {
            Check(found.Count == expected.Count && found.Maybe == expected.Maybe, $"Queue {queue.Name} has {found} after the restart, expected {expected}.");
            Check(entry.Maybe || isFlagged == wasDelivered, $"Queue {queue.Name}: {entry} is flagged {isFlagged} after the restart.");
        }
        Check(flags != RecoveredFlags.All || found.Maybe, $"Queue {queue.Name}: {entry} is not flagged after a power cut.");
        if (!isFlagged)
            _everDelivered.Remove(Identity(queue, entry));
        return expected with { Count = found.Count, Maybe = found.Maybe, IsUncertain = false };
    }

    /// <summary>More than a record takes beside the message itself.</summary>
    private const int MostOfRecord = 200;

    /// <summary>Everything is durable and the engine is idle: no segment is kept that nothing needs, and those that are kept are not much longer than what is live.</summary>
    internal void CheckRetired()
    {
        long needed = Log.Active!.Index;
        var live = new Dictionary<long, int>();
        foreach (EngineEntry entry in _state.Queues.Select(queue => _engine.Find(queue.Host, queue.Name)!).SelectMany(queue => queue.Entries()).Where(entry => entry.IsJournaled))
        {
            needed = Math.Min(needed, entry.Position / Log.SegmentSize);
            live[entry.Position] = entry.PayloadLength + MostOfRecord;
        }
        foreach (NaiveNews news in _sessions.Values.SelectMany(session => session.Consumers.Values).SelectMany(consumer => consumer.News).Where(waiting => waiting.Newest.Message.IsJournaled))
            needed = Math.Min(needed, (news.Newest.Message.End - 1) / Log.SegmentSize);
        // What comes after the start of the last snapshot stays: it may be longer than a segment.
        long last = Log.Active.Index;
        while (last > Log.OldestIndex && !Log.FindSegment(last * Log.SegmentSize)!.HasSnapshot)
            last--;
        long kept = 3 + Log.Active.Index - last;
        Check(Log.ClosedSegments * Log.SegmentSize <= 2 * live.Values.Sum(length => (long)length) + kept * Log.SegmentSize,
            $"{Log.ClosedSegments} segments are closed and hold {live.Values.Sum()} bytes of {live.Count} messages.");
        for (long index = Log.OldestIndex + 1; index <= needed; index++)
        {
            Check(!Log.FindSegment(index * Log.SegmentSize)!.HasSnapshot,
                $"The journal keeps segments from {Log.OldestIndex} on; the first message is in {needed}, and {index} begins with a snapshot.");
        }
    }

    /// <summary>Apart from the model: what a client was told is there, unless somebody settled it or its queue was deleted.</summary>
    private void CheckConfirmed(EngineView engine, RecoveredFlags flags)
    {
        Core.Engine.DurabilityLevel surviving = flags == RecoveredFlags.Exact ? Core.Engine.DurabilityLevel.Process : Core.Engine.DurabilityLevel.Disk;
        foreach (NaiveQueue queue in _state.Queues.Where(queue => queue.Durable))
        {
            HashSet<long>? there = null;
            foreach (NaiveEntry entry in queue.Entries.Values)
            {
                if (entry.Message.Message.Confirmed < surviving || !entry.Message.IsJournaled || entry.Message.IsOfTransientQueue)
                    continue;
                there ??= [.. engine.Find(queue.Host, queue.Name)?.Entries().Select(found => found.Sequence) ?? []];
                // Where what made it due or moved it was cut off, it is where it was before.
                bool isThere = there.Contains(entry.Sequence) || engine.Holds(entry.Message.Message.Id);
                Check(isThere, $"{entry.Message} was confirmed at level {entry.Message.Message.Confirmed} and is lost, queue {queue.Name}.");
            }
        }
    }
}

/// <summary>What is known about deliveries after a restart.</summary>
internal enum RecoveredFlags
{
    /// <summary>The process died: flags and counts are as they were.</summary>
    Exact,

    /// <summary>The power was cut: everything is flagged.</summary>
    All,

    /// <summary>A restart was cut off itself: whatever was delivered is flagged.</summary>
    Delivered,

    /// <summary>The journal had failed.</summary>
    Unknown,
}
