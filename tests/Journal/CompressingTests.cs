using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;
using static LowLatency.Tests.Journals.CompressedJournals;

namespace LowLatency.Tests.Journals;

/// <summary>How cold segments come to be compressed, and when they do not. Segments of 1 MiB, four of them hot.</summary>
public sealed unsafe class CompressingTests
{
    [Fact]
    public void ShouldCompressOnlyWhatIsColdAndOnTheDisk()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk, flushes: false);
        Assert.Equal(0, Compress(journal));
        journal.Flush();
        Assert.Equal(Cold(journal), Compress(journal));
        for (long index = 0; index <= journal.Log.Active!.Index; index++)
            Assert.Equal(index < journal.Log.FirstHotIndex, journal.Log.FindSegment(index * SegmentSize)!.Compressed != null);
    }

    [Fact]
    public void ShouldLeaveWhatDoesNotShrink()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        var random = new Random(3);
        byte[] noise = new byte[MessageLength];
        while (journal.Log.Active!.Index < Segments)
        {
            random.NextBytes(noise);
            journal.Log.AddReferences(journal.Append(RecordType.Message, 1, noise), 1);
        }
        journal.Flush();
        Assert.Equal(0, Compress(journal));
        int calls = disk.Calls;
        Assert.Equal(0, Compress(journal));
        Assert.Equal(calls, disk.Calls); // It is not tried again and again.
        Assert.All(disk.Names.Values, file => Assert.Equal(SegmentSize, file.Length));
    }

    [Fact]
    public void ShouldGiveUpASegmentThatIsAskedFor()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        while (!compressor.IsBusy)
            journal.Journal.Preparer.DoWork();
        long reader = -1;
        Assert.Equal(LoadStatus.Loading, journal.Log.Ask(0, ref reader));
        Assert.Equal(Cold(journal) - 1, Compress(journal));
        Assert.Null(journal.Log.FindSegment(0)!.Compressed);
        AssertReadable(journal);
        TakeSlots(journal);
        Assert.Equal(1, Compress(journal));
        Assert.NotNull(journal.Log.FindSegment(0)!.Compressed);
    }

    [Fact]
    public void ShouldGiveSegmentsThatAreInSlotsTheirTurnWhenTheyAreNot()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk, segments: 12);
        long[] inSlots = [1, 3, 4];
        foreach (long index in inSlots)
            Load(journal, index);
        Assert.Equal(Cold(journal) - inSlots.Length, Compress(journal));
        int calls = disk.Calls;
        Assert.Equal(0, Compress(journal));
        Assert.Equal(calls, disk.Calls);
        Load(journal, 6);
        Assert.Equal(1, Compress(journal));
        Assert.NotNull(journal.Log.FindSegment(SegmentSize)!.Compressed);
        Load(journal, 7);
        Load(journal, 8);
        Assert.Equal(2, Compress(journal));
        AssertReadable(journal);
    }

    [Fact]
    public void ShouldNotBeginASegmentAgainAndAgain()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk, segments: 12);
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        int begins = 0;
        for (; !journal.Log.FindSegment(0)!.StaysPlain; begins++)
        {
            while (!compressor.IsBusy)
                compressor.DoWork();
            Load(journal, 0);
            compressor.DoWork();
            Assert.False(compressor.IsBusy);
            TakeSlots(journal);
        }
        Assert.Equal(4, begins);
        Compress(journal);
        Assert.Null(journal.Log.FindSegment(0)!.Compressed);
    }

    [Fact]
    public void ShouldNotTakeAFileForASegmentThatIsAskedForMeanwhile()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        while (!journal.Log.HasOffer)
            journal.Journal.Preparer.DoWork();
        long reader = -1;
        Assert.Equal(LoadStatus.Loading, journal.Log.Ask(0, ref reader));
        journal.Log.TakeOffer();
        Assert.Equal(Cold(journal) - 1, Compress(journal));
        Assert.Null(journal.Log.FindSegment(0)!.Compressed);
        Assert.Equal(SegmentSize, disk.Names[JournalFiles.Segment(0)].Length);
        AssertOnlySegments(disk);
        TakeSlots(journal);
        Assert.Equal(1, Compress(journal));
        Assert.NotNull(journal.Log.FindSegment(0)!.Compressed);
    }

    [Fact]
    public void ShouldNotTakeThePlainMemoryFromAReader()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        using ReaderSection reader = journal.Journal.RegisterReader();
        while (!journal.Log.HasOffer)
            journal.Journal.Preparer.DoWork();
        reader.Enter();
        journal.Log.TakeOffer();
        for (int i = 0; i < 10; i++)
            journal.Journal.Preparer.DoWork();
        Assert.Equal(SegmentSize, disk.Names[JournalFiles.Segment(0)].Length);
        reader.Exit();
        journal.RunPreparer();
        Assert.InRange(disk.Names[JournalFiles.Segment(0)].Length, 1, SegmentSize / 2);
    }

    [Fact]
    public void ShouldLeaveASegmentThatGoesWhileItsFileIsOffered()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        journal.Journal.EnableRetirement();
        Fill(journal);
        while (!journal.Log.HasOffer)
            journal.Journal.Preparer.DoWork();
        foreach (KnownRecord record in journal.Appended.Where(record => record.Type == RecordType.Message && record.Position < SegmentSize))
            journal.Log.Release(record.Position);
        journal.Log.TakeOffer(); // It has the new file, and goes before that has its name.
        journal.Journal.Maintain();
        journal.Flush();
        journal.RunPreparer();
        Assert.Null(journal.Log.FindSegment(0));
        Assert.DoesNotContain(JournalFiles.Segment(0), disk.Names.Keys);
        AssertOnlySegments(disk);
    }

    [Fact]
    public void ShouldCompressASegmentThatWentHalfwayInItsNextLife()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        journal.Journal.EnableRetirement();
        Fill(journal);
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        while (!compressor.IsBusy)
            journal.Journal.Preparer.DoWork();
        Segment segment = journal.Log.FindSegment(0)!;
        journal.Journal.Preparer.StepsCompressor = false;
        foreach (KnownRecord record in journal.Appended.Where(record => record.Type == RecordType.Message && record.Position < SegmentSize))
            journal.Log.Release(record.Position);
        journal.Journal.Maintain();
        for (int segments = Segments + 1; segment.Index == 0; segments++)
            Fill(journal, segments);
        Assert.Same(segment, journal.Log.FindSegment(segment.Index * SegmentSize) ?? journal.Log.Next);
        compressor.DoWork();
        Assert.False(segment.StaysPlain);
    }

    [Fact]
    public void ShouldCompressNothingWhereTheDiskIsNearlyFull()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk, flushes: false);
        disk.Capacity = disk.Used + SegmentSize - 1;
        journal.Flush();
        Assert.Equal(0, Compress(journal));
        disk.Capacity++;
        Assert.Equal(Cold(journal), Compress(journal));
    }

    [Fact]
    public void ShouldCarryOnWhereTheFileCannotBeMadeOrSynced()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        disk.CreateError = Errno.NoSpace;
        Assert.Equal(0, Compress(journal));
        disk.CreateError = 0;
        Fill(journal, segments: Segments + 2);
        disk.FailSync = disk.Syncs + 1;
        Assert.Equal(0, Compress(journal));
        Fill(journal, segments: Segments + 4);
        Assert.Equal(0, Compress(journal)); // Not on a disk that failed.
        Assert.Equal(JournalState.Open, journal.Log.State);
        AssertReadable(journal);
        AssertOnlySegments(disk);
    }

    [Fact]
    public void ShouldNotTrustACompressionThatDoesNotGiveBackWhatItWasGiven()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        string? spare = null;
        while ((spare = disk.Names.Keys.SingleOrDefault(name => JournalFiles.IsSpare(name, out _))) == null)
            journal.Journal.Preparer.DoWork();
        int length = disk.Names[spare].Length;
        // Written, and damaged before it is read back.
        for (int i = 0; i < 1 + length / (1024 * 1024); i++)
            journal.Journal.Preparer.DoWork();
        SimulatedFile file = disk.Names[spare];
        file.Damage(length - 5000, [(byte)(file.Bytes[length - 5000] ^ 1)]);
        Assert.Equal(0, Compress(journal));
        Assert.False(compressor.IsBusy);
        AssertOnlySegments(disk);
        AssertReadable(journal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldLoseNothingWhereACompressionIsCutOff(bool isPowerCut)
    {
        using var prepared = new SimulatedDisk();
        List<KnownRecord> appended;
        using (var journal = new JournalHarness(prepared.Start(), Plain))
        {
            Fill(journal, segments: 6);
            appended = [.. journal.Appended];
        }
        prepared.Kill();
        int from = Calls(prepared, compresses: false);
        int to = Calls(prepared, compresses: true);
        Assert.True(to > from + 12);
        for (int call = from; call < to; call++)
        {
            using SimulatedDisk disk = prepared.Clone();
            disk.CrashAtCall = call;
            using (var journal = new JournalHarness(disk.Start(), Compressing))
            {
                CountReferences(journal);
                Assert.Throws<SimulatedCrash>(() => Compress(journal));
            }
            if (isPowerCut)
                disk.PowerCut(new Random(call));
            else
                disk.Kill();
            using var again = new JournalHarness(disk.Start(), Compressing);
            CountReferences(again);
            JournalHarness.AssertSame(appended, again.Collector.Records);
            Compress(again);
            AssertReadable(again);
            Fill(again, segments: 9);
            AssertOnlySegments(disk);
            Assert.Equal(VerifyVerdict.Intact, JournalVerifier.Verify(disk.Start()).Verdict);
        }
    }

    /// <summary>Others are read, so that no slot holds the first one.</summary>
    private static void TakeSlots(JournalHarness journal)
    {
        for (long index = 1; journal.Log.FindSegment(0)!.Slot != null; index++)
            Load(journal, index);
    }

    private static void Load(JournalHarness journal, long index)
    {
        long reader = index; // It reads nothing ahead.
        journal.Journal.Preparer.StepsCompressor = false;
        for (int i = 0; i < 3 && journal.Log.Ask(index * SegmentSize, ref reader) != LoadStatus.AtHand; i++)
        {
            journal.RunPreparer();
            journal.Log.NoteLoaded();
            journal.Log.LetGoOfServed();
        }
        Assert.NotNull(journal.Log.FindSegment(index * SegmentSize)!.Slot);
        journal.Journal.Preparer.StepsCompressor = true;
    }

    private static int Calls(SimulatedDisk prepared, bool compresses)
    {
        using SimulatedDisk disk = prepared.Clone();
        using var journal = new JournalHarness(disk.Start(), compresses ? Compressing : Plain);
        CountReferences(journal);
        if (compresses)
            Assert.NotEqual(0, Compress(journal));
        return disk.Calls;
    }
}
