using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>What opening finds, cuts off, or refuses.</summary>
public sealed unsafe class RecoveryTests : IDisposable
{
    private const int SegmentSize = JournalHarness.SegmentSize;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldRecoverNothingFromANewJournal()
    {
        using (var journal = new JournalHarness(_disk.Start()))
            Assert.True(journal.Report.IsNew);
        using var again = new JournalHarness(_disk.Start());
        Assert.False(again.Report.IsNew);
        Assert.Empty(again.Collector.Records);
        Assert.Equal(2u, again.Journal.Epoch);
    }

    [Fact]
    public void ShouldKeepEverythingStoredWhenTheProcessIsKilled()
    {
        List<KnownRecord> appended = Write(3000, flushEvery: 0);
        _disk.Kill();
        using var journal = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(appended, journal.Collector.Records);
        Assert.True(journal.Journal.SameBoot);
        // Step 4: what survived in the cache alone is durable now.
        journal.Dispose();
        _disk.PowerCut(new Random(1));
        using var after = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(appended, after.Collector.Records);
        Assert.False(after.Journal.SameBoot);
    }

    [Fact]
    public void ShouldTellACleanStop()
    {
        var journal = new JournalHarness(_disk.Start());
        journal.Append(100, 1);
        Assert.True(journal.Journal.CloseClean());
        journal.Dispose();
        journal = new JournalHarness(_disk.Start());
        Assert.True(journal.Journal.WasClean);
        Assert.Single(journal.Collector.Records);
        journal.Dispose();
        using var after = new JournalHarness(_disk.Start());
        Assert.False(after.Journal.WasClean);
    }

    [Fact]
    public void ShouldCloseCleanlyWhenTheSegmentIsFull()
    {
        var journal = new JournalHarness(_disk.Start());
        while (journal.TryAppend(RecordType.Ack, 1, new byte[32], out _) == AppendStatus.Appended)
        {
        }
        Assert.True(journal.Journal.CloseClean());
        int count = journal.Appended.Count;
        journal.Dispose();
        using var after = new JournalHarness(_disk.Start());
        Assert.True(after.Journal.WasClean);
        Assert.Equal(count, after.Collector.Records.Count);
    }

    [Fact]
    public void ShouldGoOnInTheNextSegmentWhenTheLastIsFull()
    {
        var journal = new JournalHarness(_disk.Start());
        journal.Log.MayUseLast = true;
        while (journal.TryAppend(RecordType.Ack, 1, new byte[32], out _) == AppendStatus.Appended)
        {
        }
        List<KnownRecord> appended = journal.Appended;
        journal.Dispose();
        _disk.Kill();
        using var after = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(appended, after.Collector.Records);
        after.Append(10, 1);
        Assert.Equal(1, after.Rolls); // The snapshot came before the record.
        Assert.Equal(RecordType.SnapshotBegin, after.Appended[^3].Type);
    }

    [Fact]
    public void ShouldCutATornTail()
    {
        var journal = new JournalHarness(_disk.Start());
        for (int i = 0; i < 100; i++)
            journal.Append(300, i);
        journal.Flush();
        int durable = journal.Appended.Count;
        long torn = 0;
        for (int i = 100; i < 120; i++)
        {
            long position = journal.Append(300, i);
            torn = i == 105 ? position : torn;
        }
        journal.Dispose();
        _disk.Names[JournalFiles.Segment(0)].Damage((int)torn + 100, [0xAA]);
        using var after = new JournalHarness(_disk.Start());
        Assert.Equal(105, after.Collector.Records.Count);
        Assert.True(after.Collector.Records.Count >= durable);
        Assert.Equal(torn, after.Report.TailPosition);
        // 32 + 300 bytes each, the last one without its padding.
        Assert.Equal(14 * 352 + 332, after.Report.TornTailBytes);
    }

    [Fact]
    public void ShouldNeverBringADroppedTailBack()
    {
        var journal = new JournalHarness(_disk.Start());
        for (int i = 0; i < 10; i++)
            journal.Append(32, i);
        long torn = journal.Append(32, 10);
        var dropped = new List<long>();
        for (int i = 11; i < 30; i++)
            dropped.Add(journal.Append(32, i));
        journal.Dispose();
        byte[] old = _disk.Names[JournalFiles.Segment(0)].Bytes.ToArray();
        _disk.Names[JournalFiles.Segment(0)].Damage((int)torn + 40, [0xAA]);

        // The tail goes; one record of the same size as the opening marker left none of it standing in the way.
        using (var second = new JournalHarness(_disk.Start()))
        {
            Assert.Equal(10, second.Collector.Records.Count);
            second.Append(32, 99);
        }
        // A disk that brings the old sectors back, behind what was written since.
        SimulatedFile file = _disk.Names[JournalFiles.Segment(0)];
        int from = (int)dropped[1];
        file.Damage(from, old.AsSpan(from, 18 * 64));
        using var third = new JournalHarness(_disk.Start());
        Assert.Equal(11, third.Collector.Records.Count);
        Assert.Equal(1u, third.Collector.Epochs[9]);
        Assert.Equal(2u, third.Collector.Epochs[10]);
        Assert.Equal(3u, third.Journal.Epoch);
    }

