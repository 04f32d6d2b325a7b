namespace LowLatency.Core.Agents;

/// <summary>Parks in a monitor: for agents that wait for other threads only. Neither spins nor allocates per wait.</summary>
internal sealed class ThreadWakeSignal : WakeSignal
{
    private readonly object _monitor = new();
    private bool _signalled;

    protected override void Block(int timeoutMs)
    {
        lock (_monitor)
        {
            if (!_signalled)
                Monitor.Wait(_monitor, timeoutMs);
            _signalled = false;
        }
    }

    protected override void Signal()
    {
        lock (_monitor)
        {
            _signalled = true;
            Monitor.Pulse(_monitor);
        }
    }
}
