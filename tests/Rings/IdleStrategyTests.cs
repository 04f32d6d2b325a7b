using LowLatency.Core.Rings;
using Xunit;

namespace LowLatency.Tests.Rings;

public class IdleStrategyTests
{
    [Fact]
    public void ShouldIdleWithoutAllocating()
    {
        Cycle(default(BusySpinIdle));
        Cycle(default(YieldingIdle));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(default(BusySpinIdle));
        Cycle(default(YieldingIdle));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Cycle<TIdle>(TIdle idle)
        where TIdle : struct, IIdleStrategy
    {
        for (int i = 0; i < 300; i++)
            idle.Idle(i % 150 == 0 ? 1 : 0);
        idle.Reset();
    }
}
