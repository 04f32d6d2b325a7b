namespace LowLatency.Core.Engine;

/// <summary>The egress ports of a broker by index. Changes copy the array; the engine reads it without a lock.</summary>
internal sealed class EgressPorts
{
    private readonly Lock _gate = new();
    private EgressPort?[] _ports = [];

    /// <summary>The ports, with null where one was removed. Any thread.</summary>
    internal EgressPort?[] All => Volatile.Read(ref _ports);

    internal EgressPort? this[int index]
    {
        get
        {
            EgressPort?[] ports = All;
            return (uint)index < (uint)ports.Length ? ports[index] : null;
        }
    }

    /// <summary>Makes a port known to the engine, before the first session that names it. Any thread; control plane.</summary>
    internal int Add(EgressPort port)
    {
        lock (_gate)
        {
            int index = Array.IndexOf(_ports, null);
            EgressPort?[] ports = index < 0 ? [.. _ports, null] : [.. _ports];
            if (index < 0)
                index = ports.Length - 1;
            port.Index = index;
            ports[index] = port;
            Volatile.Write(ref _ports, ports);
            return index;
        }
    }

    /// <summary>Forgets a port, after the last of its sessions was closed. Any thread; control plane.</summary>
    internal void Remove(EgressPort port)
    {
        lock (_gate)
        {
            EgressPort?[] ports = [.. _ports];
            ports[port.Index] = null;
            Volatile.Write(ref _ports, ports);
        }
    }
}
