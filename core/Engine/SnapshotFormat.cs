namespace LowLatency.Core.Engine;

/// <summary>How the records of a snapshot stand: the last field of SnapshotBegin.</summary>
internal static class SnapshotFormat
{
    /// <summary>Others between them; they are told by their stream.</summary>
    internal const uint Sliced = 1;

    /// <summary>Bytes of a SnapshotBegin without this field: all up to SnapshotEnd belong to the snapshot.</summary>
    internal const int WithoutFormat = 4 * sizeof(uint);
}
