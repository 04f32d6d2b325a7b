using BenchmarkDotNet.Attributes;
using LowLatency.Core.Journal;

namespace LowLatency.Bench.Micro;

/// <summary>One record of 192 B (a message of 128 B with one route) appended: with its checksums, and without as for transient messages.</summary>
/// <remarks>Into one segment of memory again and again: no disk, no page faults, what the processor needs.</remarks>
public unsafe class JournalBenchmarks : IDisposable
{
    private const int Batch = 64;
    private const int BodyLength = 192;
    private const int SegmentSize = 1024 * 1024;

    private readonly MemorySegmentSource _source = new(SegmentSize, 2 * SegmentSize, maxSpares: 0);
    private readonly RecordLog _durable = new(SegmentSize, firstOffset: 0, reserve: 0, epoch: 1, isTransient: false);
    private readonly RecordLog _transient = new(SegmentSize, firstOffset: 0, reserve: 0, epoch: 1, isTransient: true);
    private readonly Segment _durableSegment;
    private readonly Segment _transientSegment;
    private readonly byte[] _body = new byte[BodyLength];

    public JournalBenchmarks()
    {
        _durableSegment = _source.TryPrepare(0, out _) ?? throw new InvalidOperationException("no memory");
        _transientSegment = _source.TryPrepare(0, out _) ?? throw new InvalidOperationException("no memory");
        _durable.Start(_durableSegment, 0);
        _transient.Start(_transientSegment, 0);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long AppendWithChecksums() => Append(_durable, _durableSegment);

    [Benchmark(OperationsPerInvoke = Batch)]
    public long AppendTransient() => Append(_transient, _transientSegment);

    private long Append(RecordLog log, Segment segment)
    {
        if (log.Tail > SegmentSize / 2)
            log.Start(segment, 0);
        for (int i = 0; i < Batch; i++)
        {
            byte* record = log.TryClaim(RecordType.Message, streamId: 1, BodyLength, out _, out _);
            _body.CopyTo(new Span<byte>(record, BodyLength));
            log.Commit();
        }
        return log.Tail;
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _source.FreeAll();
        GC.SuppressFinalize(this);
    }
}
