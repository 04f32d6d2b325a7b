namespace LowLatency.Core.Rings;

/// <summary>Spins a little, then offers the core to other threads that are ready. Loads the core while idle.</summary>
internal struct YieldingIdle : IIdleStrategy
{
    private const int Spins = 100;

    private int _spun;

    public void Idle(int workCount)
    {
        if (workCount != 0)
            _spun = 0;
        else if (_spun < Spins)
        {
            _spun++;
            Thread.SpinWait(1);
        }
        else
            Thread.Yield();
    }

    public void Reset() => _spun = 0;
}
