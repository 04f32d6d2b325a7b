using LowLatency.Server.Simulation;
using Xunit;
using Xunit.Abstractions;

namespace LowLatency.Tests.Faults;

/// <summary>Every state that a disk can have when the power goes, as far as time allows.</summary>
public sealed class CrashStateTests(ITestOutputHelper output)
{
    private const int StatesInCi = 200_000;
    private const int StatesPerSeed = 5_000;

    /// <summary>Enough for the life of a compressed segment.</summary>
    private const int LeastStates = 3_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ShouldKeepWhatIsDurableInEveryStateOfTheDisk(bool compresses)
    {
        int seed = FaultSettings.Seed;
        SimulatedHeap.Keep();
        long states = 0;
        long points = 0;
        long compressed = 0;
        int wanted = compresses ? Math.Max(FaultSettings.Count(StatesInCi / 4), LeastStates) : FaultSettings.Count(StatesInCi);
        // Points are seeds here: each has so many states, or fewer where its load ends before.
        FaultSettings.ForEach(nameof(CrashStateTests), seed, int.MaxValue, () => new Nothing(), (_, point) =>
        {
            using var run = new CrashStates(unchecked(seed + (int)point), compresses ? LeastStates : Math.Min(StatesPerSeed, wanted), compresses);
            run.Run();
            Interlocked.Add(ref states, run.Count);
            Interlocked.Add(ref points, run.Points);
            Interlocked.Add(ref compressed, run.Compressed);
        }, isEnough: () => Interlocked.Read(ref states) >= wanted);
        output.WriteLine($"{states} states of the disk at {points} moments recovered, {compressed} segments compressed; seed {seed}");
        Assert.Equal(compresses, compressed > 0);
    }

    private sealed class Nothing : IDisposable
    {
        public void Dispose()
        {
        }
    }
}