    [Fact]
    public void ShouldZeroATornTail()
    {
        Write(50, flushEvery: 0);
        _disk.Kill();
        SimulatedFile file = _disk.Names[JournalFiles.Segment(0)];
        file.Damage(20_000, [0xAA]);
        file.Damage(SegmentSize - 100, [1, 2, 3]);
        using var after = new JournalHarness(_disk.Start());
        int end = (int)after.Log.Tail;
        Assert.InRange(end, 18_000, 20_100);
        Assert.False(file.Bytes[end..].ContainsAnyExcept((byte)0));
        _disk.PowerCut(new Random(1)); // The zeroes were synced, not only stored.
        Assert.False(file.Bytes[end..].ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void ShouldTakeAnEpochAboveThoseOfDroppedRecords()
    {
        Write(10, flushEvery: 0);
        _disk.Kill();
        long opening;
        using (var second = new JournalHarness(_disk.Start()))
        {
            opening = second.Report.TailPosition;
            second.Append(100, 1);
        }
        _disk.Names[JournalFiles.Segment(0)].Damage((int)opening + 40, [0xAA]);
        using var third = new JournalHarness(_disk.Start());
        Assert.Equal(10, third.Collector.Records.Count);
        Assert.Equal(3u, third.Journal.Epoch);
    }

    [Fact]
    public void ShouldReportDamageBelowTheDurablePosition()
    {
        var journal = new JournalHarness(_disk.Start());
        long position = journal.Append(300, 1);
        journal.Append(300, 2);
        journal.Flush();
        journal.Append(300, 3);
        journal.Flush(); // Its marker tells that the first ones are durable.
        journal.Dispose();
        byte[] before = _disk.Names[JournalFiles.Segment(0)].Bytes.ToArray();
        _disk.Names[JournalFiles.Segment(0)].Damage((int)position + 50, [0xAA]);
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.Damaged, error.Error);
        Assert.Equal(position, error.Position);
        Assert.Equal(JournalFiles.Segment(0), error.FileName);
        Assert.Contains(position.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
        // Nothing was changed, and the folder is free again.
        _disk.Names[JournalFiles.Segment(0)].Damage((int)position + 50, [before[(int)position + 50]]);
        using var after = new JournalHarness(_disk.Start());
        Assert.Equal(3, after.Collector.Records.Count);
    }

    [Fact]
    public void ShouldProtectTheLastBatchWithTheIdleMarker()
    {
        var journal = new JournalHarness(_disk.Start());
        long position = journal.Append(300, 1);
        journal.Flush();
        Assert.True(journal.Journal.RequestIdleMarker());
        journal.Journal.Flusher.DoWork();
        Assert.False(journal.Journal.RequestIdleMarker());
        journal.Dispose();
        _disk.Names[JournalFiles.Segment(0)].Damage((int)position + 50, [0xAA]);
        Assert.Equal(JournalError.Damaged, Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start())).Error);
    }

