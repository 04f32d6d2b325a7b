using LowLatency.Core.Agents;

namespace LowLatency.Transport.Sockets;

/// <summary>Parks a thread in its poller, so that sockets wake it as well as other threads do.</summary>
/// <remarks>What the poller collects while parked stays in it: the agent finds it in <see cref="Poller.Events"/>.</remarks>
/// <param name="poller">The parking thread's. Not disposed of by the signal; it must outlive the wakers.</param>
internal sealed class PollerWakeSignal(Poller poller) : WakeSignal
{
    // A duty cycle's own look into the poller may swallow the system's signal: this flag keeps it.
    private int _signalled;

    protected override void Block(int timeoutMs)
    {
        if (Interlocked.Exchange(ref _signalled, 0) != 0)
            return;
        poller.Wait(timeoutMs);
        Volatile.Write(ref _signalled, 0); // A signal from now on would only end the next park early.
    }

    protected override void Signal()
    {
        Interlocked.Exchange(ref _signalled, 1); // Before the poller's: pairs with the exchange in Block.
        poller.Wake();
    }
}
