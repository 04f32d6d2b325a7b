namespace LowLatency.Core.Journal;

/// <summary>Body of a marker, in bytes from the start of the body. Little endian.</summary>
/// <remarks>
/// <code>
///  0 u64 durable position known when it was written
///  8 u32 oldest segment that is still needed    12 u32 flags
/// 16 boot id, 16 bytes: which boot of the machine wrote it
/// </code>
/// </remarks>
internal static class MarkerLayout
{
    internal const int DurablePosition = 0;
    internal const int OldestSegment = 8;
    internal const int Flags = 12;
    internal const int BootId = 16;
    internal const int BodyLength = 32;
}

/// <summary>Flags of a marker. Persisted: values are frozen.</summary>
[Flags]
internal enum MarkerFlags : uint
{
    None = 0,

    /// <summary>The broker stopped in order: nothing follows.</summary>
    Clean = 1,

    /// <summary>First record of an epoch.</summary>
    Opening = 2,
}
