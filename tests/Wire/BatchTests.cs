using LowLatency.Core.Compression;
using LowLatency.Tests.Sockets;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>Frames into batches and back: what is packed, what is not, and that nothing is lost.</summary>
public sealed unsafe class BatchTests : IDisposable
{
    private readonly BatchCodec _codec = BatchOpener.NewCodec();
    private readonly byte[] _memory = GC.AllocateArray<byte>(1 << 20, pinned: true);

    public void Dispose() => _codec.Dispose();

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public void ShouldGiveTheSameFramesWhateverIsPacked(int seed)
    {
        Random random = new(seed);
        BatchPacker packer = new(_codec);
        int batches = 0;
        for (int round = 0; round < 300; round++)
        {
            byte[] frames = RandomFrames(random);

            byte[] packed = Pack(packer, frames);

            Assert.InRange(packed.Length, 1, frames.Length);
            Assert.Equal(0, packed.Length % FrameLayout.Alignment);
            batches += CountBatches(packed);
            Assert.Equal(Read(frames), Read(packed));
        }

        Assert.NotEqual(0, batches);
    }

    [Fact]
    public void ShouldPackNothingThatIsLittle()
    {
        byte[] frames = Publishes(BatchPacker.MinLength / 168, 128);
        Assert.InRange(frames.Length, BatchPacker.MinLength - 168, BatchPacker.MinLength - 1);

        Assert.Equal(frames, Pack(new BatchPacker(_codec), frames));

        byte[] more = Publishes(BatchPacker.MinLength / 168 + 1, 128);
        Assert.Equal(1, CountBatches(Pack(new BatchPacker(_codec), more)));
    }

    [Fact]
    public void ShouldSplitAtFramesWhereABatchIsFull()
    {
        byte[] frames = Publishes(3 * FrameLayout.MaxBatchLength / 160, 128);

        byte[] packed = Pack(new BatchPacker(_codec), frames);

        Assert.InRange(CountBatches(packed), 3, 4);
        Assert.Equal(Read(frames), Read(packed));
    }

    [Fact]
    public void ShouldLeaveAFrameThatIsLongerThanABatchAsItIs()
    {
        byte[] large = Publishes(1, 100_000);
        byte[] frames = [.. Publishes(20, 128), .. large, .. Publishes(20, 128)];

        byte[] packed = Pack(new BatchPacker(_codec), frames);

        Assert.Equal(2, CountBatches(packed));
        Assert.InRange(packed.Length, large.Length, large.Length + 2 * BatchPacker.MinLength);
        Assert.Equal(Read(frames), Read(packed));
    }

    [Fact]
    public void ShouldTryLessAndLessWhatDoesNotCompress()
    {
        byte[] noise = Publishes(60, 1024, new Random(1));
        byte[] zeros = Publishes(60, 1024);
        BatchPacker packer = new(_codec);
        int rounds = 100_000_000 / noise.Length;
        for (int round = 0; round < rounds; round++)
            Assert.Equal(noise.Length, Pack(packer, noise).Length);

        // 64 KiB, 128 KiB, ... 16 MiB pass without a try: 9 tries for the first 32 MiB, one for each 16 MiB after.
        Assert.InRange(_codec.TriedCount, 9, 15);

        // What compresses is seen before long, and from then on.
        int passed = 0;
        while (Pack(packer, zeros).Length == zeros.Length)
            passed += zeros.Length;
        Assert.InRange(passed, 0, 16 * 1024 * 1024);
        Assert.Equal(1, CountBatches(Pack(packer, zeros)));
    }

    [Fact]
    public void ShouldCountWhatItSpares()
    {
        BatchPacker packer = new(_codec);
        byte[] frames = Publishes(100, 128);

        byte[] packed = Pack(packer, frames);

        Assert.Equal(new ByteCounts(packed.Length, frames.Length), _codec.Sent);
        Assert.InRange(packed.Length, 1, frames.Length / 2);
        Read(packed, _codec);
        Assert.Equal(frames.Length, _codec.Opened.Frames);
        Assert.InRange(_codec.Opened.Wire, packed.Length - 7, packed.Length);
    }

    [Fact]
    public void ShouldOpenABatchOnceForAnOwnerThatTakesItInParts()
    {
        byte[] frames = Publishes(100, 128);
        byte[] batch = Pack(new BatchPacker(_codec), frames);
        object owner = new();
        byte[] exact = batch[..BitConverter.ToInt32(batch)];

        Assert.True(_codec.TryOpen(exact, owner, 0, out _, out _));
        Assert.True(_codec.TryOpen(exact, owner, 160, out ReadOnlySpan<byte> rest, out _));
        Assert.Equal(frames[160..], rest.ToArray());
        Assert.Equal(frames.Length, _codec.Opened.Frames); // The second time it was still there.

        Assert.True(_codec.TryOpen(exact, new object(), 0, out _, out _));
        Assert.True(_codec.TryOpen(exact, owner, 320, out rest, out _));
        Assert.Equal(frames[320..], rest.ToArray());
        Assert.Equal(3 * frames.Length, _codec.Opened.Frames);
    }

