using System.Diagnostics;
using LowLatency.Core.Journal;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>A real broker on a disk of 64 MiB that is filled again and again: by others, and by its own backlog.</summary>
public sealed class FullDiskTests(ITestOutputHelper output)
{
    private const int FillsInCi = 25; // On each of two file systems.
    private static readonly string[] Arguments = ["--segment-size", "4MiB", "--min-free-disk", "1MiB", "--disk-high", "0"]; // Up to the low mark.

    /// <summary>From the moment that there is space to the first message confirmed. A machine that does other work as well gets more.</summary>
    private static readonly TimeSpan ResumeTime = TimeSpan.FromSeconds(FaultSettings.Scale >= 1 ? 1 : 20);

    [Theory]
    [InlineData("ext4")]
    [InlineData("tmpfs")]
    public void ShouldRejectWhenTheDiskIsFullAndGoOnByItself(string kind)
    {
        using MountedFileSystem disk = kind == "tmpfs" ? MountedFileSystem.Tmpfs(64) : MountedFileSystem.Ext4(64);
        string data = Path.Combine(disk.Path, "data");
        string ballast = Path.Combine(disk.Path, "ballast");
        int fills = Math.Max(2, FaultSettings.Count(FillsInCi));
        var resumed = new List<double>();
        SortedSet<long> kept;
        int rejections;
        using (ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath))
        {
            using (var stream = new FullDiskStream(broker.Address))
            {
                for (int fill = 0; fill < fills; fill++)
                {
                    bool byOthers = fill % 2 == 0;
                    if (byOthers)
                        Ballast.Fill(ballast);
                    stream.PublishUntilRejected();
                    stream.AckSome();
                    if (byOthers)
                        File.Delete(ballast);
                    long start = Stopwatch.GetTimestamp();
                    if (!byOthers)
                        stream.AckAll();
                    stream.PublishUntilConfirmed();
                    resumed.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                    stream.AckAll();
                }
                stream.PublishAFew();
                stream.Close();
                rejections = stream.Rejections;
                kept = stream.Kept();
            }
            (int code, IReadOnlyList<string> lines) = broker.Stop();
            Assert.True(code == 0, $"the broker ended with code {code}: {string.Join('\n', lines)}");
        }
        using (var storage = new MappedJournalStorage(data))
            Assert.NotEqual(VerifyVerdict.Damaged, JournalVerifier.Verify(storage).Verdict);
        using (ChildBroker again = ChildBroker.Start(data, "tcp://127.0.0.1:0", Arguments, Tool.ProgramPath))
        {
            // Confirmed and not acknowledged: all of it. Acknowledged: none of it, acks had room on the full disk.
            Assert.Equal(kept, FullDiskStream.ReadNumbers(again.Address));
        }
        output.WriteLine($"{kind}: {fills} fills, {rejections} messages rejected with 601, first confirm after space returned: median {resumed.Order().ElementAt(resumed.Count / 2):0} ms, longest {resumed.Max():0} ms");
        Assert.True(resumed.Max() <= ResumeTime.TotalMilliseconds, $"{resumed.Max():0} ms from space to the first confirm; at most {ResumeTime.TotalMilliseconds:0} ms are allowed");
    }
}
