using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Tests.Journals;
using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>Folders that are not as a broker left them: each is named with what to do, ends with its exit code, and nothing in it is changed.</summary>
public sealed class BadJournalTests(SeveralSegments journal) : IClassFixture<SeveralSegments>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ShouldRefuseASegmentOfANewerFormat()
    {
        string data = Copy();
        SeveralSegments.ChangeVersion(Path.Combine(data, JournalFiles.Segment(1)), version: 3);
        ExpectRefusal(data, ExitCode.JournalNewer, JournalFiles.Segment(1), "Use the broker that wrote it, or a newer one");
        ExpectVerify(data, ExitCode.JournalNewer, JournalFiles.Segment(1));
    }

    [Theory]
    [InlineData(2, RecordType.Message)]
    [InlineData(1, RecordTypes.Newest + 1)]
    internal void ShouldRefuseARecordOfANewerBroker(byte version, RecordType type)
    {
        // At the very end, where what is not a record counts as a torn tail: it was confirmed, and this broker must not cut it off.
        string data = Copy();
        long position = SeveralSegments.AppendRecord(data, version, type);
        ExpectRefusal(data, ExitCode.JournalNewer, $"position {position}", "Use that broker, or a newer one");
        ExpectVerify(data, ExitCode.JournalNewer, $"position {position}");
        using Tool list = Tool.Run([], "journal", "list", data);
        Assert.Equal(ExitCode.JournalNewer, list.ExitCode);
    }

    [Fact]
    public void ShouldNameAForeignFileAndLeaveItAlone()
    {
        string data = Copy();
        string notes = Path.Combine(data, "notes.txt");
        File.WriteAllText(notes, "mine");
        ExpectStart(data, says: "notes.txt");
        Assert.Equal("mine", File.ReadAllText(notes));
        using Tool verify = Tool.Run([], "journal", "verify", data);
        Assert.Contains("not the journal's: notes.txt", verify.OutputText, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayNothingOfFilesWhereAllAreItsOwn() => ExpectStart(Copy(), says: null);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void ShouldRefuseAJournalThatLacksASegment(int number)
    {
        string data = Copy();
        File.Delete(Path.Combine(data, JournalFiles.Segment(number)));
        ExpectMissing(data, JournalFiles.Segment(number));
    }

    [Fact]
    public void ShouldRefuseAJournalThatLacksItsEnd()
    {
        // The segment that is written, and the one that was prepared after it: no gap tells of them.
        string data = Copy();
        File.Delete(Path.Combine(data, JournalFiles.Segment(SeveralSegments.Active)));
        File.Delete(Path.Combine(data, JournalFiles.Segment(SeveralSegments.Active + 1)));
        ExpectMissing(data, JournalFiles.Segment(SeveralSegments.Active));
    }

    [Fact]
    public void ShouldStartWithoutTheSegmentThatWasOnlyPrepared()
    {
        string data = Copy();
        File.Delete(Path.Combine(data, JournalFiles.Segment(SeveralSegments.Active + 1)));
        ExpectVerify(data, ExitCode.Done, "as they were written");
        ExpectStart(data, says: null);
    }

    [Fact]
    public void ShouldTakeTwoFoldersThatWereSwapped()
    {
        string data = Copy();
        string other = Copy(journal.Other, "other");
        string swapped = _folder.File("swapped");
        Directory.Move(data, swapped);
        Directory.Move(other, data);
        Directory.Move(swapped, other);
        ExpectStart(data, says: null);
        ExpectStart(other, says: null);
    }

    [Fact]
    public void ShouldRefuseSegmentsOfTwoJournals()
    {
        string data = Copy();
        File.Copy(Path.Combine(journal.Other, JournalFiles.Segment(1)), Path.Combine(data, JournalFiles.Segment(1)), overwrite: true);
        ExpectRefusal(data, ExitCode.JournalDamaged, $"{JournalFiles.Segment(1)} of another", "Move those that do not belong here to another folder");
        ExpectVerify(data, ExitCode.JournalDamaged, "different journals");
    }

    [Fact]
    public void ShouldRefuseASegmentUnderAnothersName()
    {
        string data = Copy();
        File.Copy(Path.Combine(data, JournalFiles.Segment(0)), Path.Combine(data, JournalFiles.Segment(1)), overwrite: true);
        ExpectRefusal(data, ExitCode.JournalDamaged, $"{JournalFiles.Segment(1)} in", $"its name, {JournalFiles.Segment(0)}");
        ExpectVerify(data, ExitCode.JournalDamaged, JournalFiles.Segment(0));
    }

    [Fact]
    public void ShouldSayThatAFileIsNoFolder()
    {
        string file = _folder.File("file");
        File.WriteAllText(file, "mine");
        ExpectRefusal(file, ExitCode.FolderMissing, "is a file", "Name a folder");
        ExpectVerify(file, ExitCode.FolderMissing, file);
    }

    [Fact]
    public void ShouldSayThatAFileSystemIsReadOnly()
    {
        using MountedFileSystem disk = MountedFileSystem.Ext4(32);
        string data = Copy(journal.Folder, Path.Combine(disk.Path, "data"));
        SystemCommand.Run("mount", "-o", "remount,ro", disk.Path);
        ExpectRefusal(data, ExitCode.NoPermission, "read-only", "Mount it for writing");
        ExpectVerify(data, ExitCode.Done, "as they were written");
        ExpectRefusal(Path.Combine(disk.Path, "new"), ExitCode.NoPermission, disk.Path, "cannot be made");
    }

    [Fact]
    public void ShouldSayThatTheDiskIsFull()
    {
        using MountedFileSystem disk = MountedFileSystem.Tmpfs(8);
        string fresh = Path.Combine(disk.Path, "fresh");
        string data = Copy(journal.Folder, Path.Combine(disk.Path, "data"));
        SystemCommand.Run("fallocate", "-l", $"{new DriveInfo(disk.Path).AvailableFreeSpace}", Path.Combine(disk.Path, "ballast"));
        using (Tool serve = Serve(fresh, "--segment-size", "1MiB", "--min-free-disk", "0"))
            ServeTests.AssertOneLine(serve, ExitCode.DiskFull, "Free some space");
        // What is there needs no room to be read.
        ExpectVerify(data, ExitCode.Done, "as they were written");
        ExpectStart(data, says: null, "--min-free-disk", "0");
    }

    [Theory]
    [InlineData("0755", false)]
    [InlineData("0700", true)]
    public void ShouldSayThatAFolderIsSomebodyElses(string mode, bool isClosed)
    {
        string data = Copy();
        SystemCommand.Run("chown", "-R", "65534:65534", data);
        SystemCommand.Run("chmod", mode, data);
        string before = SeveralSegments.Hashes(data);
        using (Tool serve = Tool.RunUnprivileged("serve", "--data", data, "--listen", "tcp://127.0.0.1:0"))
        {
            ServeTests.AssertOneLine(serve, ExitCode.NoPermission, data);
            Assert.Contains("read and write permission", serve.Error, StringComparison.Ordinal);
        }
        using Tool verify = Tool.RunUnprivileged("journal", "verify", data);
        // In an open folder the files may still not be read: their mode is 0600.
        ServeTests.AssertOneLine(verify, ExitCode.NoPermission, isClosed ? data : Path.Combine(data, "segment-"));
        Assert.Equal(before, SeveralSegments.Hashes(data));
    }

    [Fact]
    public void ShouldSayThatItsOwnFolderIsReadOnly()
    {
        string data = Copy();
        File.Delete(Path.Combine(data, JournalFiles.Lock));
        SystemCommand.Run("chmod", "0555", data);
        using Tool serve = Tool.RunUnprivileged("serve", "--data", data, "--listen", "tcp://127.0.0.1:0");
        ServeTests.AssertOneLine(serve, ExitCode.NoPermission, data);
        using Tool verify = Tool.RunUnprivileged("journal", "verify", data);
        Assert.Equal(ExitCode.Done, verify.ExitCode);
    }

    [Fact]
    public void ShouldSayWhichBrokerUsesAFolder()
    {
        using var broker = new ToolBroker([]);
        using Tool second = Serve(broker.Folder);
        ServeTests.AssertOneLine(second, ExitCode.FolderLocked, $"process {broker.Tool.ProcessId}");
        Assert.Contains("Stop that one", second.Error, StringComparison.Ordinal);
        // Whose broker goes on writing.
        using Tool verify = Tool.Run([], "journal", "verify", broker.Folder);
        Assert.Equal(ExitCode.Done, verify.ExitCode);
    }

    private string Copy() => Copy(journal.Folder, "data");

    private string Copy(string from, string name)
    {
        string to = _folder.File(name);
        SystemCommand.Run("cp", "-a", from, to);
        return to;
    }

    private static Tool Serve(string data, params string[] arguments) => Tool.Run([], ["serve", "--data", data, "--listen", "tcp://127.0.0.1:0", .. arguments]);

    private void ExpectMissing(string data, string name)
    {
        ExpectRefusal(data, ExitCode.JournalDamaged, $"{name} is missing", "Put the file back");
        ExpectVerify(data, ExitCode.JournalDamaged, $"{name} is missing");
        // That is all it takes.
        File.Copy(Path.Combine(journal.Folder, name), Path.Combine(data, name));
        ExpectStart(data, says: null);
    }

    private static void ExpectRefusal(string data, int exitCode, string says, string advice)
    {
        string before = SeveralSegments.Hashes(data);
        using Tool serve = Serve(data);
        ServeTests.AssertOneLine(serve, exitCode, says);
        Assert.Contains(advice, serve.Error, StringComparison.Ordinal);
        Assert.Equal(before, SeveralSegments.Hashes(data));
    }

    private static void ExpectVerify(string data, int exitCode, string says)
    {
        string before = SeveralSegments.Hashes(data);
        using Tool verify = Tool.Run([], "journal", "verify", data);
        Assert.True(verify.ExitCode == exitCode, $"{verify.ExitCode}: {verify.OutputText}{verify.Error}");
        Assert.Contains(says, verify.OutputText + verify.Error, StringComparison.Ordinal);
        Assert.Equal(before, SeveralSegments.Hashes(data));
    }

    private static void ExpectStart(string data, string? says, params string[] arguments)
    {
        using Tool serve = Tool.Start(["serve", "--data", data, "--listen", "tcp://127.0.0.1:0", .. arguments]);
        serve.WaitUntil(() => serve.OutputText.Contains("\nlistening ", StringComparison.Ordinal), "it listened");
        Assert.DoesNotContain("recovered nothing", serve.OutputText, StringComparison.Ordinal);
        serve.Signal(ToolBroker.SigTerm);
        serve.WaitForExit();
        Assert.Equal(ExitCode.Done, serve.ExitCode);
        if (says != null)
            Assert.Contains($"lowlatency: Left alone in {data}, since the journal does not use them: {says}.", serve.Error, StringComparison.Ordinal);
        else
            Assert.DoesNotContain("Left alone", serve.Error, StringComparison.Ordinal);
    }
}
