using System.Diagnostics;
using LowLatency.Tests.Journals;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>
/// A real broker on a real ext4, under which every block write and flush is logged; then the power is cut at hundreds of places of that log: the disk is rebuilt
/// as it may have been, mounted, and a real broker is started on it.
/// </summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    private const int CutsInCi = 300;
    private const long DiskLength = 96L * 1024 * 1024;
    private const int Lives = 3;
    private static readonly TimeSpan LifeTime = TimeSpan.FromSeconds(2);
    private static readonly string[] Arguments = ["--segment-size", "1MiB", "--min-free-disk", "1MiB"];

    [Fact]
    public void ShouldKeepWhatWasConfirmedAtLevelDiskWhereverThePowerIsCut()
    {
        int seed = FaultSettings.Seed;
        using var folder = new TemporaryFolder();
        using var recording = new PowerCutRecording(folder, DiskLength);
        CutStream[] streams = recording.Run(seed, Lives, LifeTime, Arguments);
        BlockLog log = recording.Log;
        int cuts = FaultSettings.Count(CutsInCi);
        long start = Stopwatch.GetTimestamp();
        var replay = new PowerCutReplay(folder, log, DiskLength, seed);
        // Rising, so that the disk is built only once.
        var random = new Random(seed);
        int[] places = [.. Enumerable.Range(0, cuts).Select(_ => random.Next(recording.FormattedAt, log.Count + 1)).Order()];
        for (int i = 0; i < cuts; i++)
        {
            // Half of them exactly at a flush: nothing was under way. A quarter as late as can be before the next one.
            int cut = (i % 4) switch
            {
                0 or 2 => Math.Max(log.DurableBelow(places[i]), recording.FormattedAt),
                1 => log.NextFlush(places[i]),
                _ => places[i],
            };
            string? wrong = replay.Cut(cut, streams, Arguments);
            if (wrong != null)
                Assert.Fail($"{wrong}\nThe power was cut after entry {cut} of {log.Count}, cut {i} of seed {seed}. The disk as it was then: {replay.Keep()} (mount -o loop)");
        }
        output.WriteLine($"{log.Count} writes and flushes, {log.Flushes} of them flushes, {log.BytesWritten / 1048576} MiB; {streams.Sum(stream => stream.Confirmed)} messages confirmed over {Lives} lives of the broker; {recording.MovedRecords} records in the journal at the end were moved there");
        output.WriteLine($"{cuts} power cuts in {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s: {replay.Recovered} messages recovered, {replay.Partial} with writes under way, {replay.Torn} blocks torn; seed {seed}");
        Assert.True(recording.MovedRecords > 0, "the load did not make the broker empty a segment");
        Assert.True(streams.Sum(stream => stream.Confirmed) > 1000 && (replay.Recovered > 1000 || cuts < 10), "too little happened to prove anything");
    }
}
