using System.Globalization;
using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Full disks and device writes, on real file systems.</summary>
public sealed class FileSystemTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ShouldGoOnAfterAFullDisk(bool tmpfs)
    {
        using MountedFileSystem disk = tmpfs ? MountedFileSystem.Tmpfs(8) : MountedFileSystem.Ext4(24);
        string ballast = Path.Combine(disk.Path, "ballast");
        List<KnownRecord> appended;
        using (var journal = new JournalHarness(new MappedJournalStorage(disk.Path)))
        {
            journal.RunPreparer();
            FillDisk(ballast);
            int stored = 0;
            while (true)
            {
                AppendStatus status = journal.TryAppend(RecordType.Message, 1, JournalHarness.Body(1000, stored), out _);
                if (status == AppendStatus.Appended)
                    stored++;
                else if (journal.Journal.Preparer.DoWork() == 0 && journal.Journal.State == JournalState.NoSpace)
                    break;
            }
            Assert.True(stored > 1500, $"{stored}"); // Two segments were there.
            Assert.Equal(AppendStatus.NoSpace, journal.Log.CheckAppend(1000, reserved: false));
            Assert.Equal(AppendStatus.Appended, journal.TryAppend(RecordType.Ack, 1, new byte[40], out _));
            journal.Flush(); // No signal: every block was reserved.
            Assert.DoesNotContain(Directory.GetFiles(disk.Path, "spare-*"), file => new FileInfo(file).Length != 0);

            File.Delete(ballast);
            journal.RunPreparer();
            Assert.Equal(JournalState.Open, journal.Journal.State);
            for (int i = 0; i < 900; i++)
                journal.Append(1000, i);
            journal.Flush();
            appended = journal.Appended;
        }
        using var after = new JournalHarness(new MappedJournalStorage(disk.Path));
        JournalHarness.AssertSame(appended, after.Collector.Records);
        if (tmpfs)
            Assert.Contains("tmpfs", Assert.Single(after.Report.Warnings), StringComparison.Ordinal);
        else
            Assert.Empty(after.Report.Warnings);
    }

    [Fact]
    public void ShouldSayThatThereIsNoRoomForAJournal()
    {
        using MountedFileSystem disk = MountedFileSystem.Tmpfs(1);
        FillDisk(Path.Combine(disk.Path, "ballast"));
        JournalException error = Assert.Throws<JournalException>(() => new JournalHarness(new MappedJournalStorage(disk.Path)));
        Assert.Equal(JournalError.DiskFull, error.Error);
        Assert.Contains(disk.Path, error.Message, StringComparison.Ordinal);
        Assert.Equal(["ballast", "journal.lock"], Directory.GetFiles(disk.Path).Select(Path.GetFileName).Order());
        File.Delete(Path.Combine(disk.Path, "ballast"));
    }

    [Fact]
    public void ShouldWriteLittleMoreToTheDeviceThanWasStored()
    {
        const int syncs = 200;
        using MountedFileSystem disk = MountedFileSystem.Ext4(64);
        using var journal = new JournalHarness(new MappedJournalStorage(disk.Path), JournalHarness.Options with { SegmentSize = 4 * 1024 * 1024 });
        journal.RunPreparer();
        journal.Flush();
        SystemCommand.Run("sync");
        long before = SectorsWritten(disk);
        long start = journal.Log.Tail;
        for (int i = 0; i < syncs; i++)
        {
            journal.Append(4096 - 32 - 64, i); // A page with its marker.
            journal.Flush();
        }
        long payload = journal.Log.Tail - start;
        Assert.Equal(syncs * 4096L, payload);
        double ratio = (SectorsWritten(disk) - before) * 512.0 / payload;
        // Each record touches two pages; the rest is the file system's own journal, once when extents become written.
        Assert.InRange(ratio, 1.0, 4.0);
        Assert.Equal(0, journal.Rolls);
    }

    private static void FillDisk(string file)
    {
        using FileStream stream = File.Create(file);
        byte[] chunk = new byte[64 * 1024];
        try
        {
            while (true)
            {
                stream.Write(chunk);
                stream.Flush();
            }
        }
        catch (IOException)
        {
            stream.SetLength(stream.Length); // Full.
        }
    }

    private static long SectorsWritten(MountedFileSystem disk)
    {
        string[] fields = File.ReadAllText($"/sys/block/{disk.DeviceName}/stat").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(fields[6], CultureInfo.InvariantCulture);
    }
}
