using System.Globalization;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>How long the fault campaigns run, and where they start.</summary>
/// <remarks>
/// LOWLATENCY_FAULTS: 1 is the size that CI runs, 10 is ten times that; without it a hundredth, to see that it works. LOWLATENCY_FAULTS_SEED: the seed
/// that a failure printed. LOWLATENCY_FAULTS_POINT: only the point that it printed.
/// </remarks>
internal static class FaultSettings
{
    internal const double QuickScale = 0.01;

    internal static double Scale { get; } =
        double.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_FAULTS"), NumberStyles.Float, CultureInfo.InvariantCulture, out double scale) && scale > 0 ? scale : QuickScale;

    internal static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_FAULTS_SEED"), CultureInfo.InvariantCulture, out int seed) ? seed : Environment.TickCount & int.MaxValue;

    /// <summary>The only point to run, or null for all.</summary>
    internal static long? Point { get; } =
        long.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_FAULTS_POINT"), CultureInfo.InvariantCulture, out long point) ? point : null;

    /// <summary>How many of something, from how many CI runs.</summary>
    internal static int Count(int inCi) => (int)Math.Clamp(inCi * Scale, 1, int.MaxValue);

    /// <summary>Every how many of all cases: 1 from the size of CI on.</summary>
    internal static int Stride => (int)Math.Max(1, Math.Round(1 / Scale));

    /// <summary>What to type to see one failure again.</summary>
    internal static string Again(string test, int seed, long point) => string.Create(
        CultureInfo.InvariantCulture,
        $"Again: LOWLATENCY_FAULTS_SEED={seed} LOWLATENCY_FAULTS_POINT={point} dotnet test tests -c Release --filter FullyQualifiedName~{test}");

    /// <summary>Runs all points on all processors, each with a worker that one thread has for itself.</summary>
    /// <param name="test">Name of the test, for the command that repeats a failure.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="count">Points are 0 up to this.</param>
    /// <param name="create">Makes a worker; disposed of at the end.</param>
    /// <param name="run">One point.</param>
    /// <param name="isEnough">Where given, there is no sampling: points are run one after the other until it says so.</param>
    /// <param name="everyNth">A sample of that density, whatever the settings say.</param>
    /// <returns>Points that were run.</returns>
    internal static long ForEach<TWorker>(string test, int seed, long count, Func<TWorker> create, Action<TWorker, long> run, Func<bool>? isEnough = null, int everyNth = 0)
        where TWorker : IDisposable
    {
        if (Point is { } only)
        {
            using TWorker worker = create();
            run(worker, only);
            return 1;
        }
        int stride = everyNth > 0 ? everyNth : isEnough == null ? Stride : 1;
        long next = -1;
        long done = 0;
        Exception? failure = null;
        long failedAt = -1;
        var threads = new Thread[Environment.ProcessorCount];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                using TWorker worker = create();
                for (long at = Interlocked.Increment(ref next); at * stride < count && Volatile.Read(ref failure) == null && isEnough?.Invoke() != true; at = Interlocked.Increment(ref next))
                {
                    try
                    {
                        // Not always the same ones of a sample.
                        run(worker, Math.Min(count - 1, at * stride + seed % stride));
                        Interlocked.Increment(ref done);
                    }
                    catch (Exception error)
                    {
                        if (Interlocked.CompareExchange(ref failure, error, null) == null)
                            failedAt = Math.Min(count - 1, at * stride + seed % stride);
                    }
                }
            });
            threads[i].Start();
        }
        Array.ForEach(threads, thread => thread.Join());
        if (failure != null)
            Assert.Fail($"{failure.Message}\n{Again(test, seed, failedAt)}\n{failure}");
        return done;
    }
}
