using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;
using static LowLatency.Tests.Journals.CompressedJournals;

namespace LowLatency.Tests.Journals;

/// <summary>Reading what is compressed: after a restart, in place, through slots; and the memory that it takes. Segments of 1 MiB, four of them hot.</summary>
public sealed unsafe class CompressedReadingTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldBeTheSameAfterARestart(bool isPowerCut)
    {
        using var disk = new SimulatedDisk();
        List<KnownRecord> appended;
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal);
            long used = disk.Used;
            Assert.Equal(Cold(journal), Compress(journal));
            Assert.InRange(disk.Used, 1, used - Cold(journal) * SegmentSize / 4);
            AssertReadable(journal);
            appended = journal.Appended;
        }
        if (isPowerCut)
            disk.PowerCut(new Random(1));
        else
            disk.Kill();
        Assert.Equal(VerifyVerdict.Intact, JournalVerifier.Verify(disk.Start()).Verdict);
        using var again = new JournalHarness(disk.Start(), Plain with { MemoryBytes = 1L << 30 });
        JournalHarness.AssertSame(appended, again.Collector.Records);
        Assert.NotNull(again.Log.FindSegment(0)!.Compressed);
        // Cold it stays, though there is memory for all now.
        Assert.Equal(Segments - JournalOptions.MinHotSegments + 1, again.Log.FirstHotIndex);
        AssertReadable(again);
    }

    [Fact]
    public void ShouldHoldEveryByteOfThePlainFile()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Filled(disk);
        byte[] plain = disk.Names[JournalFiles.Segment(1)].Bytes.ToArray();
        Compress(journal);
        byte[] compressed = new byte[SegmentSize];
        using SimulatedStorage storage = disk.Start();
        using JournalFolder folder = JournalFolder.Read(storage, readOnly: true);
        foreach ((int offset, int length) in ((int, int)[])[(0, SegmentSize), (100, 5), (65_530, 70_000), (SegmentSize - 3, 3)])
        {
            compressed.AsSpan().Clear();
            fixed (byte* at = compressed)
                Assert.Equal(length, folder.Segments[1].File.Read(offset, at, length));
            Assert.True(plain.AsSpan(offset, length).SequenceEqual(compressed.AsSpan(0, length)), $"{length} bytes at {offset}");
        }
        fixed (byte* at = compressed)
            Assert.Equal(3, folder.Segments[1].File.Read(SegmentSize - 3, at, 10));
    }

    [Fact]
    public void ShouldLoadIntoASlotAndOutOfIt()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk, segments: 12);
        for (long index = 0; index < journal.Log.FirstHotIndex; index++)
        {
            long reader = -1;
            long position = index * SegmentSize + SegmentLayout.HeaderLength;
            LoadStatus status = journal.Log.Ask(position, ref reader);
            for (int i = 0; i < 5 && status != LoadStatus.AtHand; i++)
            {
                journal.RunPreparer();
                journal.Log.NoteLoaded();
                journal.Log.LetGoOfServed();
                status = journal.Log.Ask(position, ref reader);
            }
            Assert.Equal(LoadStatus.AtHand, status);
            long uses = journal.Log.FindSegment(position)!.Compressed!.LastUse;
            AssertReadable(journal, index);
            Assert.Equal(uses, journal.Log.FindSegment(position)!.Compressed!.LastUse); // From the slot.
            journal.RunPreparer();
            Assert.InRange(journal.Log.Decompressed.Bytes, SegmentSize, (JournalOptions.MinColdSegments + 2) * (long)SegmentSize);
        }
    }

    [Fact]
    public void ShouldBoundTheMemoryOfWhatIsReadInPlace()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk, segments: 16);
        using ReaderSection reader = journal.Journal.RegisterReader();
        reader.Enter();
        KnownRecord first = journal.Appended[0];
        byte* record = journal.Log.Record(first.Position);
        AssertReadable(journal);
        long cold = journal.Log.FirstHotIndex * SegmentSize;
        Assert.InRange(journal.Log.Decompressed.Bytes, cold / 4 * 3, cold);
        journal.RunPreparer();
        // Not from under who reads it.
        Assert.True(first.Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(record + RecordLayout.HeaderLength, first.Body.Length)));
        reader.Exit();
        journal.RunPreparer();
        journal.RunPreparer();
        Assert.InRange(journal.Log.Decompressed.Bytes, 0, SegmentSize);
        AssertReadable(journal);
    }

    [Fact]
    public void ShouldBoundTheMemoryWhileItIsOpened()
    {
        using SimulatedDisk disk = CompressedDisk(segments: 16);
        using var again = new JournalHarness(disk.Start(), Plain);
        AssertReadable(again); // As an engine that counts what is live.
        Assert.InRange(again.Log.Decompressed.Bytes, 1, (JournalOptions.MinColdSegments + 1) * (long)SegmentSize);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldBeginAgainWhereAReaderComesWhileItWaitsForAnother(bool wasInSlot)
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk, segments: 12);
        journal.Journal.EnableRetirement();
        ReaderRegistry readers = journal.Journal.Readers;
        using ReaderSection first = journal.Journal.RegisterReader();
        using ReaderSection second = journal.Journal.RegisterReader();
        for (long index = 0; wasInSlot && journal.Log.FindSegment(0)!.Compressed!.PresentBytes == 0 || wasInSlot && journal.Log.FindSegment(0)!.Slot != null; index++)
        {
            // The last ones take the slot of the first.
            long reader = -1;
            journal.Log.Ask(index * SegmentSize, ref reader);
            journal.RunPreparer();
            journal.Log.NoteLoaded();
            journal.Log.LetGoOfServed();
        }
        KnownRecord known = journal.Appended[0];
        first.Enter();
        journal.Log.Record(known.Position);
        Assert.Equal(0, journal.Log.LetGoOfDecompressed(0, readers));
        second.Enter();
        byte* record = journal.Log.Record(known.Position);
        first.Exit();
        for (int i = 0; i < 3; i++)
            Assert.Equal(0, journal.Log.LetGoOfDecompressed(0, readers));
        Assert.True(known.Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(record + RecordLayout.HeaderLength, known.Body.Length)));
        second.Exit();
        Assert.Equal(1, journal.Log.LetGoOfDecompressed(0, readers));
    }

    [Fact]
    public void ShouldNotTakeTheMemoryFromAReaderWhoComesInTheLastMoment()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk, segments: 12);
        journal.Journal.EnableRetirement();
        ReaderRegistry readers = journal.Journal.Readers;
        using ReaderSection reader = journal.Journal.RegisterReader();
        KnownRecord known = journal.Appended[0];
        journal.Log.Record(known.Position);
        CompressedSegmentFile file = journal.Log.FindSegment(0)!.Compressed!;
        nint record = 0;
        file.BeforeUnmap = () =>
        {
            file.BeforeUnmap = null;
            reader.Enter();
            record = (nint)journal.Log.Record(known.Position);
        };
        Assert.Equal(0, journal.Log.LetGoOfDecompressed(0, readers));
        Assert.NotEqual(0, record);
        Assert.True(known.Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>((byte*)record + RecordLayout.HeaderLength, known.Body.Length)));
        Assert.Equal(0, journal.Log.LetGoOfDecompressed(0, readers));
        reader.Exit();
        Assert.Equal(1, journal.Log.LetGoOfDecompressed(0, readers));
    }

    [Fact]
    public void ShouldGiveReadersWholeRecordsWhileMemoryComesAndGoes()
    {
        const int reads = 3_000;
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk, segments: 14);
        journal.Journal.EnableRetirement();
        KnownRecord[] cold = [.. journal.Appended.Where(record => record.Position < journal.Log.FirstHotIndex * SegmentSize)];
        int running = 2;
        long went = 0;
        string? wrong = null;
        var threads = new Thread[running];
        for (int i = 0; i < threads.Length; i++)
        {
            var random = new Random(i);
            threads[i] = new Thread(() =>
            {
                using ReaderSection section = journal.Journal.RegisterReader();
                for (int read = 0; wrong == null && (read < reads || (Volatile.Read(ref went) == 0 && read < 1000 * reads)); read++)
                {
                    section.Enter();
                    KnownRecord[] some = [cold[random.Next(cold.Length)], cold[random.Next(cold.Length)]];
                    nint[] records = [(nint)journal.Log.Record(some[0].Position), (nint)journal.Log.Record(some[1].Position)];
                    for (int at = 0; at < some.Length; at++)
                    {
                        if (!some[at].Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>((byte*)records[at] + RecordLayout.HeaderLength, some[at].Body.Length)))
                            wrong = $"body at {some[at].Position}";
                    }
                    section.Exit();
                }
                Interlocked.Decrement(ref running);
            });
            threads[i].Start();
        }
        while (Volatile.Read(ref running) > 0)
            went += journal.Log.LetGoOfDecompressed(0, journal.Journal.Readers);
        Array.ForEach(threads, thread => thread.Join());
        Assert.Null(wrong);
        Assert.True(went > 0);
    }

    [Fact]
    public void ShouldGoWithTheFileWhenItIsNeededNoLonger()
    {
        using var disk = new SimulatedDisk();
        List<KnownRecord> appended;
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            journal.Journal.EnableRetirement();
            Fill(journal);
            Compress(journal);
            appended = journal.Appended;
            foreach (KnownRecord record in appended.Where(record => record.Type == RecordType.Message && record.Position < 2 * SegmentSize))
                journal.Log.Release(record.Position);
            journal.Journal.Maintain();
            journal.Flush();
            journal.RunPreparer();
            Assert.DoesNotContain(JournalFiles.Segment(0), disk.Names.Keys);
            Assert.DoesNotContain(JournalFiles.Segment(1), disk.Names.Keys);
            Assert.Contains(JournalFiles.Segment(2), disk.Names.Keys);
        }
        disk.PowerCut(new Random(2));
        using var again = new JournalHarness(disk.Start(), Plain);
        JournalHarness.AssertSame([.. appended.Where(record => record.Position >= 2 * SegmentSize)], again.Collector.Records);
    }
}
