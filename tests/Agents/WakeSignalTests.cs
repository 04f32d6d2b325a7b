using System.Diagnostics;
using LowLatency.Core.Agents;
using LowLatency.Core.Rings;
using LowLatency.Tests.Rings;
using Xunit;

namespace LowLatency.Tests.Agents;

public class WakeSignalTests
{
    /// <summary>Blocks by spinning, so that the two threads meet within nanoseconds, round after round.</summary>
    private sealed class SpinningWakeSignal : WakeSignal
    {
        private PaddedPosition _signalled;

        internal int Lost { get; private set; }

        protected override void Block(int timeoutMs)
        {
            long start = Stopwatch.GetTimestamp();
            for (int looks = 0; _signalled.ReadAcquire() == 0; looks++)
            {
                if (looks % 1000 == 999)
                {
                    Thread.Yield(); // The waker may need this core.
                    if (Stopwatch.GetElapsedTime(start).TotalMilliseconds > timeoutMs)
                    {
                        Lost++;
                        return;
                    }
                }
            }
            _signalled.WriteRelease(0);
        }

        protected override void Signal() => _signalled.WriteRelease(1);
    }

    /// <summary>
    /// Without the full fence in Wake, its read of the flag overtakes the store of the work: the parker sees no work, the waker sees no parker,
    /// and the park runs into its timeout.
    /// </summary>
    [Fact]
    public void ShouldLoseNoWakeUp()
    {
        using var wake = new SpinningWakeSignal();
        PaddedPosition work = default;
        PaddedPosition ready = default;
        int rounds = 400_000 * Stress.Scale;
        Stress.RunThreads(
            wait =>
            {
                for (long round = 1; round <= rounds; round++)
                {
                    for (int looks = 1; ready.ReadAcquire() < round; looks++)
                    {
                        if (looks % 1000 == 0)
                            wait(); // Fails when the parker has.
                    }
                    Thread.SpinWait((int)(round % 8)); // Moves the two threads against each other.
                    work.WriteRelease(round);
                    wake.Wake();
                }
            },
            _ =>
            {
                for (long round = 1; round <= rounds; round++)
                {
                    ready.WriteRelease(round);
                    Thread.SpinWait((int)(round / 8 % 8));
                    while (work.ReadAcquire() < round)
                    {
                        wake.PreparePark();
                        if (work.ReadAcquire() >= round)
                            wake.CancelPark();
                        else
                            wake.Park(timeoutMs: 10_000);
                        if (wake.Lost > 0)
                            throw new InvalidOperationException($"Round {round}: a wake-up was lost.");
                    }
                }
            });
    }

    [Fact]
    public void ShouldBlockAndWakeThroughTheMonitor()
    {
        using var wake = new ThreadWakeSignal();
        PaddedPosition work = default;
        int rounds = 20_000 * Stress.Scale;
        Stress.RunThreads(
            wait =>
            {
                for (long round = 1; round <= rounds; round++)
                {
                    work.WriteRelease(round);
                    wake.Wake();
                    while (work.ReadAcquire() == round)
                        wait();
                }
            },
            _ =>
            {
                for (long round = 1; round <= rounds; round++)
                {
                    while (work.ReadAcquire() != round)
                    {
                        wake.PreparePark();
                        long parkedMs = Environment.TickCount64;
                        if (work.ReadAcquire() == round)
                            wake.CancelPark();
                        // A late signal of the round before may end a park for nothing; a lost one is waited for in full.
                        else if (!wake.Park(timeoutMs: 20_000) && work.ReadAcquire() != round && Environment.TickCount64 - parkedMs >= 20_000)
                            throw new InvalidOperationException($"Round {round}: a wake-up was lost.");
                    }
                    work.WriteRelease(-round);
                }
            });
    }

    [Fact]
    public void ShouldSignalOnlyAParkedThread()
    {
        using var wake = new ThreadWakeSignal();
        Assert.False(wake.Wake());
        wake.PreparePark();
        wake.CancelPark();
        Assert.False(wake.Wake());
        wake.PreparePark();
        Assert.True(wake.Wake());
        Assert.False(wake.Wake());
        Assert.True(wake.Park(10_000)); // Signalled before: does not wait.
    }

    [Fact]
    public void ShouldEndAParkAtTheTimeout()
    {
        using var wake = new ThreadWakeSignal();
        wake.PreparePark();
        Assert.False(wake.Park(1));
        Assert.False(wake.Wake());
    }

    [Fact]
    public void ShouldNotAllocatePerParkOrWake()
    {
        using var wake = new ThreadWakeSignal();
        Cycle(wake);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Cycle(wake);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Cycle(ThreadWakeSignal wake)
    {
        for (int i = 0; i < 20; i++)
        {
            wake.Wake();
            wake.PreparePark();
            wake.Park(1);
            wake.PreparePark();
            wake.Wake();
            wake.Park(1);
        }
    }
}
