using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;
using static LowLatency.Tests.Journals.CompressedJournals;

namespace LowLatency.Tests.Journals;

/// <summary>Compressed segments that are not as they were written, or are not there. Segments of 1 MiB, four of them hot.</summary>
public sealed unsafe class CompressedDamageTests
{
    [Fact]
    public void ShouldNoticeEveryFlippedBit()
    {
        using SimulatedDisk disk = CompressedDisk(stops: true);
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
        using SimulatedDisk disk = CompressedDisk();
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
        using SimulatedDisk disk = CompressedDisk();
        for (long index = 3; index <= Segments + 1; index++)
            disk.Names.Remove(JournalFiles.Segment(index));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(disk.Start(), Plain));
        Assert.Equal((JournalError.MissingSegment, JournalFiles.Segment(3)), (error.Error, error.FileName));
    }

    [Fact]
    public void ShouldFailTheJournalWhereAReaderMeetsDamage()
    {
        using var disk = new SimulatedDisk();
        using JournalHarness journal = Compressed(disk);
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
}
