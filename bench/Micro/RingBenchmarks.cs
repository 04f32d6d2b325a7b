using System.Threading.Channels;
using BenchmarkDotNet.Attributes;
using LowLatency.Core.Rings;

namespace LowLatency.Bench.Micro;

/// <summary>One record of 128 B in and out again on one thread: what a ring costs without the other core. Beside them Channel&lt;T&gt;.</summary>
/// <remarks>Two threads: <c>throughput --door ring</c>.</remarks>
public unsafe class RingBenchmarks : IDisposable
{
    private const int Batch = 64;
    private const int Capacity = 64 * 1024;

    private readonly SpscByteRing _single = new(Capacity);
    private readonly MpscByteRing _many = new(Capacity);
    private readonly BroadcastRing<Payload, BusySpinWait> _broadcast = new(256, default);
    private readonly SequenceBarrier<BusySpinWait> _consumer;
    private readonly Channel<Payload> _channel = Channel.CreateBounded<Payload>(new BoundedChannelOptions(256)
    {
        SingleReader = true,
        SingleWriter = true,
    });
    private Payload _payload;

    public RingBenchmarks()
    {
        _consumer = _broadcast.AddConsumer();
        _payload[0] = 1;
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    public long SingleProducer()
    {
        for (int i = 0; i < Batch; i++)
        {
            byte* claim = _single.TryClaim(1, Payload.Length);
            ((ReadOnlySpan<byte>)_payload).CopyTo(new Span<byte>(claim, Payload.Length));
            _single.Commit();
        }
        var handler = new SumHandler();
        _single.Poll(ref handler, Batch);
        return handler.Sum;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long SingleProducerOneCommitForAll()
    {
        for (int i = 0; i < Batch; i++)
        {
            byte* claim = _single.TryClaim(1, Payload.Length);
            ((ReadOnlySpan<byte>)_payload).CopyTo(new Span<byte>(claim, Payload.Length));
            _single.Stage();
        }
        _single.Commit();
        var handler = new SumHandler();
        _single.Poll(ref handler, Batch);
        return handler.Sum;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ManyProducers()
    {
        for (int i = 0; i < Batch; i++)
        {
            if (!_many.TryClaim(1, Payload.Length, out RingClaim claim))
                throw new InvalidOperationException("the ring is full");
            ((ReadOnlySpan<byte>)_payload).CopyTo(claim.Body);
            claim.Commit();
        }
        var handler = new SumHandler();
        _many.Poll(ref handler, Batch);
        return handler.Sum;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long Broadcast()
    {
        for (int i = 0; i < Batch; i++)
        {
            _broadcast.TryClaim(out long sequence);
            _broadcast[sequence] = _payload;
            _broadcast.Publish(sequence);
        }
        long sum = 0;
        if (_consumer.TryPoll(out long first, out long last))
        {
            for (long sequence = first; sequence <= last; sequence++)
                sum += _broadcast[sequence][0];
            _consumer.MarkConsumed(last);
        }
        return sum;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ChannelOfT()
    {
        for (int i = 0; i < Batch; i++)
            _channel.Writer.TryWrite(_payload);
        long sum = 0;
        while (_channel.Reader.TryRead(out Payload payload))
            sum += payload[0];
        return sum;
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _single.Dispose();
        _many.Dispose();
        _broadcast.Dispose();
        GC.SuppressFinalize(this);
    }

    private struct SumHandler : IRecordHandler
    {
        internal long Sum;

        public bool OnRecord(int type, ReadOnlySpan<byte> body)
        {
            Sum += body[0];
            return true;
        }
    }
}
