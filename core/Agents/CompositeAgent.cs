namespace LowLatency.Core.Agents;

/// <summary>Runs several agents in order on one thread.</summary>
internal sealed class CompositeAgent : IAgent
{
    private readonly IAgent[] _agents;
    private int _started;

    /// <param name="name">Of the composite; errors of a part carry the exception only.</param>
    /// <param name="agents">At least one; run in this order, closed in the opposite one.</param>
    internal CompositeAgent(string name, params ReadOnlySpan<IAgent> agents)
    {
        if (agents.IsEmpty)
            throw new ArgumentException("A composite agent has at least one part.", nameof(agents));
        Name = name;
        _agents = agents.ToArray();
    }

    public string Name { get; }

    public int DoWork()
    {
        int work = 0;
        foreach (IAgent agent in _agents)
            work += agent.DoWork();
        return work;
    }

    public int ParkLimitMs(int timeoutMs)
    {
        foreach (IAgent agent in _agents)
            timeoutMs = Math.Min(timeoutMs, agent.ParkLimitMs(timeoutMs));
        return timeoutMs;
    }

    public void OnStart()
    {
        foreach (IAgent agent in _agents)
        {
            _started++; // Before: an agent whose start throws is closed too.
            agent.OnStart();
        }
    }

    /// <summary>Closes every agent that was started, whatever the others throw.</summary>
    /// <exception cref="AggregateException">What they threw.</exception>
    public void OnClose()
    {
        List<Exception>? errors = null;
        while (_started > 0)
        {
            try
            {
                _agents[--_started].OnClose();
            }
            catch (Exception error)
            {
                (errors ??= []).Add(error);
            }
        }
        if (errors != null)
            throw new AggregateException($"Closing the parts of agent '{Name}' failed.", errors);
    }
}
