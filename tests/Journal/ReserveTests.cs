using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Wire;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>The end of the last segment on a full disk: who may use what of it, and when moved records may. Segments of 1 MiB.</summary>
public sealed unsafe class ReserveTests : IDisposable
{
    private const int SegmentSize = JournalHarness.SegmentSize;
    private const int Reserve = SegmentSize / 16;
    private const int MessageLength = 10_000;

    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldKeepEachPartForWhomItIs()
    {
        using JournalHarness journal = Full(segments: 4);
        AssertLeft(journal, RecordLog.MovesLength(SegmentSize) + Reserve, MessageLength);
        // What is live in the oldest does not fit: nothing may move.
        Assert.True(AskToEmpty(journal));
        Assert.False(journal.Log.TryMoveIntoReserve());
        Assert.Equal(AppendStatus.NoSpace, journal.TryAppend(RecordType.Moved, 1, new byte[MessageLength], out _));
        // What a snapshot has to say has the room of moved records, and no more.
        while (journal.Log.CheckAppendSnapshot(500) == AppendStatus.Appended)
            journal.TryAppend(RecordType.Bind, 1, new byte[500], out _);
        AssertLeft(journal, Reserve, 600);
        int acks = 0;
        while (journal.TryAppend(RecordType.Ack, 1, new byte[32], out _) == AppendStatus.Appended)
            acks++;
        Assert.InRange(acks, Reserve / 64, Reserve / 64 + 10);
        AssertLeft(journal, 0, 63);
        // Nothing has room but the marker that says what is not needed; that is enough.
        journal.Journal.RequestFlush();
        AssertLeft(journal, 0, 63);
        Release(journal, segment: 0, all: true);
        Assert.True(journal.Journal.Maintain());
        journal.Journal.Flusher.DoWork();
        journal.RunPreparer();
        Assert.Equal(JournalState.Open, journal.Journal.State);
        journal.Append(MessageLength, 1);
    }

