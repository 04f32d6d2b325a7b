using LowLatency.Core.Journal;
using LowLatency.Server.Simulation;
using LowLatency.Tests.Wire;
using Xunit;

namespace LowLatency.Tests.Journals;

/// <summary>Journals with cold segments whose files hold them compressed, for tests. Segments of 1 MiB, four of them hot.</summary>
internal static unsafe class CompressedJournals
{
    internal const int SegmentSize = JournalHarness.SegmentSize;
    internal const int Segments = 8;
    internal const int MessageLength = 40_000;

    internal static readonly JournalOptions Plain = JournalHarness.Options with { MemoryBytes = 0 };
    internal static readonly JournalOptions Compressing = Plain with { Compression = BatchOpener.Load() };

    /// <summary>A journal with cold segments that can be compressed.</summary>
    internal static JournalHarness Filled(SimulatedDisk disk, int segments = Segments, bool flushes = true)
    {
        var journal = new JournalHarness(disk.Start(), Compressing);
        Fill(journal, segments, flushes);
        return journal;
    }

    /// <summary>A journal whose cold segments are compressed.</summary>
    internal static JournalHarness Compressed(SimulatedDisk disk, int segments = Segments)
    {
        JournalHarness journal = Filled(disk, segments);
        Compress(journal);
        return journal;
    }

    /// <summary>What such a journal leaves behind.</summary>
    /// <param name="stops">In order; else it is killed.</param>
    internal static SimulatedDisk CompressedDisk(int segments = Segments, bool stops = false)
    {
        var disk = new SimulatedDisk();
        using (JournalHarness journal = Compressed(disk, segments))
            Assert.True(!stops || journal.Journal.CloseClean());
        disk.Kill();
        return disk;
    }

    internal static void Fill(JournalHarness journal, int segments = Segments, bool flushes = true)
    {
        for (int i = 0; journal.Log.Active!.Index < segments; i++)
            journal.Log.AddReferences(journal.Append(MessageLength, i), 1);
        if (flushes)
            journal.Flush();
        journal.RunPreparer();
    }

    internal static void CountReferences(JournalHarness journal)
    {
        foreach (KnownRecord record in journal.Collector.Records.Where(record => record.Type == RecordType.Message))
            journal.Log.AddReferences(record.Position, 1);
        journal.Journal.EnableRetirement();
    }

    internal static long Compress(JournalHarness journal)
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

    internal static long Cold(JournalHarness journal) => journal.Log.FirstHotIndex;

    internal static void AssertReadable(JournalHarness journal, long segment = -1)
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

    internal static void AssertOnlySegments(SimulatedDisk disk) =>
        Assert.All(disk.Names, file => Assert.True(JournalFiles.IsSegment(file.Key, out _) || file.Value.Length == SegmentSize, $"{file.Key} of {file.Value.Length} bytes"));

    internal static int EndOfBlocks(SimulatedFile file)
    {
        int end = CompressedSegmentFile.BlocksStart(SegmentSize);
        for (int i = 0; i < SegmentSize / CompressedSegmentFile.BlockLength; i++)
            end += CompressedSegmentFile.Align(BitConverter.ToInt32(file.Bytes[(SegmentLayout.HeaderLength + i * CompressedSegmentFile.EntryLength)..]));
        return end;
    }
}
