using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>What a verification says of journals in all states.</summary>
public sealed class VerifierTests : IDisposable
{
    private readonly SimulatedDisk _disk = new();

    public void Dispose() => _disk.Dispose();

    [Fact]
    public void ShouldFindNothingInAnEmptyFolder()
    {
        Assert.Equal(VerifyVerdict.Empty, Verify().Verdict);
    }

    [Fact]
    public void ShouldCountWhatIsThere()
    {
        int count = Write(close: true);
        VerifyResult result = Verify();
        Assert.Equal(VerifyVerdict.Intact, result.Verdict);
        Assert.True(result.EndsClean);
        Assert.True(result.Records > count);
        Assert.Equal([0L, 1L, 2L], result.Segments.Where(segment => segment.Records > 0).Select(segment => segment.Id));
        Assert.All(result.Segments, segment => Assert.Empty(segment.Damage));
        Assert.Equal(result.Segments.Sum(segment => segment.Bytes), result.Bytes);
        Assert.Equal((1u, 1u), (result.Segments[0].FirstEpoch, result.Segments[0].LastEpoch));
    }

    [Fact]
    public void ShouldNameEveryDamagedPlace()
    {
        Write(close: true);
        long first;
        using (var journal = new JournalHarness(_disk.Start()))
            first = journal.Collector.Records[10].Position;
        _disk.Names[JournalFiles.Segment(0)].Damage((int)first + 100, [0xEE]);
        _disk.Names[JournalFiles.Segment(1)].Damage(500_000, new byte[5000]);
        _disk.Names[JournalFiles.Segment(2)].Damage(0, [1, 2, 3]);
        VerifyResult result = Verify();
        Assert.Equal(VerifyVerdict.Damaged, result.Verdict);
        Assert.Equal(first, result.End);
        DamagedRange range = Assert.Single(result.Segments[0].Damage);
        Assert.Equal((first, 1056L), (range.Position, range.Length)); // One record of 32 + 1000 bytes, aligned.
        range = Assert.Single(result.Segments[1].Damage);
        Assert.InRange(range.Position, JournalHarness.SegmentSize + 500_000 - 1056, JournalHarness.SegmentSize + 500_000);
        Assert.InRange(range.Length, 5000, 5000 + 2 * 1056);
        Assert.Equal(HeaderStatus.Damaged, result.Segments[2].Header);
        Assert.Contains("Damaged", result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldTellATornTailFromDamage()
    {
        using (var journal = new JournalHarness(_disk.Start()))
        {
            journal.Append(1000, 1);
            journal.Flush();
            long position = journal.Append(1000, 2);
            journal.Append(1000, 3);
            _disk.Names[JournalFiles.Segment(0)].Damage((int)position + 100, [0xEE]);
        }
        VerifyResult result = Verify();
        Assert.Equal(VerifyVerdict.TornTail, result.Verdict);
        Assert.Equal(1056 + 1032, result.TornTailBytes); // As recovery counts: the last one without its padding.
        Assert.Empty(result.Segments[0].Damage);
    }

    [Fact]
    public void ShouldNotTakeAPreparedSegmentForATornTail()
    {
        using (var journal = new JournalHarness(_disk.Start()))
        {
            journal.Append(1000, 1);
            journal.Flush();
            journal.RunPreparer();
        }
        VerifyResult result = Verify();
        Assert.Equal(VerifyVerdict.Intact, result.Verdict);
        Assert.Equal(2, result.Segments.Count);
    }

    [Fact]
    public void ShouldReportMissingSegments()
    {
        Write(close: true);
        _disk.Remove(JournalFiles.Segment(1));
        VerifyResult result = Verify();
        Assert.Equal(VerifyVerdict.Damaged, result.Verdict);
        Assert.Equal([1L], result.MissingSegments);
    }

    [Fact]
    public void ShouldChangeNothing()
    {
        Write(close: false);
        byte[] before = _disk.Names[JournalFiles.Segment(1)].Bytes.ToArray();
        string[] names = [.. _disk.Names.Keys.Order()];
        Verify();
        Assert.True(before.AsSpan().SequenceEqual(_disk.Names[JournalFiles.Segment(1)].Bytes));
        Assert.Equal(names, _disk.Names.Keys.Order());
        Assert.False(_disk.IsLocked);
    }

    private VerifyResult Verify()
    {
        using SimulatedStorage storage = _disk.Start();
        return JournalVerifier.Verify(storage);
    }

    private int Write(bool close)
    {
        using var journal = new JournalHarness(_disk.Start());
        while (journal.Rolls < 2)
            journal.Append(1000, journal.Appended.Count);
        for (int i = 0; i < 10; i++)
            journal.Append(1000, i);
        journal.Flush();
        if (close)
            Assert.True(journal.Journal.CloseClean());
        return journal.Appended.Count;
    }

    [Fact]
    public void ShouldReportALastRecordWhosePositionIsDamaged()
    {
        using var disk = new SimulatedDisk();
        long position;
        using (var journal = new JournalHarness(disk.Start()))
            position = journal.Append(100, 1);
        SimulatedFile file = disk.Names[JournalFiles.Segment(0)];
        int at = (int)position + RecordLayout.Position;
        file.Damage(at, [(byte)(file.Bytes[at] ^ 0x10)]);
        Assert.Equal(VerifyVerdict.TornTail, JournalVerifier.Verify(disk.Start()).Verdict);
        using var again = new JournalHarness(disk.Start());
        Assert.Empty(again.Collector.Records);
        Assert.True(again.Report.TornTailBytes > 0);
    }
}