    [Fact]
    public void ShouldLetMovedRecordsInWhereTheyGiveBackMore()
    {
        using JournalHarness journal = Full(segments: 4);
        Release(journal, segment: 0, all: false);
        Assert.Equal(1, journal.Log.FindSegment(0)!.References);
        Assert.Equal(AppendStatus.NoSpace, journal.TryAppend(RecordType.Moved, 1, new byte[MessageLength], out _));
        Assert.True(AskToEmpty(journal));
        Assert.True(journal.Log.TryMoveIntoReserve());
        Assert.False(journal.Log.TryMoveIntoReserve());
        Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Moved, 1, new byte[MessageLength], out _));
        // Never into what others must have.
        while (journal.TryAppend(RecordType.Moved, 1, new byte[MessageLength], out _) == AppendStatus.Appended)
        {
        }
        AssertLeft(journal, Reserve, MessageLength + 100);
        Assert.Equal(AppendStatus.NoSpace, journal.TryAppend(RecordType.Message, 1, [], out _));
        Release(journal, segment: 0, all: true);
        GoOn(journal);
        // With the next segment there is a new reserve, and it is asked for anew.
        FillUp(journal);
        Assert.Equal(AppendStatus.NoSpace, journal.TryAppend(RecordType.Moved, 1, new byte[MessageLength], out _));
    }

    [Fact]
    public void ShouldMoveNothingThatGivesNothingBack()
    {
        using JournalHarness journal = Full(segments: 4, journal => journal.WriteSnapshots = journal.Rolls != 0);
        // The second segment has no snapshot: the first cannot go before it.
        Assert.False(journal.Log.FindSegment(SegmentSize)!.HasSnapshot);
        Release(journal, segment: 0, all: false);
        Assert.True(AskToEmpty(journal));
        Assert.False(journal.Log.TryMoveIntoReserve());
        Release(journal, segment: 1, all: false);
        Assert.True(journal.Log.TryMoveIntoReserve());
        Assert.True(journal.Log.IsEmptyingIntoReserve);
        Release(journal, segment: 0, all: true);
        Assert.True(journal.Log.IsEmptyingIntoReserve);
        Release(journal, segment: 1, all: true);
        Assert.False(journal.Log.IsEmptyingIntoReserve);
        GoOn(journal);
    }

    [Fact]
    public void ShouldNotCountOnSegmentsThatGoByThemselves()
    {
        using JournalHarness journal = Full(segments: 4);
        Release(journal, segment: 1, all: false);
        Release(journal, segment: 0, all: true);
        Assert.True(AskToEmpty(journal));
        Assert.False(journal.Log.TryMoveIntoReserve());
        GoOn(journal);
    }

    [Fact]
    public void ShouldEmptyAsManyCompressedSegmentsAsMakeRoomForOne()
    {
        using JournalHarness journal = Full(segments: 10, compresses: true);
        RecordLog log = journal.Log;
        Assert.InRange(log.CompressedCount, 3, 8);
        long missing = SegmentSize - (_disk.Capacity - _disk.Used);
        Assert.True(missing > log.FindSegment(0)!.Compressed!.FileLength, "One of them is room enough.");
        Release(journal, segment: 0, all: false);
        Assert.True(AskToEmpty(journal));
        Assert.False(log.TryMoveIntoReserve());
        for (int segment = 1; segment < 10; segment++)
            Release(journal, segment, all: false);
        Assert.True(log.TryMoveIntoReserve());
        for (int segment = 0; log.IsEmptyingIntoReserve; segment++)
            Release(journal, segment, all: true);
        GoOn(journal);
    }

    /// <summary>Fills segments with messages up to a disk that has no room for more.</summary>
    private JournalHarness Full(int segments, Action<JournalHarness>? beforeMessage = null, bool compresses = false)
    {
        var journal = new JournalHarness(_disk.Start(), JournalHarness.Options with { MemoryBytes = 0, Compression = compresses ? BatchOpener.Load() : null });
        journal.Journal.EnableRetirement();
        while (journal.Log.Active!.Index < segments - 1)
        {
            beforeMessage?.Invoke(journal);
            AppendLive(journal, AppendStatus.Appended);
        }
        journal.Flush();
        for (int i = 0; i < 5000 && compresses; i++)
        {
            journal.Journal.Preparer.DoWork();
            journal.Log.TakeOffer();
        }
        journal.RunPreparer();
        _disk.Capacity = _disk.Used + (compresses ? SegmentSize / 4 * 3 : 0);
        FillUp(journal);
        return journal;
    }

    private static void FillUp(JournalHarness journal)
    {
        while (AppendLive(journal, AppendStatus.NoSpace))
        {
        }
        Assert.Equal(JournalState.NoSpace, journal.Journal.State);
    }

    private static bool AppendLive(JournalHarness journal, AppendStatus last)
    {
        AppendStatus status = journal.TryAppend(RecordType.Message, 1, JournalHarness.Body(MessageLength, journal.Appended.Count), out long position);
        if (status == AppendStatus.Appended)
            journal.Log.AddReferences(position, 1, RecordLayout.AlignedLength(MessageLength));
        else
            journal.RunPreparer();
        Assert.True(status is AppendStatus.Appended or AppendStatus.NotReady || status == last, $"{status}");
        return status != AppendStatus.NoSpace;
    }

    /// <summary>All of a segment's messages are done with, or all but the last.</summary>
    private static void Release(JournalHarness journal, int segment, bool all)
    {
        Segment found = journal.Log.FindSegment((long)segment * SegmentSize)!;
        while (found.References > (all ? 0 : 1))
            journal.Log.Release(found.Base, RecordLayout.AlignedLength(MessageLength));
    }

    private static bool AskToEmpty(JournalHarness journal)
    {
        Segment segment = journal.Log.FindOldestInUse()!;
        for (int i = 0; i < 3 && !journal.Log.AskToEmpty(segment); i++)
        {
            journal.RunPreparer();
            journal.Log.NoteLoaded();
        }
        return journal.Log.AskToEmpty(segment);
    }

    private static void GoOn(JournalHarness journal)
    {
        journal.Journal.Maintain();
        journal.Flush();
        journal.Journal.Maintain();
        journal.Flush();
        journal.RunPreparer();
        Assert.Equal(JournalState.Open, journal.Journal.State);
        journal.Append(MessageLength, 1);
    }

    private static void AssertLeft(JournalHarness journal, int reserve, int most)
    {
        long end = journal.Log.Active!.Base + SegmentSize - RecordLog.MarkersLength;
        Assert.InRange(end - journal.Log.Tail, reserve, reserve + most);
    }
}
