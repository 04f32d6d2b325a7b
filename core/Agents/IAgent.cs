namespace LowLatency.Core.Agents;

/// <summary>A stage of the broker: state with one owner thread, given to it by an <see cref="AgentRunner"/>.</summary>
/// <remarks>All calls come from the runner's thread, one at a time.</remarks>
internal interface IAgent
{
    /// <summary>Names the agent in errors and its thread in debuggers.</summary>
    string Name { get; }

    /// <summary>One duty cycle: a bounded piece of work, without blocking.</summary>
    /// <returns>How much was done, in any unit; 0 when there was nothing to do, which lets the thread idle.</returns>
    int DoWork();

    /// <summary>How long the thread may be parked now that there was nothing to do: less where the agent has something to do at a time.</summary>
    /// <param name="timeoutMs">Longest time otherwise, in milliseconds.</param>
    int ParkLimitMs(int timeoutMs) => timeoutMs;

    /// <summary>Called once, before the first duty cycle.</summary>
    void OnStart()
    {
    }

    /// <summary>Called once, after the last duty cycle, also when one of them or <see cref="OnStart"/> threw.</summary>
    void OnClose()
    {
    }
}
