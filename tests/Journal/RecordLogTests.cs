using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Appending, reading in place, and the room there is.</summary>
public sealed unsafe class RecordLogTests : IDisposable
{
    private const int HeaderLength = RecordLayout.HeaderLength;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldGiveUpAClaimThatIsNotCommitted()
    {
        using var journal = new JournalHarness(_disk.Start());
        byte* first = journal.Log.TryClaim(RecordType.Message, 1, 1000, out long position, out _);
        new Span<byte>(first, 1000).Fill(0xEE);
        byte* second = journal.Log.TryClaim(RecordType.Message, 2, 10, out long again, out _);
        Assert.Equal(position, again);
        Assert.True(first == second);
        new Span<byte>(second, 10).Fill(1);
        journal.Log.Commit();
        Assert.Equal(position + 64, journal.Log.Tail);
        Assert.Equal(journal.Log.Tail, journal.Log.PublishedTail);
        for (int i = 10; i < 32; i++)
            Assert.Equal(0, second[i]);
        Assert.Throws<InvalidOperationException>(() => journal.Log.Commit());
    }

    [Fact]
    public void ShouldRefuseBodiesThatAreTooLong()
    {
        using var journal = new JournalHarness(_disk.Start());
        int max = journal.Log.MaxBodyLength;
        Assert.Equal(AppendStatus.TooLarge, journal.TryAppend(RecordType.Message, 0, new byte[max + 1], out long position));
        Assert.Equal(0, position);
        Assert.True(journal.Log.TryClaim(RecordType.Message, 0, -1, out _, out AppendStatus status) == null);
        Assert.Equal(AppendStatus.TooLarge, status);
        Assert.True(journal.Log.TryClaim(RecordType.Message, 0, int.MaxValue, out _, out status) == null);
        Assert.Equal(AppendStatus.TooLarge, status);
        Assert.False(journal.Log.CanAppend(max + 1, reserved: true));
        Assert.True(journal.Log.CanAppend(max, reserved: false));
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Message, 0, new byte[max], out _));
    }

    [Fact]
    public void ShouldKeepTheReserveForEverythingButMessages()
    {
        using var journal = new JournalHarness(_disk.Start());
        AppendStatus status;
        do
            status = journal.TryAppend(RecordType.Message, 1, new byte[1000], out _);
        while (status == AppendStatus.Appended);
        Assert.Equal(AppendStatus.NotReady, status);
        Assert.False(journal.Log.CanAppend(1000, reserved: false));
        Assert.True(journal.Log.CanAppend(1000, reserved: true));
        long left = JournalHarness.SegmentSize - RecordLog.MarkersLength - journal.Log.Tail;
        Assert.InRange(left, JournalHarness.SegmentSize / 8, JournalHarness.SegmentSize / 8 + 1100); // A half of it for moved records.
        int acks = 0;
        while (journal.TryAppend(RecordType.Ack, 1, new byte[32], out _) == AppendStatus.Appended)
            acks++;
        Assert.Equal(left / 64, acks);
        Assert.InRange(JournalHarness.SegmentSize - journal.Log.Tail, RecordLog.MarkersLength, RecordLog.MarkersLength + 63);

        Assert.NotEqual(0, journal.Journal.Preparer.DoWork());
        Assert.True(journal.Log.CanAppend(1000, reserved: false));
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Message, 1, new byte[5000], out long position));
        Assert.Equal(1, journal.Rolls);
        Assert.True(position > JournalHarness.SegmentSize);
    }

    [Fact]
    public void ShouldUseAllOfASegmentWhenTheNextOneIsReady()
    {
        using var journal = new JournalHarness(_disk.Start());
        journal.RunPreparer();
        long last = 0;
        while (journal.Rolls == 0)
        {
            Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Message, 1, new byte[1000], out long position));
            last = journal.Rolls == 0 ? position : last;
        }
        Assert.InRange(last, JournalHarness.SegmentSize - 2200, JournalHarness.SegmentSize);
        // Snapshot first, then the record that made it roll.
        Assert.Equal([RecordType.SnapshotBegin, RecordType.SnapshotEnd, RecordType.Message], journal.Appended.TakeLast(3).Select(r => r.Type));
        Assert.Equal(JournalHarness.SegmentSize + 4096, journal.Appended[^3].Position);
    }

    [Fact]
    public void ShouldReportAFullDiskAndGoOnWhenThereIsRoom()
    {
        _disk.Capacity = JournalHarness.SegmentSize;
        using var journal = new JournalHarness(_disk.Start());
        journal.RunPreparer();
        Assert.Equal(JournalState.NoSpace, journal.Journal.State);
        Assert.Contains("free", journal.Journal.FailureText, StringComparison.OrdinalIgnoreCase);
        AppendStatus status;
        do
            status = journal.TryAppend(RecordType.Message, 1, new byte[4000], out _);
        while (status == AppendStatus.Appended);
        Assert.Equal(AppendStatus.NoSpace, status);
        Assert.Equal(AppendStatus.NoSpace, journal.Log.CheckAppend(4000, reserved: false));
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Ack, 1, new byte[40], out _));
        journal.Flush();

        _disk.Capacity += JournalHarness.SegmentSize;
        journal.RunPreparer();
        Assert.Equal(JournalState.Open, journal.Journal.State);
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Message, 1, new byte[4000], out _));
    }

    [Fact]
    public void ShouldAllocateNothingInSteadyState()
    {
        using var folder = new TemporaryFolder();
        using var journal = new JournalHarness(new MappedJournalStorage(folder.Path), new JournalOptions { SegmentSize = 16 * 1024 * 1024, MinFreeBytes = 0 });
        journal.RunPreparer();
        using ReaderSection reader = journal.Journal.RegisterReader();
        Append(journal, reader, 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Append(journal, reader, 50_000);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void ShouldFindRecordsByPositionInTransientMemory()
    {
        var readers = new ReaderRegistry();
        using var transient = new TransientLog(8 * 1024 * 1024, readers, JournalHarness.SegmentSize);
        RecordLog log = transient.Log;
        var positions = new List<long>();
        for (int i = 0; i < 3000; i++)
        {
            byte* body = log.TryClaim(RecordType.Message, (uint)i, 900, out long position, out AppendStatus status);
            if (status == AppendStatus.NotReady)
            {
                Assert.NotEqual(0, transient.Preparer.DoWork());
                body = log.TryClaim(RecordType.Message, (uint)i, 900, out position, out status);
            }
            Assert.Equal(AppendStatus.Appended, status);
            *(int*)body = i;
            log.Commit();
            log.AddReferences(position, 1);
            Assert.NotEqual(0, position & RecordLog.TransientBit);
            positions.Add(position);
        }
        for (int i = 0; i < positions.Count; i++)
            Assert.Equal(i, *(int*)(log.Record(positions[i]) + HeaderLength));
        Assert.True(log.Record(positions[0] & ~RecordLog.TransientBit) == null);
        // Any order: the middle goes first.
        long gone = positions[1500];
        foreach (long position in positions.Where(p => p / log.SegmentSize == gone / log.SegmentSize).ToList())
            log.Release(position);
        Assert.True(log.Record(gone) == null);
        Assert.Equal(0, *(int*)(log.Record(positions[0]) + HeaderLength));
        Assert.Equal(2999, *(int*)(log.Record(positions[^1]) + HeaderLength));
    }

    [Fact]
    public void ShouldBoundTransientMemory()
    {
        using var transient = new TransientLog(2 * JournalHarness.SegmentSize, new ReaderRegistry(), JournalHarness.SegmentSize);
        RecordLog log = transient.Log;
        var positions = new List<long>();
        AppendStatus status;
        while (true)
        {
            if (log.TryClaim(RecordType.Message, 0, 5000, out long position, out status) == null)
            {
                while (transient.Preparer.DoWork() != 0)
                {
                }
                if (log.TryClaim(RecordType.Message, 0, 5000, out position, out status) == null)
                    break;
            }
            log.Commit();
            log.AddReferences(position, 1);
            positions.Add(position);
        }
        Assert.Equal(AppendStatus.NoSpace, status);
        Assert.Contains("memory", log.FailureText, StringComparison.Ordinal);
        Assert.Equal(2 * JournalHarness.SegmentSize, transient.Allocated);
        foreach (long position in positions.Where(p => p / log.SegmentSize == positions[0] / log.SegmentSize).ToList())
            log.Release(position);
        while (transient.Preparer.DoWork() != 0)
        {
        }
        Assert.Equal(JournalState.Open, log.State);
        Assert.True(log.TryClaim(RecordType.Message, 0, 5000, out _, out _) != null);
        Assert.Equal(2 * JournalHarness.SegmentSize, transient.Allocated);
    }

    private static void Append(JournalHarness journal, ReaderSection reader, int count)
    {
        for (int i = 0; i < count; i++)
        {
            byte* body = journal.Log.TryClaim(RecordType.Message, 1, 200, out long position, out AppendStatus status);
            if (status != AppendStatus.Appended)
                throw new InvalidOperationException(status.ToString());
            *(long*)body = i;
            journal.Log.Commit();
            journal.Log.AddReferences(position, 2);
            journal.Log.Release(position);
            reader.Enter();
            if (journal.Log.Record(position) == null)
                throw new InvalidOperationException("gone");
            reader.Exit();
            if (i % 100 == 0)
                journal.Journal.RequestFlush();
        }
    }
}
