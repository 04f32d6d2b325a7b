namespace LowLatency.Core.Engine;

/// <summary>Body of a <c>Delivered</c> record: queue after queue. Little endian. See docs/journal.md.</summary>
/// <remarks>
/// <code>
/// 0 u32 queue id   4 u32 ranges   8 i64 cursor: everything before it that is ready was delivered; 0 says nothing   16 ranges
/// </code>
/// </remarks>
internal static class DeliveredLayout
{
    internal const int QueueId = 0;
    internal const int RangeCount = 4;
    internal const int Cursor = 8;
    internal const int HeaderLength = 16;
}
