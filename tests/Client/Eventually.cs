using System.Diagnostics;
using Xunit;

namespace LowLatency.Tests.Client;

/// <summary>Waits on a condition with a deadline.</summary>
internal static class Eventually
{
    internal const int DeadlineMs = 20_000;

    internal static void True(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds < DeadlineMs, $"not within {DeadlineMs} ms: {what}");
            Thread.Yield();
        }
    }

    internal static async Task<T> Done<T>(ValueTask<T> task) => await task.AsTask().WaitAsync(TimeSpan.FromMilliseconds(DeadlineMs));

    internal static Task<T> Done<T>(Task<T> task) => task.WaitAsync(TimeSpan.FromMilliseconds(DeadlineMs));

    internal static Task Done(Task task) => task.WaitAsync(TimeSpan.FromMilliseconds(DeadlineMs));
}
