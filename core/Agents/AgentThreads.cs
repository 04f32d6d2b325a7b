namespace LowLatency.Core.Agents;

/// <summary>Turns a list of agents into runners.</summary>
internal static class AgentThreads
{
    /// <summary>Makes the runners, not started yet. The caller starts, stops and disposes of them.</summary>
    /// <param name="mode">One runner for all, or one for each.</param>
    /// <param name="agents">In the order in which a shared thread runs them, each with the signal that wakes its thread. In
    /// <see cref="ThreadingMode.Shared"/> all have the same signal; in <see cref="ThreadingMode.Dedicated"/> each its own.</param>
    /// <param name="idle">For every runner.</param>
    /// <param name="onError">For every runner.</param>
    /// <param name="options">For every runner; <c>null</c> for the defaults.</param>
    /// <param name="processors">For each runner in turn the processor that its thread is held on; where there is none, any.</param>
    /// <exception cref="ArgumentException">No agents, or signals that do not fit the mode.</exception>
    internal static AgentRunner[] CreateRunners(
        ThreadingMode mode, ReadOnlySpan<(IAgent Agent, WakeSignal Wake)> agents, IdleMode idle,
        Action<string, Exception>? onError, AdaptiveIdle? options = null, IReadOnlyList<int>? processors = null)
    {
        if (agents.IsEmpty)
            throw new ArgumentException("There is no agent to run.", nameof(agents));
        bool shared = mode == ThreadingMode.Shared;
        for (int i = 0; i < agents.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (ReferenceEquals(agents[i].Wake, agents[j].Wake) != shared)
                    throw new ArgumentException($"Agents on {(shared ? "one thread share one" : "threads of their own have each their own")} wake signal.", nameof(agents));
            }
        }
        if (shared)
        {
            var parts = new IAgent[agents.Length];
            for (int i = 0; i < parts.Length; i++)
                parts[i] = agents[i].Agent;
            return [new AgentRunner(new CompositeAgent("shared", parts), idle, agents[0].Wake, onError, options) { Processor = ProcessorOf(processors, 0), Standing = ThreadStanding.First }];
        }
        var runners = new AgentRunner[agents.Length];
        for (int i = 0; i < runners.Length; i++)
            runners[i] = new AgentRunner(agents[i].Agent, idle, agents[i].Wake, onError, options) { Processor = ProcessorOf(processors, i), Standing = ThreadStanding.First };
        return runners;
    }

    private static int ProcessorOf(IReadOnlyList<int>? processors, int runner) => processors != null && runner < processors.Count ? processors[runner] : -1;
}
