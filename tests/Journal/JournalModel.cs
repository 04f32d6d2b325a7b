using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>What a journal must hold after any crash, by the naive way: a list.</summary>
internal sealed class JournalModel
{
    private readonly List<KnownRecord> _history = [];
    private readonly SortedSet<long> _live = [];

    // Of messages that were moved: where they were before, oldest first, by where they are.
    private readonly Dictionary<long, List<long>> _before = [];
    private int _counter;

    /// <summary>The durable position seen last before the crash.</summary>
    internal long Durable { get; set; }

    /// <summary>What was appended and may still be there, oldest first.</summary>
    internal List<KnownRecord> History => _history;

    /// <summary>Recovered is what was appended, in order, from a segment's start on; with all that is durable and all that is live and durable.</summary>
    internal void CheckRecovered(JournalHarness journal, int seed, int run)
    {
        string where = $"seed {seed}, run {run}";
        List<KnownRecord> recovered = journal.Collector.Records;
        long first = recovered.Count > 0 ? recovered[0].Position : journal.Report.TailPosition;
        int from = _history.FindIndex(record => record.Position >= first);
        List<KnownRecord> expected = from < 0 ? [] : _history.GetRange(from, _history.Count - from);
        Assert.True(recovered.Count <= expected.Count, $"{where}: {recovered.Count} recovered of {expected.Count}");
        JournalHarness.AssertSame(expected.Take(recovered.Count).ToList(), recovered);
        Assert.True(expected.Skip(recovered.Count).All(record => record.Position >= Durable), $"{where}: lost below {Durable}");
        Assert.True(_live.All(position => position >= Durable || recovered.Any(record => record.Position == position)), $"{where}: lost a live message");

        long tail = journal.Report.TailPosition;
        MoveBack(first, tail, where);
        _history.RemoveAll(record => record.Position >= tail);
        _live.RemoveWhere(position => position >= tail);
        foreach (long position in _live)
            journal.Log.AddReferences(position, 1);
        journal.Journal.EnableRetirement();
        Durable = journal.Journal.DurablePosition;
    }

    /// <summary>One random thing that an engine, its flusher or its preparer does.</summary>
    internal void Step(JournalHarness journal, Random random, int maxLength = 100_000)
    {
        int known = journal.Appended.Count;
        switch (random.Next(11))
        {
            case < 5:
                int seed = ++_counter;
                bool isMessage = random.Next(3) != 0;
                RecordType type = isMessage ? RecordType.Message : RecordType.Ack;
                int length = random.Next(5) == 0 ? random.Next(maxLength) : random.Next(Math.Min(600, maxLength));
                if (journal.TryAppend(type, (uint)seed, JournalHarness.Body(length, seed), out long position) == AppendStatus.Appended && isMessage)
                {
                    journal.Log.AddReferences(position, 1);
                    _live.Add(position);
                }
                break;
            case 5:
                journal.Journal.RequestFlush();
                break;
            case 6:
                journal.Journal.Flusher.DoWork();
                break;
            case 7:
                journal.Journal.Preparer.DoWork();
                break;
            case 8:
                Move(journal, most: random.Next(1, 6));
                break;
            default:
                Settle(journal, random);
                break;
        }
        _history.AddRange(journal.Appended.Skip(known));
    }

    /// <summary>One message.</summary>
    internal void Append(JournalHarness journal, int length)
    {
        int known = journal.Appended.Count;
        int seed = ++_counter;
        if (journal.TryAppend(RecordType.Message, (uint)seed, JournalHarness.Body(length, seed), out long position) == AppendStatus.Appended)
        {
            journal.Log.AddReferences(position, 1);
            _live.Add(position);
        }
        _history.AddRange(journal.Appended.Skip(known));
    }

    /// <summary>Some messages are done with.</summary>
    internal void Settle(JournalHarness journal, Random random, int most = 4)
    {
        for (int i = random.Next(most); i > 0 && _live.Count > 0; i--)
        {
            long oldest = random.Next(5) == 0 ? _live.Max : _live.Min;
            _live.Remove(oldest);
            _before.Remove(oldest);
            journal.Log.Release(oldest);
        }
        journal.Journal.Maintain();
    }

    /// <summary>Most large messages are done with, whatever their age.</summary>
    internal void SettleLarge(JournalHarness journal, Random random)
    {
        const int Large = 50_000;
        foreach (KnownRecord record in _history)
        {
            if (record.Body.Length < Large || random.Next(10) == 0 || !_live.Remove(record.Position))
                continue;
            _before.Remove(record.Position);
            journal.Log.Release(record.Position);
        }
        journal.Journal.Maintain();
    }

    /// <summary>As an engine empties the oldest segment: what is live there is appended anew, then the old record is let go of.</summary>
    internal void Reclaim(JournalHarness journal, int most)
    {
        int known = journal.Appended.Count;
        Move(journal, most);
        _history.AddRange(journal.Appended.Skip(known));
    }

    private void Move(JournalHarness journal, int most)
    {
        if (journal.Log.FindOldestInUse() is not { } oldest)
            return;
        long end = oldest.Base + oldest.Length;
        for (; most > 0 && _live.Count > 0 && _live.Min < end; most--)
        {
            long old = _live.Min;
            KnownRecord known = _history.Find(record => record.Position == old)!;
            if (journal.TryAppend(RecordType.Moved, known.StreamId, known.Body, out long position) != AppendStatus.Appended)
                break;
            journal.Log.AddReferences(position, 1);
            journal.Log.Release(old);
            _live.Remove(old);
            _live.Add(position);
            List<long> places = _before.Remove(old, out List<long>? before) ? before : [];
            places.Add(old);
            _before.Add(position, places);
        }
        journal.Journal.Maintain();
    }

    // A move that did not come through is undone: the message is where it was.
    private void MoveBack(long first, long tail, string where)
    {
        foreach ((long position, List<long> places) in _before.ToArray())
        {
            if (position < tail)
                continue;
            _before.Remove(position);
            _live.Remove(position);
            bool wasDurable = places[0] < Durable;
            places.RemoveAll(place => place >= tail || place < first);
            Assert.True(places.Count > 0 || !wasDurable, $"{where}: lost a message that was being moved to {position}");
            if (places.Count == 0)
                continue;
            long place = places[^1];
            places.RemoveAt(places.Count - 1);
            _live.Add(place);
            if (places.Count > 0)
                _before.Add(place, places);
        }
    }

    /// <summary>Whether a recovery has brought back what it must, by the place of what it brought back in <see cref="History"/>.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal string? Judge(int first, int count, long tail)
    {
        int end = count == 0 ? _history.FindIndex(record => record.Position >= tail) : first + count;
        if (end >= 0 && end < _history.Count && _history[end].Position < Durable)
            return $"lost: the record at {_history[end].Position}, durable up to {Durable}";
        // Of messages only: their segments go when they are done with.
        if (_live.Count > 0 && _live.Min < Durable && (count == 0 || _live.Min < _history[first].Position))
            return $"lost: the live message at {_live.Min}, durable up to {Durable}";
        foreach ((long position, List<long> places) in _before)
        {
            long last = count == 0 ? -1 : _history[first + count - 1].Position;
            bool isThere = count > 0 && (position <= last || places.Exists(place => place >= _history[first].Position && place <= last));
            if (places[0] < Durable && !isThere)
                return $"lost: the message at {places[^1]} that was being moved to {position}, durable up to {Durable}";
        }
        return null;
    }
}
