using LowLatency.Core.Rings;

namespace LowLatency.Core.Agents;

/// <summary>How a parked agent thread is woken. One thread parks; any thread wakes it.</summary>
/// <remarks>
/// <para>Dekker's agreement, so that no wake-up is lost:</para>
/// <code>
///  parker                              waker
///  parked = 1                          publish work
///  full fence        (PreparePark)     full fence          (Wake)
///  look for work once more             parked == 1 ?
///  none: block       (Park)            yes: parked = 0, signal
/// </code>
/// <para>Either the parker sees the work or the waker sees the flag; without both fences each may miss the other's store. A signal
/// may come late, after the parker has given up waiting: then a later park returns at once, for nothing. That is allowed.</para>
/// </remarks>
internal abstract class WakeSignal : IDisposable
{
    private PaddedPosition _parked;

    /// <summary>Wakes the thread if it is parked or about to park. Any thread, after publishing the work.</summary>
    /// <returns>Whether this call signalled. <c>false</c> is cheap: a fence and a read.</returns>
    public bool Wake()
    {
        // The work's store must be seen before the flag is read: pairs with the exchange in PreparePark.
        Interlocked.MemoryBarrier();
        if (_parked.ReadAcquire() == 0)
            return false;
        if (_parked.Exchange(0) == 0)
            return false; // Another waker signals.
        Signal();
        return true;
    }

    /// <summary>Announces the park. The caller looks for work once more, then parks or cancels. The parking thread.</summary>
    internal void PreparePark() => _parked.Exchange(1); // Full fence: pairs with the one in Wake.

    /// <summary>There was work after all. The parking thread.</summary>
    internal void CancelPark() => _parked.Exchange(0);

    /// <summary>Blocks until woken, until the time is over, or for nothing. The parking thread, after <see cref="PreparePark"/>.</summary>
    /// <param name="timeoutMs">Longest time, in milliseconds; -1 for no limit.</param>
    /// <returns>Whether a waker ended it.</returns>
    internal bool Park(int timeoutMs)
    {
        Block(timeoutMs);
        return _parked.Exchange(0) == 0;
    }

    /// <summary>Blocks the parking thread until <see cref="Signal"/>, which may have come before, or the time is over.</summary>
    protected abstract void Block(int timeoutMs);

    /// <summary>Ends the present or the next <see cref="Block"/>. Any thread.</summary>
    protected abstract void Signal();

    protected virtual void Dispose(bool disposing)
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }
}
