using System.Runtime.InteropServices;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>What the processor itself costs: a system call, a clock read, a copy.</summary>
internal static unsafe class ProcessorFloor
{
    private const int Repeats = 1_000;

    /// <summary>Nanoseconds of one system call that does next to nothing, each value the mean of 1,000.</summary>
    internal static void MeasureSystemCall(double seconds, Histogram results)
        => MeasureRepeated(seconds, results, static () => Libc.GetParentProcessId());

    /// <summary>Nanoseconds of one read of the clock that all times here come from, each value the mean of 1,000.</summary>
    internal static void MeasureClockRead(double seconds, Histogram results)
        => MeasureRepeated(seconds, results, static () => (int)MonotonicClock.NowNs);

    /// <summary>Copies a block again and again inside the caches or, when it is larger than those, in memory.</summary>
    /// <returns>Bytes copied per second.</returns>
    internal static double MeasureCopy(int length, double seconds)
    {
        byte* source = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
        byte* target = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);
        new Span<byte>(source, length).Fill(1);
        new Span<byte>(target, length).Fill(2);
        int repeats = Math.Max(1, 1024 * 1024 / length);
        long copied = 0;
        long start = MonotonicClock.NowNs;
        long now = start;
        while (now - start < seconds * 1e9)
        {
            for (int i = 0; i < repeats; i++)
                Buffer.MemoryCopy(source, target, length, length);
            copied += (long)repeats * length;
            now = MonotonicClock.NowNs;
        }
        NativeMemory.AlignedFree(source);
        NativeMemory.AlignedFree(target);
        return copied / ((now - start) / 1e9);
    }

    private static void MeasureRepeated(double seconds, Histogram results, Func<int> call)
    {
        int sink = 0;
        long start = MonotonicClock.NowNs;
        long end = start + (long)(seconds * 1e9);
        while (start < end)
        {
            for (int i = 0; i < Repeats; i++)
                sink += call();
            long now = MonotonicClock.NowNs;
            results.Record((now - start) / Repeats);
            start = now;
        }
        GC.KeepAlive(sink);
    }
}
