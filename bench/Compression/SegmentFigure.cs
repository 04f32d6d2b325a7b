using System.Diagnostics;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Compression;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using Journal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Bench.Compression;

/// <summary>How long the file of a compressed segment is, and what it costs the preparer's thread to make it and to bring it into memory.</summary>
internal static unsafe class SegmentFigure
{
    private const int SegmentSize = 16 * 1024 * 1024;
    private const double MiB = 1024 * 1024;

    internal static IEnumerable<Figure> Measure(CompressionBenchOptions options)
    {
        if (!Lz4.TryLoad(null, out Lz4? lz4, out string? problem))
            throw new BenchException(problem);
        foreach (BodyContent content in new[] { BodyContent.Quotes, BodyContent.Noise })
        {
            string name = $"{content.ToString().ToLowerInvariant()}, {options.Size} B";
            Rounds plain = Measure(options, content, null);
            Rounds compressed = Measure(options, content, lz4);
            if (compressed.Length == SegmentSize)
            {
                yield return new("segment", $"{name}: a try in vain to compress a segment, per MiB of it", compressed.MakeMs, "ms");
                continue;
            }
            yield return new("segment", $"{name}: length of a compressed segment's file, of the segment", 100.0 * compressed.Length / SegmentSize, "%");
            yield return new("segment", "… to make, written, synced and compared, per MiB of the segment", compressed.MakeMs, "ms");
            yield return new("segment", "… to bring into memory and check, per MiB", compressed.LoadMs, "ms");
            yield return new("segment", "… as much for a segment that is not compressed", plain.LoadMs, "ms");
        }
    }

    private static Rounds Measure(CompressionBenchOptions options, BodyContent content, Lz4? lz4)
    {
        int cold = options.Runs;
        string folder = Path.Combine(options.Server.DataFolder, $"segments-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        try
        {
            var visitor = new Nobody();
            var journalOptions = new JournalOptions { SegmentSize = SegmentSize, MemoryBytes = 0, MinFreeBytes = 0, HighMarkBytes = 0, Compression = lz4 };
            using Journal journal = Journal.Open(new MappedJournalStorage(folder), journalOptions, ref visitor, out _);
            Fill(journal, content, options.Size, cold + JournalOptions.MinHotSegments - 1);
            long start = ThreadClock.NowNs;
            for (int idle = 0; idle < 3;)
            {
                int work = journal.Preparer.DoWork();
                idle = work > 0 || journal.Preparer.Compressor is { IsBusy: true } || journal.Log.HasOffer ? 0 : idle + 1;
                journal.Log.TakeOffer();
            }
            double makeMs = (ThreadClock.NowNs - start) / 1e6 / (cold * SegmentSize / MiB);
            double[] loads = [.. Enumerable.Range(0, cold).Select(index => Load(journal, index))];
            return new Rounds(new FileInfo(Path.Combine(folder, JournalFiles.Segment(0))).Length, makeMs, loads.Order().ElementAt(cold / 2));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Records as a broker writes them: sequences and times that rise.
    private static void Fill(Journal journal, BodyContent content, int size, int segments)
    {
        var samples = new BodySamples(content, size);
        var random = new Random(3);
        long timeNs = 1_752_480_000_000_000_000;
        int payload = MessageLayout.Payload(1);
        for (long i = 1; journal.Log.Active!.Index < segments; i++)
        {
            byte* body = journal.Log.TryClaim(RecordType.Message, 0, payload + size, out long position, out AppendStatus status);
            if (body == null)
            {
                if (status != AppendStatus.NotReady)
                    throw new BenchException($"The journal took no more: {status}. {journal.FailureText}");
                journal.Preparer.DoWork();
                i--;
                continue;
            }
            timeNs += random.Next(100, 400);
            new Span<byte>(body, payload).Clear();
            *(long*)(body + MessageLayout.PublisherSequence) = i;
            *(ushort*)(body + MessageLayout.RouteCount) = 1;
            *(long*)(body + MessageLayout.PublishedNs) = timeNs;
            *(long*)(body + MessageLayout.ReceivedNs) = timeNs + 4000 + random.Next(200);
            *(uint*)(body + MessageLayout.JournaledDeltaNs) = (uint)random.Next(300, 900);
            *(uint*)(body + MessageLayout.BodyLength) = (uint)size;
            *(long*)(body + MessageLayout.Routes) = i;
            *(uint*)(body + MessageLayout.Routes + MessageLayout.RouteQueueId) = 1;
            samples.CopyTo(new Span<byte>(body + payload, size), i);
            journal.Log.Commit();
            journal.Log.AddReferences(position, 1);
            if (i % 10_000 == 0)
                Flush(journal);
        }
        Flush(journal);
    }

    private static void Flush(Journal journal)
    {
        journal.RequestFlush();
        journal.Flusher.DoWork();
    }

    /// <returns>Processor time in milliseconds per MiB.</returns>
    private static double Load(Journal journal, int index)
    {
        long reader = -1;
        long position = (long)index * SegmentSize;
        long start = ThreadClock.NowNs;
        while (journal.Log.Ask(position, ref reader) != LoadStatus.AtHand)
        {
            if (journal.State != JournalState.Open)
                throw new UnreachableException(journal.FailureText);
            journal.Preparer.DoWork();
            journal.Log.NoteLoaded();
            journal.Log.LetGoOfServed();
        }
        return (ThreadClock.NowNs - start) / 1e6 / (SegmentSize / MiB);
    }

    private readonly record struct Rounds(long Length, double MakeMs, double LoadMs);

    private readonly struct Nobody : IRecoveryVisitor
    {
        public void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body)
        {
        }
    }
}
