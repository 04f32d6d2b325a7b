using System.Runtime.InteropServices;
using LowLatency.Bench.Native;

namespace LowLatency.Bench.Machine;

/// <summary>Memory that a virtual machine has not used since it started: its host hands it out page by page at the first touch, at some 10 µs for each.</summary>
internal static unsafe class HostMemory
{
    private const long Left = 2L << 30;
    private const long Piece = 1L << 30;
    private const int HugePage = 2 << 20;

    /// <summary>Touches that much and gives it back, so that a run measures the broker and not the host of the machine. What must stay free is left alone.</summary>
    /// <returns>Bytes touched.</returns>
    internal static long Touch(long bytes)
    {
        long free = GC.GetGCMemoryInfo(GCKind.Any).TotalAvailableMemoryBytes - Environment.WorkingSet - Left;
        var pieces = new List<nint>();
        for (long touched = 0; touched < Math.Min(bytes, free); touched += Piece)
        {
            var piece = (byte*)NativeMemory.AlignedAlloc((nuint)Piece, HugePage);
            _ = Libc.Advise(piece, (nint)Piece, Libc.AdviceHugePages); // As the broker: such pages lie elsewhere.
            pieces.Add((nint)piece);
            for (long at = 0; at < Piece; at += Environment.SystemPageSize)
                piece[at] = 1;
        }
        foreach (nint piece in pieces)
            NativeMemory.AlignedFree((void*)piece);
        return pieces.Count * Piece;
    }
}
