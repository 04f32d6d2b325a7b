using System.Diagnostics;
using System.Globalization;
using LowLatency.Transport.Wire;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Wire;

/// <summary>Millions of mutated frames against reader, parser and receive buffer.</summary>
/// <remarks>LOWLATENCY_FUZZ_SEED and LOWLATENCY_FUZZ_FRAMES change what is tried; the seed is printed.</remarks>
public class FrameFuzzTests(ITestOutputHelper output)
{
    private const ulong DefaultSeed = 20251009;
    private const long DefaultFrames = 5_000_000;

    // What the run may allocate beside pooled arrays: the pool's own book-keeping.
    private const long AllocationSlack = 256 * 1024;

    [Fact]
    public void ShouldStandMillionsOfMutatedFrames()
    {
        ulong seed = Setting("LOWLATENCY_FUZZ_SEED") is { } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : DefaultSeed;
        long frames = Setting("LOWLATENCY_FUZZ_FRAMES") is { } count ? long.Parse(count, CultureInfo.InvariantCulture) : DefaultFrames;
        output.WriteLine($"seed {seed}, {frames} mutated frames");
        Stopwatch watch = Stopwatch.StartNew();
        using GuardedMemory memory = new(4 * FrameMutator.MaxFrameLength);
        using FrameMutator mutator = new(seed);
        using BatchOpener serverBatches = new(FrameReceiver.Server, isAgreed: true, FrameMutator.MaxFrameLength);
        using BatchOpener clientBatches = new(FrameReceiver.Client, isAgreed: true, FrameMutator.MaxFrameLength);
        XorShift random = new(seed + 1);
        ReceiveBuffer[] buffers =
        [
            new(FrameReceiver.Server, FrameMutator.MaxFrameLength), new(FrameReceiver.Client, FrameMutator.MaxFrameLength),
        ];
        long[] faults = new long[Enum.GetValues<FrameFault>().Length];
        long taken = 0;
        long requestErrors = 0;
        long received = 0;
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();

        for (long frame = 0; frame < frames; frame++)
        {
            ReadOnlySpan<byte> stream = memory.Place(mutator.Next());
            ReceiveBuffer buffer = buffers[(int)mutator.Receiver];
            received += stream.Length;

            BatchOpener batches = mutator.Receiver == FrameReceiver.Server ? serverBatches : clientBatches;
            batches.Reset();
            HashingSink whole = new() { RefuseIn = -1, Batches = batches };
            FrameError wholeError = FeedWhole(buffer, stream, ref whole, out int wholeTaken);
            batches.Reset();
            HashingSink split = new() { RefuseIn = -1, Batches = batches };
            FrameError splitError = FeedSplit(buffer, stream, ref split, ref random, out int splitTaken);

            if (whole.Hash != split.Hash || whole.Frames != split.Frames || wholeTaken != splitTaken
                || wholeError.Fault != splitError.Fault || wholeError.Type != splitError.Type)
            {
                Assert.Fail(
                    $"split changes the events: seed {seed}, frame {frame}, {mutator.Receiver}, {Convert.ToHexString(stream)}: "
                    + $"{whole.Frames} frames, {wholeTaken} bytes, {wholeError}; {split.Frames} frames, {splitTaken} bytes, {splitError}");
            }

            faults[(int)wholeError.Fault]++;
            taken += whole.Frames;
            requestErrors += whole.RequestErrors;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        output.WriteLine($"{watch.Elapsed.TotalSeconds:f1} s, {received} bytes, {taken} frames taken, {requestErrors} requests refused, {allocated} bytes allocated");
        foreach (FrameFault fault in Enum.GetValues<FrameFault>())
            output.WriteLine($"{fault,24} {faults[(int)fault]}");
        Assert.InRange(allocated, 0, AllocationSlack);
        if (frames < DefaultFrames)
            return;

        // The mutator reaches every fault, or it tests less than it says.
        Assert.True(requestErrors > 1000, "no request was refused");
        foreach (FrameFault fault in Enum.GetValues<FrameFault>())
        {
            // The first costs a request only: it is counted above. The second is about connections without compression: the vectors have it.
            if (fault is not (FrameFault.NameNotUtf8 or FrameFault.BatchNotAgreed))
                Assert.True(faults[(int)fault] > 0, $"{fault} was never reached");
        }
    }

    private static FrameError FeedWhole(ReceiveBuffer buffer, ReadOnlySpan<byte> stream, ref HashingSink sink, out int taken)
    {
        buffer.Dispose();
        taken = buffer.Feed(stream, ref sink, out FrameError error);
        return error.IsNone ? sink.Error : error;
    }

    // Random cuts, in some places every byte by itself, and a sink that refuses frames now and then.
    private static FrameError FeedSplit(
        ReceiveBuffer buffer, ReadOnlySpan<byte> stream, ref HashingSink sink, ref XorShift random, out int taken)
    {
        buffer.Dispose();
        taken = 0;
        int start = 0;
        int longest = random.OneIn(4) ? 3 : stream.Length;
        bool refuses = random.OneIn(4);
        while (true)
        {
            int count = Math.Min(1 + random.Next(longest), stream.Length - start);
            sink.RefuseIn = refuses ? random.Next(3) : -1;
            taken += buffer.Feed(stream.Slice(start, count), ref sink, out FrameError error);
            start += count;
            if (buffer.Capacity > Math.Max(256, 2 * start))
                Assert.Fail($"{buffer.Capacity} bytes held after {start} were received");
            while (buffer.IsStopped && sink.Error.IsNone)
            {
                sink.RefuseIn = random.Next(3);
                taken += buffer.Resume(ref sink, out error);
            }

            if (!error.IsNone || !sink.Error.IsNone)
                return error.IsNone ? sink.Error : error;
            if (start == stream.Length)
                return default;
        }
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
