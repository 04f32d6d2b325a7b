namespace LowLatency.Client;

/// <summary>Settlements from threads other than the connection's, in order, until that one takes them.</summary>
internal sealed class ForeignSettles
{
    private readonly Lock _gate = new();
    private List<Settlement> _filling = [];
    private List<Settlement> _taken = [];
    private bool _hasAny;

    internal bool HasAny => Volatile.Read(ref _hasAny);

    /// <summary>Adds one, in the user's tags. Any thread.</summary>
    internal void Add(in Settlement settlement)
    {
        lock (_gate)
        {
            int last = _filling.Count - 1;
            if (last >= 0 && settlement.First != 0 && _filling[last] is var previous
                && previous.Kind == settlement.Kind && previous.Last + 1 == settlement.First)
                _filling[last] = previous with { Last = settlement.Last };
            else
                _filling.Add(settlement);
            Volatile.Write(ref _hasAny, true);
        }
    }

    /// <summary>Takes all. The connection's thread; the list is good until the next call.</summary>
    internal List<Settlement> Take()
    {
        _taken.Clear();
        lock (_gate)
        {
            (_filling, _taken) = (_taken, _filling);
            Volatile.Write(ref _hasAny, false);
        }

        return _taken;
    }
}
