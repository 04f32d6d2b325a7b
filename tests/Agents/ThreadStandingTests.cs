using LowLatency.Core.Agents;
using Xunit;

namespace LowLatency.Tests.Agents;

/// <summary>What the kernel knows of the threads of agents, by /proc/thread-self/sched.</summary>
public class ThreadStandingTests
{
    [Theory]
    [InlineData((int)ThreadStanding.Usual, 0, false)]
    [InlineData((int)ThreadStanding.First, 0, true)]
    [InlineData((int)ThreadStanding.Behind, 5, false)]
    public void ShouldStandAsItWasToldTo(int standing, int policy, bool hasShortSlices)
    {
        if (!OperatingSystem.IsLinux())
            return;
        string sched = "";
        using var read = new ManualResetEventSlim();
        using var wake = new ThreadWakeSignal();
        var agent = new ScriptedAgent("standing", () =>
        {
            if (!read.IsSet)
                sched = File.ReadAllText("/proc/thread-self/sched");
            read.Set();
            return 0;
        });
        using var runner = new AgentRunner(agent, IdleMode.Adaptive, wake, null) { Standing = (ThreadStanding)standing };
        runner.Start();
        read.Wait();
        Assert.Equal(policy, Number(sched, "policy"));
        Assert.Equal(Number(File.ReadAllText("/proc/thread-self/sched"), "prio"), Number(sched, "prio"));
        // Kernels from 6.12 on.
        if (Number(sched, "se.slice") is { } slice)
            Assert.Equal(hasShortSlices, slice == 100_000);
    }

    private static long? Number(string sched, string name)
    {
        string? line = sched.Split('\n').FirstOrDefault(line => line.Split(':')[0].Trim() == name);
        return line == null ? null : long.Parse(line.Split(':')[1].Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
