using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Several records that are one.</summary>
public sealed unsafe class GroupTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldBringBackEveryRecordOfAGroupAtItsOwnPosition()
    {
        using (var journal = new JournalHarness(_disk.Start()))
        {
            journal.Append(100, 1);
            AppendGroup(journal, 10, 32, 77, 1000);
            journal.Append(100, 2);
            Assert.Equal(journal.Log.Tail, journal.Log.PublishedTail);
            foreach (KnownRecord record in journal.Appended)
            {
                byte* header = journal.Log.Record(record.Position);
                Assert.Equal(record.Body.Length, RecordLayout.BodyLength(header));
                Assert.True(record.Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(header + RecordLayout.HeaderLength, record.Body.Length)));
            }
            journal.Flush();
            _expected.AddRange(journal.Appended);
        }
        _disk.PowerCut(new Random(1));
        using var again = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(_expected, again.Collector.Records);
    }

    [Fact]
    public void ShouldLoseAGroupAsAWholeWhereverItIsCut()
    {
        long start;
        long end;
        byte[] image;
        using (var journal = new JournalHarness(_disk.Start()))
        {
            journal.Append(100, 1);
            start = journal.Log.Tail;
            _expected.AddRange(journal.Appended);
            AppendGroup(journal, 10, 32, 300);
            end = journal.Log.Tail;
            image = _disk.Names[JournalFiles.Segment(0)].Bytes[..(int)end].ToArray();
        }
        for (int at = (int)start; at < end - 24; at += 8) // The last 20 bytes are zeroes anyway.
        {
            using var disk = new SimulatedDisk();
            new JournalHarness(disk.Start()).Dispose();
            disk.Names[JournalFiles.Segment(0)].Damage(0, image);
            disk.Names[JournalFiles.Segment(0)].Damage(at, new byte[end - at]);
            using var journal = new JournalHarness(disk.Start());
            JournalHarness.AssertSame(_expected, journal.Collector.Records);
        }
    }

    [Fact]
    public void ShouldLeaveNoTraceOfAGroupWithoutRecords()
    {
        using var journal = new JournalHarness(_disk.Start());
        long tail = journal.Log.Tail;
        Assert.True(journal.Log.TryBeginGroup(1000, out _));
        Assert.True(journal.Log.IsInGroup);
        journal.Log.EndGroup();
        Assert.False(journal.Log.IsInGroup);
        Assert.Equal(tail, journal.Log.Tail);
        journal.Append(100, 1);
        Assert.Equal(tail, journal.Appended[^1].Position);
    }

    [Fact]
    public void ShouldNotShowAnOpenGroupToReaders()
    {
        using var journal = new JournalHarness(_disk.Start());
        long published = journal.Log.PublishedTail;
        Assert.True(journal.Log.TryBeginGroup(1000, out _));
        journal.Append(10, 1);
        Assert.Equal(published, journal.Log.PublishedTail);
        journal.Log.EndGroup();
        Assert.True(journal.Log.PublishedTail > published);
    }

    [Fact]
    public void ShouldFinishAGroupThoughTheJournalFailsMeanwhile()
    {
        using var journal = new JournalHarness(_disk.Start());
        Assert.True(journal.Log.TryBeginGroup(256, out _));
        journal.Log.Fail("the disk is gone");
        journal.Append(10, 1);
        journal.Append(10, 2);
        journal.Log.EndGroup();
        Assert.Equal(AppendStatus.Failed, journal.TryAppend(RecordType.Ack, 0, new byte[10], out _));
    }

    [Fact]
    public void ShouldRefuseARecordThatTheGroupHasNoRoomFor()
    {
        using var journal = new JournalHarness(_disk.Start());
        Assert.True(journal.Log.TryBeginGroup(2 * RecordLayout.AlignedLength(10), out _));
        journal.Append(10, 1);
        Assert.True(journal.Log.CanAppend(10, reserved: true));
        Assert.False(journal.Log.CanAppend(100, reserved: true));
        journal.Append(10, 2);
        Assert.Throws<InvalidOperationException>(() => journal.TryAppend(RecordType.Ack, 0, [], out _));
        Assert.Throws<InvalidOperationException>(() => journal.Log.TryBeginGroup(10, out _));
        journal.Log.EndGroup();
        Assert.Throws<InvalidOperationException>(journal.Log.EndGroup);
    }

    [Fact]
    public void ShouldRollBeforeAGroupNeverInIt()
    {
        using var journal = new JournalHarness(_disk.Start());
        for (int i = 0; i < 40; i++)
        {
            AppendStatus status;
            while (!journal.Log.TryBeginGroup(100_000, out status))
            {
                Assert.Equal(AppendStatus.NotReady, status);
                Assert.NotEqual(0, journal.Journal.Preparer.DoWork());
            }
            journal.Append(20_000, i);
            journal.Append(70_000, i);
            journal.Log.EndGroup();
        }
        Assert.True(journal.Rolls > 2);
        foreach (KnownRecord[] pair in journal.Appended.Where(record => record.Type == RecordType.Message).Chunk(2))
            Assert.Equal(pair[0].Position / JournalHarness.SegmentSize, pair[1].Position / JournalHarness.SegmentSize);
        _expected.AddRange(journal.Appended);
        journal.Dispose();
        using var again = new JournalHarness(_disk.Start());
        JournalHarness.AssertSame(_expected, again.Collector.Records);
    }

    [Fact]
    public void ShouldKeepTheReserveFromGroupsThatBringMessages()
    {
        using var journal = new JournalHarness(_disk.Start());
        while (journal.TryAppend(RecordType.Message, 1, new byte[1000], out _) == AppendStatus.Appended)
        {
        }
        Assert.False(journal.Log.TryBeginGroup(1000, out AppendStatus status, reserved: false));
        Assert.Equal(AppendStatus.NotReady, status);
        Assert.True(journal.Log.TryBeginGroup(1000, out _));
        journal.Log.EndGroup();
    }

    private readonly List<KnownRecord> _expected = [];

    private static void AppendGroup(JournalHarness journal, params int[] lengths)
    {
        Assert.True(journal.Log.TryBeginGroup(lengths.Sum(RecordLayout.AlignedLength), out _));
        foreach (int length in lengths)
            journal.Append(length, length);
        journal.Log.EndGroup();
    }
}
