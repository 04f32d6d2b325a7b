using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Journals;
using LowLatency.Tests.Wire;
using Xunit;
using Journal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Tests.Faults;

/// <summary>
/// One journal under a random load, on a disk that may lose power at any moment: at each call of the storage, and after each step, every state is
/// built that the disk may then have, and recovered.
/// </summary>
/// <remarks>
/// Up to 12 blocks (5, where cold segments are compressed) that were stored and not synced: every subset of them, with every number of names that came through. More: a sample, some of it with torn
/// blocks. Recoveries that the load itself goes through are explored like the rest.
/// </remarks>
internal sealed unsafe class CrashStates : IDisposable
{
    private const int MaxExhaustive = 12;

    /// <summary>As above, where a run has to come further.</summary>
    private const int MaxExhaustiveCompressing = 5;
    private const int SamplePerPoint = 48;
    private const int ExploreOneOf = 4;

    /// <summary>With fewer bytes left, a segment is rolled in one step.</summary>
    private const int Short = 12_000;

    /// <summary>One spare file: less to copy for each state.</summary>
    private static readonly JournalOptions Plain = JournalHarness.Options with { MaxSpares = 1 };

    private readonly JournalOptions _options;
    private readonly Random _random;
    private readonly int _seed;
    private readonly long _limit;
    private readonly RewindableStorage _storage = new();
    private readonly List<(SimulatedFile File, RewindableFile Copy, int Offset)> _dirty = [];
    private readonly JournalModel _model = new();
    private JournalHarness? _journal;
    private bool _isExploring;
    private int _point;

    /// <param name="seed">Decides everything.</param>
    /// <param name="limit">States after which it ends.</param>
    /// <param name="compresses">Make cold segments, and compress them.</param>
    internal CrashStates(int seed, long limit, bool compresses = false)
    {
        _options = compresses ? Plain with { MemoryBytes = 0, Compression = BatchOpener.Load() } : Plain;
        _seed = seed;
        _limit = limit;
        _random = new Random(seed);
    }

    /// <summary>States that were recovered.</summary>
    internal long Count { get; private set; }

    /// <summary>Moments at which the power was cut.</summary>
    internal int Points => _point;

    /// <summary>Segments that were compressed.</summary>
    internal long Compressed { get; private set; }

    internal void Run()
    {
        using var disk = new SimulatedDisk();
        disk.BeforeCall = () => Explore(disk);
        for (int run = 0; run < 6 && Count < _limit; run++)
        {
            _isExploring = run > 0 || _options.Compression == null; // A journal that is new is the same in both.
            using (_journal = null)
            using (var journal = new JournalHarness(disk.Start(), _options))
            {
                _isExploring = false;
                _model.CheckRecovered(journal, _seed, run);
                _journal = journal;
                journal.WriteSnapshots = _random.Next(4) != 0; // Now and then there is no room for one.
                Fill(journal);
                if (_random.Next(4) == 0)
                    disk.FailSync = disk.Syncs + _random.Next(12);
                _isExploring = true;
                if (_options.Compression != null)
                    Compress(journal);
                for (int step = 0; step < 60 && Count < _limit && journal.Journal.State != JournalState.Failed; step++)
                {
                    bool empties = Left(journal) < Short && _random.Next(10) == 0;
                    if (empties)
                        EmptyAndRoll(journal);
                    else
                        _model.Step(journal, _random, maxLength: 1_500);
                    _model.Durable = journal.Journal.DurablePosition;
                    Explore(disk, isCertain: empties);
                }
                if (_random.Next(3) == 0)
                    journal.Journal.CloseClean();
                _isExploring = false;
                _model.Durable = journal.Journal.DurablePosition;
                _journal = null;
            }
            disk.FailSync = -1;
            if (_random.Next(3) == 0)
                disk.Kill();
            else
                disk.PowerCut(_random);
        }
    }

    public void Dispose() => _storage.Free();

    /// <summary>Through some segments, so that files come back, to shortly before the end of one, with few records: what rolls is what breaks.</summary>
    private void Fill(JournalHarness journal)
    {
        int room = 1_000 + _random.Next(8_000);
        int rolls = _options.Compression != null ? JournalOptions.MinHotSegments + _random.Next(3) : _random.Next(4);
        while (journal.Rolls < rolls || Left(journal) > room + 130_000)
        {
            if (rolls == 0 && _random.Next(8) == 0)
                break;
            _model.Append(journal, 120_000);
            // Small ones among them, some of which are all that stays of a segment: they fit where the next one ends, and move there.
            if (_random.Next(2) == 0)
                _model.Append(journal, _random.Next(300));
            bool keeps = _options.Compression != null && _random.Next(12) != 0; // What is done with is not compressed.
            if (!keeps && _random.Next(3) == 0)
                _model.SettleLarge(journal, _random);
            else if (!keeps && _random.Next(2) == 0)
                _model.Settle(journal, _random, most: 12);
            journal.Flush();
            journal.RunPreparer();
        }
        if (Left(journal) - room is > 0 and < 140_000 and var left)
            _model.Append(journal, left);
        journal.Flush();
        _model.Durable = journal.Journal.DurablePosition;
    }

