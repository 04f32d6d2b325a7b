namespace LowLatency.Core.Engine;

// Deliveries that nobody settles: their messages stay in the log until whoever reads them has done so.
internal sealed unsafe partial class BrokerEngine
{
    private readonly List<EgressPort> _passingPorts = [];

    /// <summary>The message, which has a reference for this, stays until the event that was staged last is taken.</summary>
    private void Keep(EgressPort port, long position)
    {
        if (port.Passing.Count == 0)
            _passingPorts.Add(port);
        port.Passing.Add(port.Ring.StagedPosition, position);
    }

    /// <summary>Lets go of what has been read meanwhile.</summary>
    internal void ReleasePassing()
    {
        for (int i = _passingPorts.Count - 1; i >= 0; i--)
            ReleasePassing(_passingPorts[i], _passingPorts[i].Ring.ReadConsumedPosition());
    }

    private void ReleasePassing(EgressPort port, long consumedPosition)
    {
        if (port.Passing.Count == 0)
            return;
        while (port.Passing.TryTake(consumedPosition, out long position))
            LogOf(position)!.Release(position);
        if (port.Passing.Count == 0)
            _passingPorts.Remove(port);
    }
}
