using BenchmarkDotNet.Attributes;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;

namespace LowLatency.Bench.Micro;

/// <summary>Frames of 128 B bodies, written and read: the time of one frame.</summary>
public unsafe class CodecBenchmarks
{
    private const int Batch = 64;
    private const int BodyLength = 128;

    private readonly byte[] _body = new byte[BodyLength];
    private readonly byte[] _destination = new byte[256 * Batch];
    private readonly byte[] _publishes;
    private readonly byte[] _deliveries;

    public CodecBenchmarks()
    {
        int length = WritePublishes();
        _publishes = _destination[..length];
        length = WriteDeliveries();
        _deliveries = _destination[..length];
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int WritePublish() => WritePublishes();

    [Benchmark(OperationsPerInvoke = Batch)]
    public int WriteDeliver() => WriteDeliveries();

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ReadPublish()
    {
        var sink = new PublishSink();
        FrameReader.Read(_publishes, FrameReceiver.Server, new BrokerLimits().MaxFrameLength, ref sink, out _);
        return sink.Sum;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long ReadDeliver()
    {
        var sink = new DeliverSink();
        FrameReader.Read(_deliveries, FrameReceiver.Client, new BrokerLimits().MaxFrameLength, ref sink, out _);
        return sink.Sum;
    }

    private int WritePublishes()
    {
        Span<byte> rest = _destination;
        for (ulong i = 1; i <= Batch; i++)
            rest = rest[FrameWriter.WritePublish(rest, publication: 1, sequence: i, publishedNs: 1, _body)..];
        return _destination.Length - rest.Length;
    }

    private int WriteDeliveries()
    {
        Span<byte> rest = _destination;
        byte* block = stackalloc byte[MessageLayout.DeliveredBlockLength];
        new Span<byte>(block, MessageLayout.DeliveredBlockLength).Clear();
        for (ulong i = 1; i <= Batch; i++)
            rest = rest[FrameWriter.WriteDeliver(rest, subscription: 1, tag: i, queueSequence: i, redelivered: false, deliveryCount: 0, dispatchedDeltaNs: 1, block, _body)..];
        return _destination.Length - rest.Length;
    }

    private struct PublishSink : IFrameSink
    {
        internal long Sum;

        public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
        {
            if (!FrameParser.TryParsePublish(frame, BodyLength, out PublishView view, out _))
                throw new InvalidOperationException("a frame of our own was refused");
            Sum += view.Body.Length;
            return true;
        }
    }

    private struct DeliverSink : IFrameSink
    {
        internal long Sum;

        public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
        {
            if (!FrameParser.TryParseDeliver(frame, out DeliverView view, out _))
                throw new InvalidOperationException("a frame of our own was refused");
            Sum += view.Body.Length;
            return true;
        }
    }
}
