namespace LowLatency.Tests.Sockets;

/// <summary>What a piece of work allocates on its thread.</summary>
internal static class Allocations
{
    private const int Attempts = 3;

    /// <summary>Bytes that the work allocates at least: a collection in the middle of one attempt may charge it with what it did not allocate.</summary>
    internal static long Least(Action work)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Attempts && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