    /// <summary>The oldest segment is emptied into the end of the newest, and the next one says that it is: what moved may be missing then.</summary>
    private void EmptyAndRoll(JournalHarness journal)
    {
        long segment = journal.Log.Tail / JournalHarness.SegmentSize;
        _model.Reclaim(journal, most: 64);
        if (journal.Log.Tail / JournalHarness.SegmentSize == segment)
            _model.Append(journal, Left(journal));
    }

    /// <summary>All that is cold, in the way of all that a journal does meanwhile.</summary>
    private void Compress(JournalHarness journal)
    {
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        for (int idle = 0; idle < 3 && Count < _limit;)
        {
            int work = journal.Journal.Preparer.DoWork();
            if (_random.Next(3) == 0)
                journal.Log.TakeOffer();
            if (_random.Next(40) == 0)
                _model.Settle(journal, _random);
            idle = work > 0 || compressor.IsBusy || journal.Log.HasOffer ? 0 : idle + 1;
        }
        Compressed += journal.Log.CompressedCount;
    }

    private static int Left(JournalHarness journal) => JournalHarness.SegmentSize - (int)(journal.Log.Tail & (JournalHarness.SegmentSize - 1));

    private void Explore(SimulatedDisk disk, bool isCertain = false)
    {
        // Not every moment: the next load meets others, and one journal's life is long. But all where names change.
        if (!_isExploring || Count >= _limit || (!isCertain && disk.PendingNames == 0 && _random.Next(ExploreOneOf) != 0))
            return;
        // Exploring makes no calls of the disk, but a failing check may.
        _isExploring = false;
        if (_journal != null)
            _model.Durable = Math.Max(_model.Durable, _journal.Journal.DurablePosition);
        _point++;
        int names = disk.PendingNames;
        for (int kept = 0; kept <= names && Count < _limit; kept++)
        {
            if (names > 4 && kept < names && _random.Next(names) > 2)
                continue;
            TakeImage(disk, kept);
            if (_dirty.Count <= (_options.Compression == null ? MaxExhaustive : MaxExhaustiveCompressing))
            {
                for (int subset = 0; subset < 1 << _dirty.Count && Count < _limit; subset++)
                    Try(subset, kept);
            }
            else
            {
                for (int i = 0; i < SamplePerPoint && Count < _limit; i++)
                    TrySample(i, kept);
            }
        }
        _isExploring = true;
    }

    private void TakeImage(SimulatedDisk disk, int kept)
    {
        _storage.Clear();
        _dirty.Clear();
        int index = 0;
        foreach ((string name, SimulatedFile file) in disk.NamesAfter(kept))
        {
            RewindableFile copy = _storage.Add(name, index++, file.Length);
            file.LoadDurable(copy.Image);
            copy.IsTouched = true;
            foreach (int offset in file.DirtyBlocks())
                _dirty.Add((file, copy, offset));
        }
        _storage.Rewind();
    }

    private void Try(int subset, int kept)
    {
        for (int i = 0; i < _dirty.Count; i++)
        {
            if ((subset & (1 << i)) != 0)
                Keep(i, SimulatedFile.BlockLength);
        }
        Recover(() => $"names {kept}, blocks {subset:X} of {_dirty.Count}");
    }

    private void TrySample(int sample, int kept)
    {
        // Nothing, everything, all but one, up to one, and at random; in a third of them blocks are torn.
        int pivot = _random.Next(_dirty.Count);
        bool tears = _random.Next(3) == 0;
        double share = _random.NextDouble();
        for (int i = 0; i < _dirty.Count; i++)
        {
            bool isKept = (sample % 6) switch
            {
                0 => sample == 0,
                1 => i != pivot,
                2 => i <= pivot,
                3 => i >= pivot,
                _ => _random.NextDouble() < share,
            };
            if (isKept)
                Keep(i, tears && _random.Next(4) == 0 ? _random.Next(SimulatedFile.BlockLength) : SimulatedFile.BlockLength);
        }
        Recover(() => $"names {kept}, sample {sample} of {_dirty.Count} blocks");
    }

    private void Keep(int block, int length)
    {
        (SimulatedFile file, RewindableFile copy, int offset) = _dirty[block];
        copy.Store(offset, new ReadOnlySpan<byte>(file.Cache + offset, length));
    }

    private void Recover(Func<string> state)
    {
        Count++;
        var visitor = new PrefixVisitor(_model.History);
        try
        {
            using Journal journal = Journal.Open(_storage, _options with { Compression = null }, ref visitor, out RecoveryReport report);
            string? wrong = visitor.Wrong ?? _model.Judge(visitor.First, visitor.Count, report.TailPosition);
            if (wrong == null && journal.DurablePosition != journal.Log.Tail)
                wrong = "served before it was durable";
            Assert.True(wrong == null, wrong);
        }
        catch (Exception error)
        {
            throw new CrashStateException($"seed {_seed}, point {_point}, {state()}: {error.Message}", error);
        }
        _storage.Rewind();
    }
}

/// <summary>A state that a disk may have after a power cut, from which recovery did not bring back what it must.</summary>
internal sealed class CrashStateException(string message, Exception cause) : Exception(message, cause);
