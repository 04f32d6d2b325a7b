using System.Runtime.InteropServices;

namespace LowLatency.Server.Simulation;

/// <summary>Keeps the C library's heap from giving memory back: each run takes what the one before it gave up.</summary>
internal static partial class SimulatedHeap
{
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;
    private const int Large = 32 * 1024 * 1024;

    internal static void Keep()
    {
        try
        {
            _ = SetOption(TrimThreshold, int.MaxValue);
            _ = SetOption(MapThreshold, Large);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library: slower, that is all.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}
