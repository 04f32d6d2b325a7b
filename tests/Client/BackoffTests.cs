using LowLatency.Client;
using Xunit;

namespace LowLatency.Tests.Client;

public sealed class BackoffTests
{
    [Fact]
    public void ShouldDoubleUpToTheBoundAndStartAgain()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(1000), new Random(1));
        int[] full = [10, 20, 40, 80, 160, 320, 640, 1000, 1000];
        for (int lap = 0; lap < 50; lap++)
        {
            Assert.All(full, one => Assert.InRange(backoff.Next(), one / 2, one));
            backoff.Reset();
        }
    }
}
