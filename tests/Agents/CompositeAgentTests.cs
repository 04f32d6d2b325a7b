using LowLatency.Core.Agents;
using Xunit;

namespace LowLatency.Tests.Agents;

public class CompositeAgentTests
{
    [Fact]
    public void ShouldRunPartsInOrderAndSumTheirWork()
    {
        var log = new List<string>();
        var composite = new CompositeAgent("both", new ScriptedAgent("a", () => 2, log), new ScriptedAgent("b", () => 3, log));
        composite.OnStart();
        Assert.Equal(5, composite.DoWork());
        composite.OnClose();
        Assert.Equal(["start a", "start b", "close b", "close a"], log);
    }

    [Fact]
    public void ShouldCloseOnlyWhatWasStarted()
    {
        var log = new List<string>();
        var composite = new CompositeAgent("three",
            new ScriptedAgent("a", log: log),
            new ScriptedAgent("b", log: log) { ThrowAtStart = new InvalidOperationException() },
            new ScriptedAgent("c", log: log));
        Assert.Throws<InvalidOperationException>(composite.OnStart);
        composite.OnClose();
        Assert.Equal(["start a", "start b", "close b", "close a"], log);
    }

    [Fact]
    public void ShouldCloseEveryPartWhenOneThrows()
    {
        var log = new List<string>();
        var planned = new InvalidOperationException();
        var composite = new CompositeAgent("two",
            new ScriptedAgent("a", log: log), new ScriptedAgent("b", log: log) { ThrowAtClose = planned });
        composite.OnStart();
        Assert.Equal([planned], Assert.Throws<AggregateException>(composite.OnClose).InnerExceptions);
        Assert.Equal("close a", log[^1]);
    }

    [Fact]
    public void ShouldGiveSharedAgentsOneRunnerAndDedicatedOnesEachTheirOwn()
    {
        using var first = new ThreadWakeSignal();
        using var second = new ThreadWakeSignal();
        var a = new ScriptedAgent("a");
        var b = new ScriptedAgent("b");
        Assert.Single(AgentThreads.CreateRunners(ThreadingMode.Shared, [(a, first), (b, first)], IdleMode.Spin, null));
        Assert.Equal(2, AgentThreads.CreateRunners(ThreadingMode.Dedicated, [(a, first), (b, second)], IdleMode.Spin, null).Length);
        Assert.Throws<ArgumentException>(() => AgentThreads.CreateRunners(ThreadingMode.Shared, [(a, first), (b, second)], IdleMode.Spin, null));
        Assert.Throws<ArgumentException>(() => AgentThreads.CreateRunners(ThreadingMode.Dedicated, [(a, first), (b, first)], IdleMode.Spin, null));
        Assert.Throws<ArgumentException>(() => AgentThreads.CreateRunners(ThreadingMode.Dedicated, [], IdleMode.Spin, null));
        Assert.Throws<ArgumentException>(() => new CompositeAgent("none"));
    }
}
