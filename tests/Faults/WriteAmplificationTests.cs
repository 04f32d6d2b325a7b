using LowLatency.Core.Journal;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>What a disk is told to write for each byte that is stored. Segments are prepared before.</summary>
/// <remarks>Counted by a device whose writes are all logged, so to the byte, the file system's own journal included.</remarks>
[Collection(nameof(WriteAmplificationTests))]
[CollectionDefinition(nameof(WriteAmplificationTests), DisableParallelization = true)]
public sealed class WriteAmplificationTests(ITestOutputHelper output)
{
    private const long DiskLength = 64L * 1024 * 1024;

    [Theory]
    [InlineData(1, 4096, 300, 4.0)]
    [InlineData(64, 1024, 100, 1.5)]
    public void ShouldWriteLittleMoreThanWasStored(int messages, int length, int groups, double limit)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("fuse"));
        Directory.CreateDirectory(folder.File("mount"));
        using var disk = new FuseDisk(folder.File("fuse"), DiskLength);
        using var mounted = new LoopMount(disk.File, folder.File("mount"), format: true);
        using var journal = new JournalHarness(new MappedJournalStorage(mounted.MountPoint), JournalHarness.Options with { SegmentSize = 16 * 1024 * 1024 });
        journal.RunPreparer();
        journal.Flush();
        SystemCommand.Run("sync", "-f", mounted.MountPoint);
        long before = disk.Log.BytesWritten;
        for (int i = 0; i < groups; i++)
        {
            for (int j = 0; j < messages; j++)
                journal.Append(length, i);
            journal.Flush();
        }
        double ratio = (double)(disk.Log.BytesWritten - before) / ((long)groups * messages * length);
        output.WriteLine($"{groups} syncs of {messages} × {length} B: {ratio:0.00} bytes written for each byte of payload");
        Assert.Equal(0, journal.Rolls);
        Assert.InRange(ratio, 1.0, limit);
    }
}
