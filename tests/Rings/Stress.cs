using System.Diagnostics;
using Xunit;

namespace LowLatency.Tests.Rings;

/// <summary>How long stress tests run, and how their threads wait and end.</summary>
internal static class Stress
{
    /// <summary>Multiplies the work of stress tests: the environment variable LOWLATENCY_STRESS, 1 by default.</summary>
    internal static int Scale { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("LOWLATENCY_STRESS"), out int scale) && scale > 0 ? scale : 1;

    private static TimeSpan Deadline => TimeSpan.FromSeconds(60 * Scale);

    /// <summary>Runs each action on a thread of its own and throws what the first failing one threw.</summary>
    /// <param name="actions">Each gets a function to call while it waits, which throws after the deadline or when another thread failed.</param>
    internal static void RunThreads(params Action<Action>[] actions)
    {
        var clock = Stopwatch.StartNew();
        Exception? error = null;
        void Wait()
        {
            if (clock.Elapsed > Deadline)
                throw new TimeoutException("The stress test made no progress in time.");
            if (Volatile.Read(ref error) != null)
                throw new OperationCanceledException("Another thread failed.");
            Thread.Yield();
        }
        var threads = new Thread[actions.Length];
        for (int i = 0; i < actions.Length; i++)
        {
            Action<Action> action = actions[i];
            threads[i] = new Thread(() =>
            {
                try
                {
                    action(Wait);
                }
                catch (Exception thrown)
                {
                    Interlocked.CompareExchange(ref error, thrown, null);
                }
            });
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();
        if (error != null)
            throw new InvalidOperationException(error.Message, error);
    }

    /// <summary>Waits for a condition, within a deadline.</summary>
    internal static void Until(Func<bool> condition)
    {
        Assert.True(SpinWait.SpinUntil(condition, Deadline), "The condition did not come true in time.");
    }
}
