using System.Runtime.InteropServices;
using LowLatency.Bench.Machine;
using LowLatency.Bench.Native;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>A bare durable append: 4 KiB at the end of what was written, then <c>fdatasync</c>, in a preallocated file.</summary>
internal static unsafe class SyncFloor
{
    private const int PageLength = 4096;
    private const long FileLength = 64L * 1024 * 1024;

    /// <summary>Measures appends for a while.</summary>
    /// <param name="folder">Where the file is made and removed again: the journal's file system.</param>
    /// <param name="zeroed">Write zeros over the file first, so that no append has to turn reserved blocks into written ones.</param>
    /// <param name="seconds">How long to measure; ends earlier when the file is full.</param>
    /// <param name="results">Takes the time of write and sync together, in nanoseconds.</param>
    internal static void Measure(string folder, bool zeroed, double seconds, Histogram results)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"floor-{Environment.ProcessId}.tmp");
        byte* page = (byte*)NativeMemory.AlignedAlloc(PageLength, PageLength);
        try
        {
            using FileStream stream = new(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            int file = (int)stream.SafeFileHandle.DangerousGetHandle();
            Prepare(file, page, zeroed);
            new Span<byte>(page, PageLength).Fill(0x5A);
            long end = MonotonicClock.NowNs + (long)(seconds * 1e9);
            for (long offset = 0; offset < FileLength; offset += PageLength)
            {
                long start = MonotonicClock.NowNs;
                if (start >= end)
                    break;
                WritePage(file, page, offset);
                Sync(file);
                results.Record(MonotonicClock.NowNs - start);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(page);
            File.Delete(path);
        }
    }

    private static void Prepare(int file, byte* page, bool zeroed)
    {
        if (Libc.Allocate(file, 0, 0, FileLength) != 0)
            throw Libc.Failed("fallocate");
        if (zeroed)
        {
            new Span<byte>(page, PageLength).Clear();
            for (long offset = 0; offset < FileLength; offset += PageLength)
                WritePage(file, page, offset);
        }
        Sync(file);
    }

    private static void WritePage(int file, byte* page, long offset)
    {
        if (Libc.Write(file, page, PageLength, offset) != PageLength)
            throw Libc.Failed("pwrite");
    }

    private static void Sync(int file)
    {
        if (Libc.SyncData(file) != 0)
            throw Libc.Failed("fdatasync");
    }
}
