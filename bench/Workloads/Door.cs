namespace LowLatency.Bench.Workloads;

/// <summary>Where messages go through.</summary>
internal enum Door
{
    /// <summary>TCP over loopback to a server in a process of its own.</summary>
    Tcp,

    /// <summary>A broker in this process.</summary>
    Inproc,

    /// <summary>No broker: one ring between two threads.</summary>
    Ring,

    /// <summary>A broker that runs already, by its address.</summary>
    Remote,
}
