using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Wire;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Cold segments whose files hold them compressed. Segments of 1 MiB, four of them hot.</summary>
public sealed unsafe class CompressedSegmentTests
{
    private const int SegmentSize = JournalHarness.SegmentSize;
    private const int Segments = 8;
    private const int MessageLength = 40_000;

    private static readonly JournalOptions Plain = JournalHarness.Options with { MemoryBytes = 0 };
    private static readonly JournalOptions Compressing = Plain with { Compression = BatchOpener.Load() };

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
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
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
    public void ShouldCompressOnlyWhatIsColdAndOnTheDisk()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, flushes: false);
        Assert.Equal(0, Compress(journal));
        journal.Flush();
        Assert.Equal(Cold(journal), Compress(journal));
        for (long index = 0; index <= journal.Log.Active!.Index; index++)
            Assert.Equal(index < journal.Log.FirstHotIndex, journal.Log.FindSegment(index * SegmentSize)!.Compressed != null);
    }

    [Fact]
    public void ShouldGiveUpASegmentThatIsAskedFor()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        while (!compressor.IsBusy)
            journal.Journal.Preparer.DoWork();
        long reader = -1;
        Assert.Equal(LoadStatus.Loading, journal.Log.Ask(0, ref reader));
        Assert.Equal(Cold(journal) - 1, Compress(journal));
        Assert.Null(journal.Log.FindSegment(0)!.Compressed);
        AssertReadable(journal);
    }

    [Fact]
    public void ShouldNotTakeAFileForASegmentThatIsAskedForMeanwhile()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
        while (!journal.Log.HasOffer)
            journal.Journal.Preparer.DoWork();
        long reader = -1;
        Assert.Equal(LoadStatus.Loading, journal.Log.Ask(0, ref reader));
        journal.Log.TakeOffer();
        Assert.Equal(Cold(journal) - 1, Compress(journal));
        Assert.Null(journal.Log.FindSegment(0)!.Compressed);
        Assert.Equal(SegmentSize, disk.Names[JournalFiles.Segment(0)].Length);
        AssertOnlySegments(disk);
    }

    [Fact]
    public void ShouldNotTakeThePlainMemoryFromAReader()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
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
    public void ShouldBoundTheMemoryOfWhatIsReadInPlace()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, segments: 16);
        Compress(journal);
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
        using var disk = new SimulatedDisk();
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal, segments: 16);
            Compress(journal);
        }
        disk.Kill();
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
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, segments: 12);
        Compress(journal);
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
    public void ShouldGiveReadersWholeRecordsWhileMemoryComesAndGoes()
    {
        const int reads = 3_000;
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, segments: 14);
        Compress(journal);
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
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, flushes: false);
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
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
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
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
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

    [Fact]
    public void ShouldNoticeEveryFlippedBit()
    {
        using var disk = new SimulatedDisk();
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal);
            Compress(journal);
            Assert.True(journal.Journal.CloseClean());
        }
        disk.Kill();
        SimulatedFile file = disk.Names[JournalFiles.Segment(2)];
        int end = EndOfBlocks(file);
        var random = new Random(5);
        IEnumerable<int> places = Enumerable.Range(0, 72) // All fields of the header, and around.
            .Concat(Enumerable.Range(0, 40).Select(_ => random.Next(SegmentLayout.HeaderLength)))
            .Concat(Enumerable.Range(0, SegmentSize / CompressedSegmentFile.BlockLength * CompressedSegmentFile.EntryLength).Where(i => i % 3 == 0).Select(i => SegmentLayout.HeaderLength + i))
            .Concat(Enumerable.Range(0, 120).Select(_ => random.Next(CompressedSegmentFile.BlocksStart(SegmentSize), end)));
        foreach (int at in places)
        {
            byte was = file.Bytes[at];
            file.Damage(at, [(byte)(was ^ (1 << random.Next(8)))]);
            VerifyResult verified = JournalVerifier.Verify(disk.Start());
            Assert.True(verified.Verdict == VerifyVerdict.Damaged, $"byte {at}: verify says {verified.Verdict}");
            Assert.InRange(verified.End, 2 * SegmentSize, 3 * SegmentSize);
            Assert.Equal(at < CompressedSegmentFile.BlocksStart(SegmentSize) ? HeaderStatus.Damaged : HeaderStatus.Valid, verified.Segments[2].Header);
            JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(disk.Start(), Plain));
            Assert.True(error.Error == JournalError.Damaged, $"byte {at}: {error.Message}");
            Assert.Equal(JournalFiles.Segment(2), error.FileName);
            file.Damage(at, [was]);
            disk.Kill();
        }
        Assert.Equal(VerifyVerdict.Intact, JournalVerifier.Verify(disk.Start()).Verdict);
    }

    [Fact]
    public void ShouldTakeAnEndInACompressedSegmentForDamage()
    {
        // No marker is left that says what was on the disk: that a segment is compressed does.
        using var disk = new SimulatedDisk();
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal);
            Compress(journal);
        }
        disk.Kill();
        for (long index = 2; index <= Segments; index++)
        {
            SimulatedFile file = disk.Names[JournalFiles.Segment(index)];
            int from = index == 2 ? CompressedSegmentFile.BlocksStart(SegmentSize) : SegmentLayout.HeaderLength;
            file.Damage(from, new byte[file.Length - from]);
        }
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(disk.Start(), Plain));
        Assert.Equal((JournalError.Damaged, JournalFiles.Segment(2)), (error.Error, error.FileName));
        Assert.Equal(VerifyVerdict.Damaged, JournalVerifier.Verify(disk.Start()).Verdict);
    }

    [Fact]
    public void ShouldMissWhatComesAfterACompressedSegment()
    {
        using var disk = new SimulatedDisk();
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal);
            Compress(journal);
        }
        disk.Kill();
        for (long index = 3; index <= Segments + 1; index++)
            disk.Names.Remove(JournalFiles.Segment(index));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(disk.Start(), Plain));
        Assert.Equal((JournalError.MissingSegment, JournalFiles.Segment(3)), (error.Error, error.FileName));
    }

    [Fact]
    public void ShouldFailTheJournalWhereAReaderMeetsDamage()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal);
        Compress(journal);
        SimulatedFile file = disk.Names[JournalFiles.Segment(0)];
        int at = EndOfBlocks(file) - 40;
        file.Damage(at, [(byte)(file.Bytes[at] ^ 4)]);
        KnownRecord[] inSegment = [.. journal.Appended.Where(record => record.Position < SegmentSize)];
        Assert.True(journal.Log.Record(inSegment[0].Position) != null);
        long position = inSegment[^1].Position;
        JournalException error = Assert.Throws<JournalException>(() => journal.Log.Record(position));
        Assert.Equal((JournalError.Damaged, position), (error.Error, error.Position));
        Assert.Equal(JournalState.Failed, journal.Log.State);
    }

    [Fact]
    public void ShouldFailTheJournalWhereALoadMeetsDamageOrTheDiskFails()
    {
        foreach (bool isUnreadable in (bool[])[false, true])
        {
            using var disk = new SimulatedDisk();
            using var journal = new JournalHarness(disk.Start(), Compressing);
            Fill(journal);
            Compress(journal);
            SimulatedFile file = disk.Names[JournalFiles.Segment(1)];
            int at = EndOfBlocks(file) - 40;
            if (isUnreadable)
                file.Unreadable = (at, 1);
            else
                file.Damage(at, [(byte)(file.Bytes[at] ^ 4)]);
            long reader = -1;
            Assert.Equal(LoadStatus.Loading, journal.Log.Ask(SegmentSize, ref reader));
            journal.RunPreparer();
            Assert.Equal(JournalState.Failed, journal.Log.State);
            Assert.Contains(isUnreadable ? "errno 5" : $"damaged between positions {SegmentSize * 2 - 131072} and {SegmentSize * 2}", journal.Log.FailureText, StringComparison.Ordinal);
            journal.Log.NoteLoaded();
            Assert.Equal(LoadStatus.Unreadable, journal.Log.Ask(SegmentSize, ref reader));
        }
    }

    [Fact]
    public void ShouldLoadIntoASlotAndOutOfIt()
    {
        using var disk = new SimulatedDisk();
        using var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, segments: 12);
        Compress(journal);
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
    public void ShouldBeAFormatThatAnOlderBrokerNames()
    {
        using var disk = new SimulatedDisk();
        using (var journal = new JournalHarness(disk.Start(), Compressing))
        {
            Fill(journal);
            Compress(journal);
        }
        SimulatedFile file = disk.Names[JournalFiles.Segment(0)];
        // Version 1 asks for these two and the CRC of the page: another version with a right CRC is a newer format.
        Assert.Equal("LLJOURNL"u8.ToArray(), file.Bytes[..8].ToArray());
        Assert.Equal(2u, BitConverter.ToUInt32(file.Bytes[SegmentLayout.Version..]));
        byte* page = stackalloc byte[SegmentLayout.HeaderLength];
        file.Bytes[..SegmentLayout.HeaderLength].CopyTo(new Span<byte>(page, SegmentLayout.HeaderLength));
        Assert.Equal(HeaderStatus.Valid, SegmentLayout.TryRead(page, out SegmentHeader header));
        SegmentLayout.Write(page, header);
        Assert.True(file.Bytes[..SegmentLayout.HeaderLength].SequenceEqual(new ReadOnlySpan<byte>(page, SegmentLayout.HeaderLength)));
        *(uint*)(page + SegmentLayout.Method) = 2;
        Assert.Equal(HeaderStatus.Damaged, SegmentLayout.TryRead(page, out _));
        *(uint*)(page + SegmentLayout.Version) = 3;
        Assert.Equal(HeaderStatus.OtherVersion, SegmentLayout.TryRead(page, out _));
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

    private static int Calls(SimulatedDisk prepared, bool compresses)
    {
        using SimulatedDisk disk = prepared.Clone();
        using var journal = new JournalHarness(disk.Start(), compresses ? Compressing : Plain);
        CountReferences(journal);
        if (compresses)
            Assert.NotEqual(0, Compress(journal));
        return disk.Calls;
    }

    private static void Fill(JournalHarness journal, int segments = Segments, bool flushes = true)
    {
        for (int i = 0; journal.Log.Active!.Index < segments; i++)
            journal.Log.AddReferences(journal.Append(MessageLength, i), 1);
        if (flushes)
            journal.Flush();
        journal.RunPreparer();
    }

    private static void CountReferences(JournalHarness journal)
    {
        foreach (KnownRecord record in journal.Collector.Records.Where(record => record.Type == RecordType.Message))
            journal.Log.AddReferences(record.Position, 1);
        journal.Journal.EnableRetirement();
    }

    /// <summary>Preparer and engine at work until there is nothing left to compress.</summary>
    /// <returns>Segments that were compressed.</returns>
    private static long Compress(JournalHarness journal)
    {
        long before = journal.Log.CompressedCount;
        SegmentCompressor compressor = journal.Journal.Preparer.Compressor!;
        for (int idle = 0; idle < 3;)
        {
            journal.RunPreparer();
            idle = compressor.IsBusy || journal.Log.HasOffer ? 0 : idle + 1;
            journal.Log.TakeOffer();
        }
        return journal.Log.CompressedCount - before;
    }

    private static long Cold(JournalHarness journal) => journal.Log.FirstHotIndex;

    private static void AssertReadable(JournalHarness journal, long segment = -1)
    {
        foreach (KnownRecord record in journal.Appended)
        {
            if (segment >= 0 && record.Position / SegmentSize != segment)
                continue;
            byte* header = journal.Log.Record(record.Position);
            Assert.Equal(record.Position, *(long*)(header + RecordLayout.Position));
            Assert.True(record.Body.AsSpan().SequenceEqual(new ReadOnlySpan<byte>(header + RecordLayout.HeaderLength, record.Body.Length)), $"body at {record.Position}");
        }
    }

    private static void AssertOnlySegments(SimulatedDisk disk) =>
        Assert.All(disk.Names, file => Assert.True(JournalFiles.IsSegment(file.Key, out _) || file.Value.Length == SegmentSize, $"{file.Key} of {file.Value.Length} bytes"));

    private static int EndOfBlocks(SimulatedFile file)
    {
        int end = CompressedSegmentFile.BlocksStart(SegmentSize);
        for (int i = 0; i < SegmentSize / CompressedSegmentFile.BlockLength; i++)
            end += CompressedSegmentFile.Align(BitConverter.ToInt32(file.Bytes[(SegmentLayout.HeaderLength + i * CompressedSegmentFile.EntryLength)..]));
        return end;
    }
}
