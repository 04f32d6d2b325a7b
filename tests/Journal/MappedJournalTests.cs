using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>The journal over real files.</summary>
public sealed unsafe class MappedJournalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ShouldRecoverWhatWasAppendedOverManySegments()
    {
        List<KnownRecord> appended;
        using (JournalHarness journal = Open())
        {
            Assert.True(journal.Report.IsNew);
            Assert.Equal(1u, journal.Journal.Epoch);
            for (int i = 0; i < 6000; i++)
                journal.Append(i % 1500, i);
            journal.Append(200_000, 1); // Over 64 KiB: the CRC of CRCs.
            Assert.True(journal.Rolls >= 3);
            journal.Flush();
            appended = journal.Appended;
        }
        using JournalHarness reopened = Open();
        JournalHarness.AssertSame(appended, reopened.Collector.Records);
        Assert.Equal(2u, reopened.Journal.Epoch);
        Assert.False(reopened.Journal.WasClean);
        Assert.True(reopened.Journal.SameBoot);
        Assert.Equal(0, reopened.Report.TornTailBytes);
        reopened.Append(100, 1);
    }

    [Fact]
    public void ShouldRecycleFilesOnDisk()
    {
        List<KnownRecord> appended;
        using (JournalHarness journal = Open())
        {
            journal.Journal.EnableRetirement();
            while (journal.Rolls < 12)
            {
                int rolls = journal.Rolls;
                journal.Append(20_000, journal.Appended.Count);
                if (journal.Rolls == rolls)
                    continue;
                journal.Flush();
                journal.Flush();
                journal.RunPreparer();
            }
            journal.Flush();
            Assert.InRange(Directory.GetFiles(_folder.Path, "*.log").Length, 2, 6);
            appended = journal.Appended;
        }
        using JournalHarness reopened = Open();
        long first = reopened.Collector.Records[0].Position;
        JournalHarness.AssertSame(appended.Where(record => record.Position >= first).ToList(), reopened.Collector.Records);
        Assert.True(first > 8 * JournalHarness.SegmentSize);
    }

    [Fact]
    public void ShouldRefuseAFolderThatAnotherBrokerHas()
    {
        using JournalHarness journal = Open();
        JournalException error = Assert.Throws<JournalException>(() => Open());
        Assert.Equal(JournalError.Locked, error.Error);
        Assert.Contains($"process {Environment.ProcessId}", error.Message, StringComparison.Ordinal);
        journal.Append(10, 1);
        journal.Dispose();
        using JournalHarness after = Open();
        Assert.Single(after.Collector.Records);
    }

    [Fact]
    public void ShouldSayThatTheFolderIsMissing()
    {
        JournalException error = Assert.Throws<JournalException>(() => new MappedJournalStorage(_folder.File("nowhere")));
        Assert.Equal(JournalError.FolderMissing, error.Error);
        Assert.Contains(_folder.File("nowhere"), error.Message, StringComparison.Ordinal);
        File.WriteAllText(_folder.File("file"), "");
        Assert.Equal(JournalError.FolderMissing, Assert.Throws<JournalException>(() => new MappedJournalStorage(_folder.File("file"))).Error);
    }

    [Fact]
    public void ShouldRestoreTheLengthOfACopyThatIsTooShort()
    {
        List<KnownRecord> appended;
        using (JournalHarness journal = Open())
        {
            for (int i = 0; i < 20; i++)
                journal.Append(1000, i);
            appended = journal.Appended;
        }
        string file = _folder.File(JournalFiles.Segment(0));
        using (FileStream stream = File.OpenWrite(file))
            stream.SetLength(appended[^1].Position + 500);
        using JournalHarness after = Open();
        JournalHarness.AssertSame(appended.SkipLast(1).ToList(), after.Collector.Records);
        Assert.Equal(JournalHarness.SegmentSize, new FileInfo(file).Length);
        for (int i = 0; i < 900; i++)
            after.Append(1000, i); // No store beyond the end of a file, which would end the process.
    }

    [Fact]
    public void ShouldLeaveUnknownFilesAndFoldersAlone()
    {
        File.WriteAllText(_folder.File("notes.txt"), "mine");
        Directory.CreateDirectory(_folder.File("backup"));
        using (JournalHarness journal = Open())
            Assert.Equal(["backup", "notes.txt"], journal.Report.UnknownFiles);
        Assert.Equal("mine", File.ReadAllText(_folder.File("notes.txt")));
    }

    [Fact]
    public void ShouldKeepItsFilesPrivate()
    {
        using JournalHarness journal = Open();
        journal.RunPreparer();
        foreach (string file in Directory.GetFiles(_folder.Path))
            Assert.Equal("600", SystemCommand.Run("stat", "-c", "%a", file).Trim());
    }

    [Fact]
    public void ShouldReserveRealBlocks()
    {
        using JournalHarness journal = Open();
        journal.RunPreparer();
        foreach (string file in Directory.GetFiles(_folder.Path, "segment-*"))
            Assert.True(SystemCommand.Run("stat", "-c", "%b", file).Trim() is var blocks && long.Parse(blocks, System.Globalization.CultureInfo.InvariantCulture) * 512 >= JournalHarness.SegmentSize, file);
    }

    [Fact]
    public void ShouldVerifyWhileABrokerWrites()
    {
        using JournalHarness journal = Open();
        for (int i = 0; i < 3000; i++)
            journal.Append(900, i);
        journal.Flush();
        journal.Append(900, 1);
        using var storage = new MappedJournalStorage(_folder.Path);
        var seen = new List<string>();
        VerifyResult result = JournalVerifier.Verify(storage, progress => seen.Add(progress.FileName));
        Assert.Equal(VerifyVerdict.Intact, result.Verdict);
        Assert.Equal(journal.Log.Tail, result.End);
        Assert.Equal(result.Segments.Count, seen.Count);
        Assert.False(result.EndsClean);
        // Markers are more than what the harness appended.
        Assert.True(result.Records > journal.Appended.Count);
    }

    private JournalHarness Open(JournalOptions? options = null) => new(new MappedJournalStorage(_folder.Path), options);
}
