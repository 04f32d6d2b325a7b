using System.Runtime.InteropServices;

namespace LowLatency.Server.Simulation;

/// <summary>Zeroed native memory that a thread uses again in its next run: pages that the system has to find cost more than a run.</summary>
internal static unsafe class SimulatedMemory
{
    /// <summary>Blocks of one length kept by a thread.</summary>
    private const int MaxSpare = 4096;

    [ThreadStatic]
    private static Dictionary<int, Stack<nint>>? _spare;

    internal static byte* Take(int length)
    {
        if (_spare != null && _spare.TryGetValue(length, out Stack<nint>? spare) && spare.TryPop(out nint memory))
            return (byte*)memory;
        byte* fresh = (byte*)NativeMemory.AlignedAlloc((nuint)length, SimulatedPages.PageLength);
        NativeMemory.Clear(fresh, (nuint)length);
        return fresh;
    }

    internal static void Return(byte* memory, int length)
    {
        Stack<nint> spare = CollectionsMarshal.GetValueRefOrAddDefault(_spare ??= [], length, out _) ??= new Stack<nint>();
        if (spare.Count >= MaxSpare)
        {
            NativeMemory.AlignedFree(memory);
            return;
        }
        // Most of a segment was never written: to look is cheaper than to write.
        for (int offset = 0; offset < length; offset += SimulatedPages.PageLength)
        {
            if (!SimulatedPages.IsZero(memory + offset, SimulatedPages.PageLength))
                NativeMemory.Clear(memory + offset, SimulatedPages.PageLength);
        }
        spare.Push((nint)memory);
    }
}
