using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>When segments go, and what becomes of their files.</summary>
public sealed unsafe class RetirementTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldNotRetireBeforeASnapshotThatMayBeTorn()
    {
        using JournalHarness journal = Start();
        List<long> live = Fill(journal, segments: 2);
        long kept = live.First(position => position > JournalHarness.SegmentSize);
        live.Where(position => position != kept).ToList().ForEach(journal.Log.Release);
        // Segment 1 would be the first; its snapshot is not durable, and the marker that names it would stand in segment 2.
        Assert.False(journal.Journal.Maintain());
        Assert.True(journal.Log.Record(live[0]) != null);
        journal.Flush();
        Assert.True(journal.Journal.Maintain());
        Assert.True(journal.Log.Record(live[0]) == null);
        Assert.Equal(1, journal.Log.OldestIndex);
    }

    [Fact]
    public void ShouldKeepTheFileUntilItIsDurablyNotNeeded()
    {
        using JournalHarness journal = Start();
        List<long> live = Fill(journal, segments: 1);
        Assert.Equal(1, journal.Rolls);
        live.ForEach(journal.Log.Release);
        Assert.True(journal.Journal.Maintain());
        Assert.False(journal.Journal.Maintain());
        Assert.True(journal.Log.Record(live[0]) == null);
        // The file keeps its name until the marker that says it is not needed is durable.
        journal.RunPreparer();
        Assert.Contains(JournalFiles.Segment(0), _disk.Names.Keys);
        journal.Journal.Flusher.DoWork();
        journal.RunPreparer();
        Assert.DoesNotContain(JournalFiles.Segment(0), _disk.Names.Keys);
        Assert.Equal(3, _disk.Names.Count); // Active, next, spare.
    }

    [Fact]
    public void ShouldKeepWhatIsLiveAndAllAfterIt()
    {
        using JournalHarness journal = Start();
        List<long> live = Fill(journal, segments: 4);
        journal.Flush();
        long kept = live.First(position => position > 2 * JournalHarness.SegmentSize);
        live.Where(position => position != kept).ToList().ForEach(journal.Log.Release);
        Settle(journal);
        Assert.Equal(2, journal.Log.OldestIndex);
        Assert.True(journal.Log.Record(kept) != null);
        journal.Log.Release(kept);
        Settle(journal);
        Assert.Equal(journal.Log.Active!.Index, journal.Log.OldestIndex);
    }

    [Fact]
    public void ShouldNotRetireBeforeReferencesAreInPlace()
    {
        using var journal = new JournalHarness(_disk.Start());
        Fill(journal, segments: 3, references: false);
        Settle(journal);
        Assert.Equal(0, journal.Log.OldestIndex);
        journal.Journal.EnableRetirement();
        Settle(journal);
        Assert.Equal(journal.Log.Active!.Index, journal.Log.OldestIndex);
    }

    [Fact]
    public void ShouldRecoverWhereTheSnapshotThatALaterSegmentNamesIsLost()
    {
        using (JournalHarness journal = Start())
        {
            journal.Append(100, 1);
            journal.Flush();
            Fill(journal, segments: 1).ForEach(journal.Log.Release);
            Assert.True(journal.Journal.Maintain());
            Fill(journal, segments: 1);
            Assert.Equal(1, journal.Log.OldestIndex);
            Assert.Equal(2, journal.Log.Active!.Index);
            // What was to be written is neither on the disk nor tried again; the segment after it was not come to.
            _disk.FailSync = _disk.Syncs;
            journal.Journal.RequestFlush();
            journal.Journal.Flusher.DoWork();
            Assert.Equal(JournalState.Failed, journal.Journal.State);
        }
        _disk.Kill();
        using var after = new JournalHarness(_disk.Start());
        Assert.Equal(JournalHarness.Body(100, 1), after.Collector.Records.First(record => record.Type == RecordType.Message).Body);
    }

    [Fact]
    public void ShouldNotRetireWithoutSnapshots()
    {
        using JournalHarness journal = Start();
        journal.WriteSnapshots = false;
        Fill(journal, segments: 3).ForEach(journal.Log.Release);
        Settle(journal);
        Assert.Equal(0, journal.Log.OldestIndex);
    }

    [Fact]
    public void ShouldRecycleFilesAndNeverReadWhatTheyHeld()
    {
        using (JournalHarness journal = Start())
        {
            for (int i = 0; i < 20; i++)
            {
                Fill(journal, segments: 1).ForEach(journal.Log.Release);
                Settle(journal);
            }
            Assert.True(journal.Log.Active!.Index >= 15);
            Assert.InRange(_disk.Names.Count, 2, 2 + JournalHarness.Options.MaxSpares);
        }
        _disk.Kill();
        using var after = new JournalHarness(_disk.Start());
        Assert.NotEmpty(after.Collector.Records);
        Assert.Equal(RecordType.SnapshotBegin, after.Collector.Records[0].Type);
        Assert.Equal(0, after.Report.TornTailBytes); // What the file held before is no torn tail.
        Assert.All(after.Collector.Records, record => Assert.True(record.Position / JournalHarness.SegmentSize >= 15));
    }

    [Fact]
    public void ShouldBoundTheSpareFiles()
    {
        using JournalHarness journal = Start(JournalHarness.Options with { MaxSpares = 1 });
        List<long> live = Fill(journal, segments: 8);
        Assert.True(_disk.Names.Count >= 9);
        live.ForEach(journal.Log.Release);
        Settle(journal);
        Assert.InRange(_disk.Names.Count, 2, 3); // Active, next, one spare.
    }

    [Fact]
    public void ShouldGoOnFromRetiredSegmentsWhenTheDiskIsFull()
    {
        _disk.Capacity = 3 * JournalHarness.SegmentSize;
        using JournalHarness journal = Start();
        journal.RunPreparer();
        var live = new List<long>();
        while (true)
        {
            AppendStatus status = journal.TryAppend(RecordType.Message, 1, new byte[1000], out long position);
            if (status == AppendStatus.Appended)
            {
                journal.Log.AddReferences(position, 1);
                live.Add(position);
            }
            else
            {
                journal.RunPreparer();
                if (journal.Journal.State == JournalState.NoSpace)
                    break;
            }
        }
        journal.Flush();
        live.ForEach(journal.Log.Release);
        Settle(journal);
        Assert.Equal(JournalState.Open, journal.Journal.State);
        for (int i = 0; i < 5; i++)
        {
            Fill(journal, segments: 1).ForEach(journal.Log.Release);
            Settle(journal);
        }
        Assert.InRange(_disk.Names.Count, 2, 3);
    }

    [Fact]
    public void ShouldWriteLittleWhenConsumersKeepUpAndNobodyWaitsForTheDisk()
    {
        using JournalHarness journal = Start();
        for (int i = 0; i < 30; i++)
        {
            Fill(journal, segments: 1).ForEach(journal.Log.Release);
            journal.Journal.Maintain();
            journal.Journal.Flusher.DoWork();
            journal.RunPreparer();
        }
        Assert.Equal(30, journal.Log.OldestIndex);
        Assert.InRange(_disk.BytesSynced, 1, journal.Log.Tail / 4); // Segments are small here: snapshot, marker and one message of 20 KB each.
        Assert.InRange(_disk.Names.Count, 2, 4);
        journal.Dispose();
        _disk.PowerCut(new Random(1));
        using var after = new JournalHarness(_disk.Start());
        Assert.Equal(30, after.Log.OldestIndex);
    }

    [Fact]
    public void ShouldNoticeADeletedSegmentThatIsNeeded()
    {
        using (JournalHarness journal = Start())
        {
            List<long> live = Fill(journal, segments: 5);
            live.Where(position => position < 2 * JournalHarness.SegmentSize).ToList().ForEach(journal.Log.Release);
            Settle(journal);
            Assert.Equal(2, journal.Log.OldestIndex);
        }
        _disk.Kill();
        // Segment 3 begins with a whole snapshot, but segment 2 held messages.
        _disk.Remove(JournalFiles.Segment(2));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.MissingSegment, error.Error);
        Assert.Equal(JournalFiles.Segment(2), error.FileName);
    }

    [Fact]
    public void ShouldNotReadRetiredSegmentsWhoseNamesCameBack()
    {
        using (JournalHarness journal = Start())
        {
            List<long> live = Fill(journal, segments: 3);
            using SimulatedDisk before = _disk.Clone();
            live.ForEach(journal.Log.Release);
            Settle(journal);
            Assert.True(journal.Log.OldestIndex >= 2);
            // As if the rename of segment 0 had not reached the disk, but that of segment 1 had.
            SimulatedFile returned = _disk.Add(JournalFiles.Segment(0), JournalHarness.SegmentSize);
            returned.Damage(0, before.Names[JournalFiles.Segment(0)].Bytes);
        }
        _disk.Kill();
        using var after = new JournalHarness(_disk.Start());
        Assert.True(after.Log.OldestIndex >= 2);
        Assert.DoesNotContain(JournalFiles.Segment(0), _disk.Names.Keys);
    }

    [Fact]
    public void ShouldKeepTheMemoryOfARetiredSegmentForReadersInside()
    {
        using JournalHarness journal = Start();
        using ReaderSection reader = journal.Journal.RegisterReader();
        using ReaderSection outside = journal.Journal.RegisterReader();
        List<long> live = Fill(journal, segments: 1);
        journal.Flush();
        reader.Enter();
        byte* record = journal.Log.Record(live[0]);
        Assert.True(record != null);
        live.ForEach(journal.Log.Release);
        Settle(journal);
        Assert.True(journal.Log.Record(live[0]) == null);
        Assert.Contains(JournalFiles.Segment(0), _disk.Names.Keys);
        Assert.Equal(live[0], *(long*)(record + RecordLayout.Position));
        reader.Exit();
        reader.Enter(); // A new section: it cannot have found the segment.
        journal.RunPreparer();
        Assert.DoesNotContain(JournalFiles.Segment(0), _disk.Names.Keys);
        reader.Exit();
    }

    [Fact]
    public void ShouldRefuseToReleaseMoreThanIsLive()
    {
        using JournalHarness journal = Start();
        long position = journal.Append(10, 1);
        journal.Log.AddReferences(position, 1);
        journal.Log.Release(position);
        Assert.Throws<InvalidOperationException>(() => journal.Log.Release(position));
    }

    private JournalHarness Start(JournalOptions? options = null)
    {
        var journal = new JournalHarness(_disk.Start(), options);
        journal.Journal.EnableRetirement();
        return journal;
    }

    /// <summary>Appends until the log has rolled so many times; the positions of all messages, live.</summary>
    private static List<long> Fill(JournalHarness journal, int segments, bool references = true)
    {
        var live = new List<long>();
        int rolls = journal.Rolls + segments;
        while (journal.Rolls < rolls)
        {
            long position = journal.Append(20_000, live.Count);
            if (references)
                journal.Log.AddReferences(position, 1);
            live.Add(position);
        }
        return live;
    }

    /// <summary>What flusher, engine and preparer do in time.</summary>
    private static void Settle(JournalHarness journal)
    {
        for (int i = 0; i < 4; i++)
        {
            journal.Flush();
            journal.RunPreparer();
        }
    }
}
