using System.Diagnostics;
using LowLatency.Core.Agents;
using LowLatency.Tests.Rings;
using Xunit;

namespace LowLatency.Tests.Agents;

public class AgentRunnerTests
{
    private static readonly AdaptiveIdle ParkSoon = new() { SpinUs = 0, ParkTimeoutMs = 60_000 };

    [Theory]
    [InlineData((int)IdleMode.Spin)]
    [InlineData((int)IdleMode.Yield)]
    [InlineData((int)IdleMode.Adaptive)]
    public void ShouldStartRunAndStopAnAgent(int idle)
    {
        var log = new List<string>();
        using var wake = new ThreadWakeSignal();
        var agent = new ScriptedAgent("one", log: log);
        using var runner = new AgentRunner(agent, (IdleMode)idle, wake, null);
        Assert.False(runner.IsRunning);
        runner.Start();
        Assert.True(runner.IsRunning);
        Assert.Throws<InvalidOperationException>(runner.Start);
        Stress.Until(() => agent.Cycles > 10);
        Assert.True(runner.Stop());
        Assert.True(runner.Stop());
        Assert.False(runner.IsRunning);
        Assert.Null(runner.Error);
        Assert.Equal(["start one", "close one"], log);
    }

    [Theory]
    [InlineData((int)IdleMode.Spin)]
    [InlineData((int)IdleMode.Adaptive)]
    public void ShouldStopReportAndCloseAnAgentThatThrows(int idle)
    {
        using var wake = new ThreadWakeSignal();
        var planned = new InvalidOperationException("planned");
        int cycle = 0;
        var agent = new ScriptedAgent("faulty", () => ++cycle == 5 ? throw planned : 0);
        var reports = new List<(string, Exception)>();
        using var runner = new AgentRunner(agent, (IdleMode)idle, wake, (name, error) => reports.Add((name, error)), ParkOften);
        runner.Start();
        Stress.Until(() => !runner.IsRunning);
        Assert.Same(planned, runner.Error);
        Assert.Equal([("faulty", planned)], reports);
        Assert.Equal((5, 1), (agent.Cycles, agent.Closed));
        Assert.True(runner.Stop());
        Assert.Equal((5, 1), (agent.Cycles, agent.Closed));
    }

    private static readonly AdaptiveIdle ParkOften = new() { SpinUs = 0, ParkTimeoutMs = 1 };

    [Fact]
    public void ShouldCloseAnAgentWhoseStartThrowsAndKeepTheFirstError()
    {
        using var wake = new ThreadWakeSignal();
        var atStart = new InvalidOperationException("start");
        var atClose = new InvalidOperationException("close");
        var agent = new ScriptedAgent("faulty") { ThrowAtStart = atStart, ThrowAtClose = atClose };
        var reports = new List<Exception>();
        using var runner = new AgentRunner(agent, IdleMode.Spin, wake, (_, error) => reports.Add(error));
        runner.Start();
        Stress.Until(() => !runner.IsRunning);
        Assert.Same(atStart, runner.Error);
        Assert.Equal([atStart, atClose], reports);
        Assert.Equal((0, 1), (agent.Cycles, agent.Closed));
    }

    [Fact]
    public void ShouldReportAnAgentThatDoesNotStopInTime()
    {
        using var wake = new ThreadWakeSignal();
        using var release = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var agent = new ScriptedAgent("stuck", () =>
        {
            entered.Set();
            release.Wait();
            return 0;
        });
        Exception? report = null;
        using var runner = new AgentRunner(agent, IdleMode.Spin, wake, (_, error) => Volatile.Write(ref report, error));
        runner.Start();
        entered.Wait();
        Assert.False(runner.Stop(timeoutMs: 20));
        Assert.IsType<TimeoutException>(runner.Error);
        Assert.Same(runner.Error, report);
        release.Set();
        Assert.True(runner.Stop());
    }

    [Fact]
    public void ShouldParkWhenIdleAndRunAgainWhenWoken()
    {
        using var wake = new ThreadWakeSignal();
        var agent = new ScriptedAgent("idle");
        using var runner = new AgentRunner(agent, IdleMode.Adaptive, wake, null, ParkSoon);
        runner.Start();
        for (int i = 0; i < 100; i++)
        {
            int cycles = agent.Cycles;
            Stress.Until(wake.Wake); // True once: the thread was parked or about to.
            Stress.Until(() => agent.Cycles > cycles);
        }
        // Each wake leads to a few cycles; a runner that spins would have made far more.
        Assert.InRange(agent.Cycles, 100, 100 * 10);
        var clock = Stopwatch.StartNew();
        Assert.True(runner.Stop());
        Assert.True(clock.ElapsedMilliseconds < 10_000, "Stop waited for the park's timeout.");
    }

    [Fact]
    public void ShouldRunAParkedAgentAtTheTimeout()
    {
        using var wake = new ThreadWakeSignal();
        var agent = new ScriptedAgent("timer");
        using var runner = new AgentRunner(agent, IdleMode.Adaptive, wake, null, new AdaptiveIdle { SpinUs = 0, ParkTimeoutMs = 5 });
        runner.Start();
        Stress.Until(() => agent.Cycles > 20);
    }

    [Fact]
    public void ShouldRefuseSettingsOutOfRange()
    {
        using var wake = new ThreadWakeSignal();
        foreach (AdaptiveIdle options in (AdaptiveIdle[])[new() { SpinUs = -1 }, new() { ParkTimeoutMs = 0 }])
            Assert.Throws<ArgumentOutOfRangeException>(() => new AgentRunner(new ScriptedAgent("a"), IdleMode.Adaptive, wake, null, options));
    }

    [Fact]
    public void ShouldStopFromTheAgentsOwnThread()
    {
        using var wake = new ThreadWakeSignal();
        AgentRunner? runner = null;
        bool stopped = true;
        var agent = new ScriptedAgent("own", () =>
        {
            stopped = runner!.Stop();
            return 1;
        });
        runner = new AgentRunner(agent, IdleMode.Spin, wake, null);
        runner.Start();
        Stress.Until(() => !runner.IsRunning);
        Assert.False(stopped);
        Assert.Equal((1, 1), (agent.Cycles, agent.Closed));
        runner.Dispose();
    }
}
