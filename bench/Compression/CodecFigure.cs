using System.Diagnostics;
using System.Runtime.InteropServices;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Compression;
using LowLatency.Transport.Wire;

namespace LowLatency.Bench.Compression;

/// <summary>What a batch costs to make and to open, and how long it is: deliveries, in batches as full as possible and as small as are made.</summary>
internal static unsafe class CodecFigure
{
    private const long NsPerMs = 1_000_000;

    internal static IEnumerable<Figure> Measure(CompressionBenchOptions options)
    {
        if (!Lz4.TryLoad(null, out Lz4? lz4, out string? problem))
            throw new BenchException(problem);
        int frame = FrameWriter.DeliverLength(options.Size);
        int full = Math.Max(1, FrameLayout.MaxBatchLength / frame);
        int least = Math.Max(1, (BatchPacker.MinLength + frame - 1) / frame);
        foreach (BodyContent content in new[] { BodyContent.Quotes, BodyContent.Noise })
        {
            foreach (int count in new[] { full, least })
            {
                foreach (Figure figure in Measure(options, lz4, content, count))
                    yield return figure;
            }
        }
    }

    private static IEnumerable<Figure> Measure(CompressionBenchOptions options, Lz4 lz4, BodyContent content, int count)
    {
        using var codec = new BatchCodec(lz4);
        byte[] frames = Deliveries(content, options.Size, count);
        byte[] batch = GC.AllocateUninitializedArray<byte>(frames.Length, pinned: true);
        string name = $"{content.ToString().ToLowerInvariant()}, {options.Size} B, {count} deliveries at once ({frames.Length:#,0} B)";
        int length = Pack(codec, frames, batch);
        double packNs = MedianNs(options, () => Pack(codec, frames, batch));
        if (length == 0)
        {
            yield return new("codec", $"{name}: a try in vain, per delivery", packNs / count, "ns");
            yield return new("codec", "… per byte of frames", frames.Length / packNs, "GB/s");
            yield break;
        }

        double openNs = MedianNs(options, () => Open(codec, batch));
        yield return new("codec", $"{name}: length of the batch, of its frames", 100.0 * length / frames.Length, "%");
        yield return new("codec", "… to make, per delivery", packNs / count, "ns");
        yield return new("codec", "… to make, per byte of frames", frames.Length / packNs, "GB/s");
        yield return new("codec", "… to open, per delivery", openNs / count, "ns");
        yield return new("codec", "… to open, per byte of frames", frames.Length / openNs, "GB/s");
    }

    private static int Pack(BatchCodec codec, byte[] frames, byte[] batch)
    {
        fixed (byte* source = frames)
        fixed (byte* target = batch)
            return codec.TryPack(source, frames.Length, target);
    }

    private static int Open(BatchCodec codec, byte[] batch)
    {
        ReadOnlySpan<byte> frame = batch.AsSpan(0, (int)MemoryMarshal.Read<uint>(batch));
        bool isOpen = codec.TryOpen(frame, batch, 0, out ReadOnlySpan<byte> frames, out FrameError error);
        codec.Close();
        return isOpen ? frames.Length : throw new UnreachableException(error.Sentence);
    }

    // Frames as a broker sends them: tags, sequences and times that rise.
    private static byte[] Deliveries(BodyContent content, int size, int count)
    {
        var samples = new BodySamples(content, size);
        byte[] frames = GC.AllocateUninitializedArray<byte>(count * FrameWriter.DeliverLength(size), pinned: true);
        byte[] body = new byte[size];
        byte* block = stackalloc byte[FrameLayout.DeliverPayload - FrameLayout.DeliverBlock];
        var random = new Random(3);
        long timeNs = 1_752_480_000_000_000_000;
        int length = 0;
        for (ulong i = 1; i <= (ulong)count; i++)
        {
            timeNs += random.Next(100, 400);
            samples.CopyTo(body, (long)i);
            *(long*)block = timeNs;
            *(long*)(block + 8) = timeNs + 4000 + random.Next(200);
            *(uint*)(block + 16) = (uint)random.Next(300, 900);
            *(uint*)(block + 20) = 0;
            length += FrameWriter.WriteDeliver(frames.AsSpan(length), 1, 1_000_000 + i, 1_000_000 + i, false, 0, (uint)random.Next(1000, 3000), block, body);
        }

        return frames;
    }

    private static double MedianNs(CompressionBenchOptions options, Func<int> work)
    {
        double[] times = new double[options.Runs];
        Round(options, work); // Warms up.
        for (int i = 0; i < times.Length; i++)
            times[i] = Round(options, work);
        return times.Order().ElementAt(times.Length / 2);
    }

    private static double Round(CompressionBenchOptions options, Func<int> work)
    {
        const int Block = 16;
        long start = ThreadClock.NowNs;
        long end = start + options.RoundMs * NsPerMs;
        long count = 0;
        long now;
        do
        {
            for (int i = 0; i < Block; i++)
                work();
            count += Block;
            now = ThreadClock.NowNs;
        }
        while (now < end);
        return (now - start) / (double)count;
    }
}
