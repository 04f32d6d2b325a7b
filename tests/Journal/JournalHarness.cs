using System.Buffers.Binary;
using LowLatency.Core.Journal;
using Xunit;
using Journal = LowLatency.Core.Journal.Journal;

namespace LowLatency.Tests.Journals;

/// <summary>One record as a test knows it.</summary>
internal sealed record KnownRecord(RecordType Type, uint StreamId, long Position, byte[] Body);

/// <summary>Collects what recovery feeds.</summary>
internal sealed class RecordCollector : IRecoveryVisitor
{
    internal List<KnownRecord> Records { get; } = [];

    internal List<uint> Epochs { get; } = [];

    public void OnRecord(RecordType type, uint streamId, long position, uint epoch, ReadOnlySpan<byte> body)
    {
        Records.Add(new KnownRecord(type, streamId, position, body.ToArray()));
        Epochs.Add(epoch);
    }
}

/// <summary>A journal driven from one thread, with a model of what was appended to it.</summary>
/// <remarks>Its snapshots are two records without content: what matters here is where they are.</remarks>
internal sealed unsafe class JournalHarness : ISegmentRollHandler, IDisposable
{
    internal const int SegmentSize = 1024 * 1024;

    internal JournalHarness(IJournalStorage storage, JournalOptions? options = null)
    {
        var collector = new RecordCollector();
        Journal = Journal.Open(storage, options ?? Options, ref collector, out RecoveryReport report);
        Collector = collector;
        Report = report;
        Journal.Log.RollHandler = this;
        Appended.AddRange(Collector.Records);
    }

    internal static JournalOptions Options { get; } = new() { SegmentSize = SegmentSize, MinFreeBytes = 0 };

    internal Journal Journal { get; }

    internal RecordLog Log => Journal.Log;

    internal RecoveryReport Report { get; }

    internal RecordCollector Collector { get; }

    /// <summary>All records that are in the journal's segments, oldest first, as far as the harness knows.</summary>
    internal List<KnownRecord> Appended { get; } = [];

    internal bool WriteSnapshots { get; set; } = true;

    internal int Rolls { get; private set; }

    internal AppendStatus TryAppend(RecordType type, uint streamId, ReadOnlySpan<byte> body, out long position)
    {
        byte* target = Log.TryClaim(type, streamId, body.Length, out position, out AppendStatus status);
        if (target == null)
            return status;
        body.CopyTo(new Span<byte>(target, body.Length));
        Log.Commit();
        Appended.Add(new KnownRecord(type, streamId, position, body.ToArray()));
        return status;
    }

    /// <summary>Appends, with the preparer's help where needed.</summary>
    internal long Append(RecordType type, uint streamId, ReadOnlySpan<byte> body)
    {
        AppendStatus status = TryAppend(type, streamId, body, out long position);
        while (status == AppendStatus.NotReady)
        {
            Assert.NotEqual(0, Journal.Preparer.DoWork());
            status = TryAppend(type, streamId, body, out position);
        }
        Assert.Equal(AppendStatus.Appended, status);
        return position;
    }

    internal long Append(int bodyLength, int seed) => Append(RecordType.Message, (uint)seed, Body(bodyLength, seed));

    internal void Flush()
    {
        long position = Journal.RequestFlush();
        Journal.Flusher.DoWork();
        Assert.True(Journal.DurablePosition >= position, Journal.FailureText);
    }

    internal void RunPreparer()
    {
        while (Journal.Preparer.DoWork() != 0)
        {
        }
    }

    /// <summary>Bytes that say where they belong, and that can be compressed.</summary>
    internal static byte[] Body(int length, int seed)
    {
        var body = new byte[length];
        for (int i = 0; i + 4 <= length; i += 4)
            BinaryPrimitives.WriteInt32LittleEndian(body.AsSpan(i), seed * 31 + (i & -128) * 7919);
        return body;
    }

    public SnapshotProgress OnSegmentRolled(RecordLog log)
    {
        Rolls++;
        if (!WriteSnapshots)
            return SnapshotProgress.None;
        return TryAppend(RecordType.SnapshotBegin, 0, [], out _) == AppendStatus.Appended &&
            TryAppend(RecordType.SnapshotEnd, 0, [], out _) == AppendStatus.Appended ? SnapshotProgress.Whole : SnapshotProgress.None;
    }

    public void Dispose() => Journal.Dispose();

    internal static void AssertSame(IReadOnlyList<KnownRecord> expected, IReadOnlyList<KnownRecord> actual)
    {
        for (int i = 0; i < Math.Min(expected.Count, actual.Count); i++)
        {
            Assert.Equal((expected[i].Type, expected[i].StreamId, expected[i].Position), (actual[i].Type, actual[i].StreamId, actual[i].Position));
            Assert.True(expected[i].Body.AsSpan().SequenceEqual(actual[i].Body), $"body of record {i} at {expected[i].Position}");
        }
        Assert.Equal(expected.Count, actual.Count);
    }
}