    [Fact]
    public void ShouldSayWhereTheLibraryIsMissingOrAnother()
    {
        Assert.False(Lz4.TryLoad("liblz4-of-nowhere.so", out _, out string? problem));
        Assert.Contains("liblz4-of-nowhere.so is not on this machine", problem, StringComparison.Ordinal);
        Assert.Contains(Lz4.LibraryVariable, problem, StringComparison.Ordinal);

        Assert.False(Lz4.TryLoad("libc.so.6", out _, out problem));
        Assert.Contains("libc.so.6 is not LZ4", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldNotAllocate()
    {
        byte[] frames = Publishes(100, 128);
        byte[] noise = Publishes(20, 1024, new Random(1));
        BatchPacker packer = new(_codec);
        BatchPacker other = new(_codec);
        Round();

        long allocated = Allocations.Least(() =>
        {
            for (int i = 0; i < 1000; i++)
                Round();
        });

        Assert.Equal(0, allocated);

        void Round()
        {
            fixed (byte* memory = _memory)
            {
                frames.CopyTo(_memory, 0);
                packer.Pack(memory, frames.Length);
                int length = BitConverter.ToInt32(_memory, 0);
                if (!_codec.TryOpen(_memory.AsSpan(0, length), this, 0, out ReadOnlySpan<byte> opened, out _) || !opened.SequenceEqual(frames))
                    throw new InvalidOperationException("The frames are others.");
                _codec.Close();
                noise.CopyTo(_memory, 0);
                other.Pack(memory, noise.Length);
            }
        }
    }

    private byte[] Pack(BatchPacker packer, byte[] frames)
    {
        frames.CopyTo(_memory, 0);
        fixed (byte* memory = _memory)
            return _memory[..packer.Pack(memory, frames.Length)];
    }

    private static byte[] Publishes(int count, int bodyLength, Random? noise = null)
    {
        byte[] body = new byte[bodyLength];
        byte[] frames = new byte[count * FrameWriter.PublishLength(0, 0, bodyLength)];
        int length = 0;
        for (int i = 1; i <= count; i++)
        {
            noise?.NextBytes(body);
            length += FrameWriter.WritePublish(frames.AsSpan(length), 1, (ulong)i, 1_785_000_000_000_000_000 + i, body);
        }

        return frames;
    }

    // Few or many, small or large, ones that compress and others, in one go.
    private static byte[] RandomFrames(Random random)
    {
        List<byte> frames = [];
        int kind = random.Next(3);
        for (int i = random.Next(1, 100); i > 0 && frames.Count < 900_000; i--)
        {
            int length = random.Next(12) switch { 0 => random.Next(60_000), 1 => random.Next(90_000), _ => random.Next(300) };
            frames.AddRange(Publishes(1, length, kind == 0 || (kind == 1 && random.Next(2) == 0) ? random : null));
        }

        return [.. frames];
    }

    private static int CountBatches(byte[] packed)
    {
        RecordingTypes sink = new();
        Assert.Equal(packed.Length, FrameReader.Read(packed, FrameReceiver.Server, 1 << 20, ref sink, out FrameError error));
        Assert.True(error.IsNone, error.ToString());
        return sink.Types.Count(type => type == FrameType.Batch);
    }

    private static byte[] Read(byte[] packed, BatchCodec? codec = null)
    {
        using BatchCodec own = BatchOpener.NewCodec();
        RecordingTypes sink = new() { Codec = codec ?? own };
        FrameReader.Read(packed, FrameReceiver.Server, 1 << 20, ref sink, out FrameError error);
        Assert.True(error.IsNone, error.ToString());
        return [.. sink.Frames];
    }

    private sealed class RecordingTypes : IFrameSink
    {
        internal List<FrameType> Types { get; } = [];

        internal List<byte> Frames { get; } = [];

        internal BatchCodec? Codec { get; init; }

        public bool OnFrame(FrameType type, scoped ReadOnlySpan<byte> frame)
        {
            Types.Add(type);
            if (type == FrameType.Batch && Codec != null)
            {
                Assert.True(Codec.TryOpen(frame, this, 0, out ReadOnlySpan<byte> frames, out FrameError error), error.ToString());
                Frames.AddRange(frames);
                Codec.Close();
            }
            else
            {
                Frames.AddRange(frame);
                Frames.AddRange(new byte[-frame.Length & 7]);
            }

            return true;
        }
    }
}
