using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Cuts, flips, kills and power cuts against a model.</summary>
public sealed class CrashTests
{
    private static readonly int Scale = int.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_STRESS"), CultureInfo.InvariantCulture, out int n) ? n : 1;

    [Fact]
    public void ShouldRecoverTheExactPrefixFromAFileCutAnywhere()
    {
        Prop.ForAll<byte[], int, byte>((sizes, cut, fill) =>
        {
            using var disk = new SimulatedDisk();
            List<KnownRecord> appended = Write(disk, sizes, flushEvery: 0, out long tail);
            int at = SegmentLayout.HeaderLength + (int)((uint)cut % (uint)(tail - SegmentLayout.HeaderLength + 1));
            var rest = new byte[(int)tail - at];
            switch (fill % 4)
            {
                case 1: rest.AsSpan().Fill(0xFF); break;
                case 2: new Random(cut).NextBytes(rest); break;
                case 3: disk.Names[JournalFiles.Segment(0)].Bytes.Slice(SegmentLayout.HeaderLength, Math.Min(rest.Length, at - SegmentLayout.HeaderLength)).CopyTo(rest); break;
                default: break;
            }
            disk.Names[JournalFiles.Segment(0)].Damage(at, rest);
            if (at < SegmentLayout.HeaderLength + 64)
                return; // In the opening marker: of a new journal that never opened.
            using var journal = new JournalHarness(disk.Start());
            // A cut in the zeroes at the end of a record changes nothing.
            int whole = appended.Count(record => End(record) <= at);
            int begun = appended.Count(record => record.Position < at);
            Assert.InRange(journal.Collector.Records.Count, whole, begun);
            JournalHarness.AssertSame(appended.Take(journal.Collector.Records.Count).ToList(), journal.Collector.Records);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(150 * Scale));
    }

    [Fact]
    public void ShouldNoticeEveryFlippedBit()
    {
        Prop.ForAll<byte[], int>((sizes, bit) =>
        {
            using var disk = new SimulatedDisk();
            List<KnownRecord> appended = Write(disk, sizes, flushEvery: 3, out long tail);
            int at = (int)((uint)bit / 8 % (uint)tail);
            SimulatedFile file = disk.Names[JournalFiles.Segment(0)];
            file.Damage(at, [(byte)(file.Bytes[at] ^ (1 << (bit & 7)))]);
            VerifyResult verified = JournalVerifier.Verify(disk.Start());
            Assert.NotEqual(VerifyVerdict.Intact, verified.Verdict);
            try
            {
                using var journal = new JournalHarness(disk.Start());
                // Not provably durable: a torn tail, cut off at the record with the flip.
                Assert.Equal(VerifyVerdict.TornTail, verified.Verdict);
                int before = appended.Count(record => End(record) <= at);
                Assert.Equal(before, journal.Collector.Records.Count);
                JournalHarness.AssertSame(appended.Take(before).ToList(), journal.Collector.Records);
                // The last marker knew of nothing beyond.
                Assert.True(verified.KnownDurable <= journal.Report.TailPosition);
            }
            catch (JournalException error)
            {
                Assert.Equal(JournalError.Damaged, error.Error);
                Assert.Equal(VerifyVerdict.Damaged, verified.Verdict);
                if (at >= SegmentLayout.HeaderLength)
                    Assert.Equal(verified.End, error.Position);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(250 * Scale));
    }

    public static TheoryData<int> Seeds()
    {
        var seeds = new TheoryData<int>();
        for (int seed = 1; seed <= 40 * Scale; seed++)
            seeds.Add(seed);
        return seeds;
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void ShouldKeepWhatIsDurableOverCrashes(int seed)
    {
        var random = new Random(seed);
        using var disk = new SimulatedDisk();
        var model = new JournalModel();
        for (int run = 0; run < 8; run++)
        {
            using (var journal = new JournalHarness(disk.Start()))
            {
                model.CheckRecovered(journal, seed, run);
                int steps = random.Next(400);
                for (int i = 0; i < steps; i++)
                    model.Step(journal, random);
                model.Durable = journal.Journal.DurablePosition;
                if (random.Next(4) == 0)
                {
                    Assert.True(journal.Journal.CloseClean());
                    model.Durable = journal.Journal.DurablePosition;
                }
            }
            if (random.Next(3) == 0)
                disk.Kill();
            else
                disk.PowerCut(random);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ShouldRecoverAfterACrashAtAnyCallOfRecovery(int seed)
    {
        var random = new Random(seed);
        using var prepared = new SimulatedDisk();
        var model = new JournalModel();
        using (var journal = new JournalHarness(prepared.Start()))
        {
            model.CheckRecovered(journal, seed, 0);
            while (journal.Rolls < 4)
                model.Step(journal, random);
            journal.Flush();
            model.Durable = journal.Journal.DurablePosition;
            while (journal.Log.Tail < model.Durable + 200_000)
                model.Step(journal, random);
            journal.RunPreparer();
            model.Durable = journal.Journal.DurablePosition;
        }
        prepared.PowerCut(random);
        int calls = CountCallsOfRecovery(prepared);
        Assert.True(calls > 10);
        for (int call = 0; call < calls; call++)
        {
            using SimulatedDisk disk = prepared.Clone();
            disk.CrashAtCall = call;
            Assert.Throws<SimulatedCrash>(() => new JournalHarness(disk.Start()));
            if ((call & 1) == 0)
                disk.Kill();
            else
                disk.PowerCut(random);
            using var journal = new JournalHarness(disk.Start());
            model.CheckRecovered(journal, seed, call);
            for (int i = 0; i < 100; i++)
                journal.Append(20_000, i);
            journal.Flush();
        }
    }

    private static int CountCallsOfRecovery(SimulatedDisk prepared)
    {
        using SimulatedDisk disk = prepared.Clone();
        using var journal = new JournalHarness(disk.Start());
        return disk.Calls;
    }

    private static long End(KnownRecord record) => record.Position + RecordLayout.AlignedLength(record.Body.Length);

    private static List<KnownRecord> Write(SimulatedDisk disk, byte[] sizes, int flushEvery, out long tail)
    {
        using var journal = new JournalHarness(disk.Start());
        journal.Append(40, 0);
        for (int i = 0; i < sizes.Length; i++)
        {
            journal.Append(sizes[i] * 3, i + 1);
            if (flushEvery != 0 && i % flushEvery == 0)
                journal.Flush();
        }
        tail = journal.Log.Tail;
        return journal.Appended;
    }
}
