namespace LowLatency.Core.Engine;

/// <summary>What a confirm promises. Persisted and sent: values are frozen.</summary>
public enum DurabilityLevel : byte
{
    /// <summary>The message reached no queue: nothing is kept. Only ever named in a confirm, never asked for.</summary>
    None = 0,

    /// <summary>The engine has it. Survives nothing but the loss of the connection.</summary>
    Memory = 1,

    /// <summary>It is in the mapped journal. Survives the death of the broker process (kill -9).</summary>
    Process = 2,

    /// <summary>The journal was flushed past it. Survives power loss, given a device that honours flush.</summary>
    Disk = 3,
}
