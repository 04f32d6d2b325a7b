namespace LowLatency.Bench.Floors;

/// <summary>What a workload's times are compared with.</summary>
internal enum FloorKind
{
    /// <summary>Nothing: the workload reports no times.</summary>
    None,

    /// <summary>TCP round trip, both ends spinning.</summary>
    SpinningPingPong,

    /// <summary>TCP round trip, both ends blocking.</summary>
    BlockingPingPong,

    /// <summary>4 KiB append and <c>fdatasync</c> in a preallocated file.</summary>
    Sync,
}