    [Fact]
    public void ShouldReportADamagedHeaderOfASegmentThatCounts()
    {
        Write(3000, flushEvery: 100);
        _disk.Kill();
        _disk.Names[JournalFiles.Segment(1)].Damage(20, [0x55]);
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.Damaged, error.Error);
        Assert.Equal(JournalFiles.Segment(1), error.FileName);
    }

    [Fact]
    public void ShouldReportAMissingSegmentInTheMiddle()
    {
        Write(3000, flushEvery: 100);
        _disk.Kill();
        _disk.Remove(JournalFiles.Segment(1));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.MissingSegment, error.Error);
        Assert.Equal(JournalFiles.Segment(1), error.FileName);
        Assert.Equal(SegmentSize, error.Position);
    }

    [Fact]
    public void ShouldReportAMissingFirstSegment()
    {
        Write(3000, flushEvery: 100);
        _disk.Kill();
        _disk.Remove(JournalFiles.Segment(0));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.MissingSegment, error.Error);
        Assert.Equal(JournalFiles.Segment(0), error.FileName);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldDiscardAnEmptyLastSegment(bool withoutHeader)
    {
        List<KnownRecord> appended = Write(50, flushEvery: 10, runPreparer: true);
        _disk.Kill();
        Assert.Contains(JournalFiles.Segment(1), _disk.Names.Keys);
        if (withoutHeader)
            _disk.Names[JournalFiles.Segment(1)].Damage(0, new byte[4096]);
        using var journal = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(appended, journal.Collector.Records);
        Assert.DoesNotContain(JournalFiles.Segment(1), _disk.Names.Keys);
        journal.RunPreparer();
        Assert.Contains(JournalFiles.Segment(1), _disk.Names.Keys);
    }

    [Fact]
    public void ShouldRefuseANewerFormat()
    {
        Write(50, flushEvery: 10);
        _disk.Kill();
        byte[] version = BitConverter.GetBytes(3u);
        SimulatedFile file = _disk.Names[JournalFiles.Segment(0)];
        // Only the version: a bit that flipped.
        file.Damage(8, version);
        Assert.Equal(JournalError.Damaged, Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start())).Error);
        // A page that differs in more than that.
        file.Damage(64, [1]);
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.FormatTooNew, error.Error);
        Assert.Contains("newer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldRefuseASegmentOfAnotherJournal()
    {
        Write(3000, flushEvery: 100);
        _disk.Kill();
        using var other = new SimulatedDisk();
        other.NewId();
        using (var journal = new JournalHarness(other.Start()))
            journal.Append(10, 1);
        _disk.Names[JournalFiles.Segment(1)].Damage(0, other.Names[JournalFiles.Segment(0)].Bytes);
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.ForeignSegment, error.Error);
        Assert.Equal(JournalFiles.Segment(1), error.FileName);
    }

    [Fact]
    public void ShouldRefuseASwappedSegment()
    {
        Write(3000, flushEvery: 100);
        _disk.Kill();
        byte[] second = _disk.Names[JournalFiles.Segment(1)].Bytes.ToArray();
        _disk.Names[JournalFiles.Segment(2)].Damage(0, second);
        Assert.Equal(JournalError.ForeignSegment, Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start())).Error);
    }

    [Fact]
    public void ShouldNotTakeASnapshotWithAHoleForAWholeOne()
    {
        // Disk full: no third segment, and the second one is too small for the big snapshot record.
        var journal = new JournalHarness(_disk.Start());
        journal.RunPreparer();
        _disk.CreateError = Errno.NoSpace;
        var handler = new HoleHandler();
        journal.Log.RollHandler = handler;
        while (handler.Calls == 0)
            journal.TryAppend(RecordType.Message, 1, new byte[1000], out _);
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Message, 1, new byte[1000], out long position));
        Assert.True(position > SegmentSize);
        journal.Flush();
        journal.Dispose();
        _disk.Kill();
        _disk.CreateError = 0;
        using var after = new JournalHarness(_disk.Start());
        Assert.Contains(after.Collector.Records, record => record.Type == RecordType.SnapshotBegin);
        Assert.DoesNotContain(after.Collector.Records, record => record.Type == RecordType.SnapshotEnd);
        after.Journal.EnableRetirement();
        after.Flush();
        Assert.Equal(0, after.Log.OldestIndex);
    }

    [Fact]
    public void ShouldLeaveUnknownFilesAlone()
    {
        _disk.Add("notes.txt", 512);
        _disk.Add("segment-1.log", 512);
        _disk.SyncNames();
        using var journal = new JournalHarness(_disk.Start());
        Assert.Equal(["notes.txt", "segment-1.log"], journal.Report.UnknownFiles);
        Assert.Contains("notes.txt", _disk.Names.Keys);
    }

    [Fact]
    public void ShouldReportAnUnreadableBlockAsAnError()
    {
        Write(50, flushEvery: 10);
        _disk.Kill();
        _disk.Names[JournalFiles.Segment(0)].Unreadable = (8192, 512);
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start()));
        Assert.Equal(JournalError.StorageFailed, error.Error);
        Assert.Contains(JournalFiles.Segment(0), error.Message, StringComparison.Ordinal);
        _disk.Names[JournalFiles.Segment(0)].Unreadable = null;
        using var journal = new JournalHarness(_disk.Start()); // The lock was given up.
    }

    [Fact]
    public void ShouldKeepTheSizeThatTheJournalHas()
    {
        List<KnownRecord> appended = Write(3000, flushEvery: 100);
        _disk.Kill();
        using var journal = new JournalHarness(_disk.Start(), JournalHarness.Options with { SegmentSize = 2 * SegmentSize });
        JournalHarness.AssertSame(appended, journal.Collector.Records);
        Assert.Equal(SegmentSize, journal.Log.SegmentSize);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1024 * 1024 + 1)]
    [InlineData(512 * 1024)]
    [InlineData(int.MinValue)]
    public void ShouldRefuseImpossibleSegmentSizes(int size)
    {
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(_disk.Start(), new JournalOptions { SegmentSize = size }));
        Assert.Equal(JournalError.InvalidOption, error.Error);
    }

    /// <summary>Does not look at what its claims return.</summary>
    private sealed class HoleHandler : ISegmentRollHandler
    {
        internal int Calls { get; private set; }

        public SnapshotProgress OnSegmentRolled(RecordLog log)
        {
            Calls++;
            Append(log, RecordType.SnapshotBegin, 0);
            for (int i = 0; i < 10; i++)
                Append(log, RecordType.SnapshotQueue, log.MaxBodyLength);
            Append(log, RecordType.SnapshotEnd, 0);
            return SnapshotProgress.None;
        }

        private static void Append(RecordLog log, RecordType type, int length)
        {
            if (log.TryClaim(type, 0, length, out _, out _) != null)
                log.Commit();
        }
    }

    private List<KnownRecord> Write(int count, int flushEvery, bool runPreparer = false)
    {
        using var journal = new JournalHarness(_disk.Start());
        for (int i = 0; i < count; i++)
        {
            journal.Append(1000, i);
            if (flushEvery != 0 && i % flushEvery == 0)
                journal.Flush();
        }
        if (runPreparer)
            journal.RunPreparer();
        return journal.Appended;
    }
}
