using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>What a reader for tools sees of journals in all states.</summary>
public sealed class JournalReaderTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldReadEveryRecordInItsOrder()
    {
        List<KnownRecord> written = Write(3000, close: true);
        JournalEnd end = Read(out Collector seen);
        Assert.Equal((JournalEndKind.End, true), (end.Kind, end.EndsClean));
        JournalHarness.AssertSame(written, seen.Engine);
        Assert.Contains(seen.All, record => record.Type == RecordType.Marker);
        Assert.Contains(seen.All, record => record.Type == RecordType.Pad);
    }

    [Fact]
    public void ShouldShowAGroupAndWhatIsInIt()
    {
        using (var journal = new JournalHarness(_disk.Start()))
        {
            Assert.True(journal.Log.TryBeginGroup(2 * RecordLayout.AlignedLength(40), out _));
            journal.Append(40, 1);
            journal.Append(40, 2);
            journal.Log.EndGroup();
            journal.Flush();
        }
        Read(out Collector seen);
        int at = seen.All.FindIndex(record => record.Type == RecordType.Group);
        long group = seen.All[at].Position;
        Assert.Equal([0L, group, group], seen.Groups.Skip(at).Take(3));
        Assert.Equal([group, group + 32, group + 32 + 96], seen.All.Skip(at).Take(3).Select(record => record.Position));
        Assert.Equal(JournalHarness.Body(40, 2), seen.All[at + 2].Body);
    }

    [Fact]
    public void ShouldSayWhereDamageStoppedIt()
    {
        List<KnownRecord> written = Write(3000, close: true);
        _disk.Names[JournalFiles.Segment(1)].Damage((int)(written[1500].Position % JournalHarness.SegmentSize) + 100, [0xEE]);
        JournalEnd end = Read(out Collector seen);
        Assert.Equal((JournalEndKind.Damaged, written[1500].Position), (end.Kind, end.Position));
        Assert.Contains($"{end.Position}", end.Text, StringComparison.Ordinal);
        JournalHarness.AssertSame(written[..1500], seen.Engine);
    }

    [Fact]
    public void ShouldSayWhichSegmentIsMissing()
    {
        Write(3000, close: true);
        _disk.Names.Remove(JournalFiles.Segment(1));
        JournalEnd end = Read(out _);
        Assert.Equal(JournalEndKind.MissingSegment, end.Kind);
        Assert.Contains(JournalFiles.Segment(1), end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldTellATornTailFromDamage()
    {
        long position;
        using (var journal = new JournalHarness(_disk.Start()))
        {
            journal.Append(1000, 1);
            journal.Flush();
            position = journal.Append(1000, 2);
            _disk.Names[JournalFiles.Segment(0)].Damage((int)position + 100, [0xEE]);
        }
        JournalEnd end = Read(out _);
        Assert.Equal((JournalEndKind.TornTail, position), (end.Kind, end.Position));
    }

    [Fact]
    public void ShouldNotTakeWhatABrokerWritesMeanwhileForDamage()
    {
        // Whichever of the reader's reads it falls between.
        bool isLast = false;
        for (int read = 1; !isLast; read++)
        {
            using var disk = new SimulatedDisk();
            using var journal = new JournalHarness(disk.Start());
            journal.Append(1000, 1);
            journal.Flush();
            int countdown = read;
            using var storage = new HookedStorage(disk.Start(), () =>
            {
                if (--countdown != 0)
                    return;
                journal.Append(1000, 2);
                journal.Flush();
                journal.Append(1000, 3);
                journal.Flush();
            });
            using JournalReader reader = JournalReader.Open(storage);
            var visitor = new Collector();
            Assert.Equal((read, JournalEndKind.End), (read, reader.Run(ref visitor).Kind));
            isLast = countdown > 0;
        }
    }

    [Fact]
    public void ShouldRefuseAFolderWithoutAJournal()
    {
        var error = Assert.Throws<JournalException>(() => Read(out _));
        Assert.Equal(JournalError.FolderMissing, error.Error);
        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldEndWhenNoMoreIsWanted()
    {
        Write(10, close: true);
        using JournalReader reader = JournalReader.Open(_disk.Start());
        var visitor = new Collector { Most = 3 };
        Assert.Equal(JournalEndKind.Stopped, reader.Run(ref visitor).Kind);
        Assert.Equal(3, visitor.All.Count);
    }

    private List<KnownRecord> Write(int count, bool close)
    {
        using var journal = new JournalHarness(_disk.Start());
        for (int i = 0; i < count; i++)
        {
            journal.Append(1000, i);
            if (i % 100 == 0)
                journal.Flush();
        }
        journal.Flush();
        if (close)
            journal.Journal.CloseClean();
        return journal.Appended;
    }

    private JournalEnd Read(out Collector seen)
    {
        using JournalReader reader = JournalReader.Open(_disk.Start());
        seen = new Collector();
        return reader.Run(ref seen);
    }

    private sealed class Collector : IJournalVisitor
    {
        internal List<KnownRecord> All { get; } = [];

        internal List<long> Groups { get; } = [];

        internal int Most { get; init; } = int.MaxValue;

        /// <summary>As a recovery would see them.</summary>
        internal List<KnownRecord> Engine => All.FindAll(record => record.Type is not (RecordType.Marker or RecordType.Pad or RecordType.Group));

        public bool OnRecord(in JournalRecord record)
        {
            All.Add(new KnownRecord(record.Type, record.StreamId, record.Position, record.Body.ToArray()));
            Groups.Add(record.GroupPosition);
            return All.Count < Most;
        }
    }
}
