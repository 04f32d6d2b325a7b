namespace LowLatency.Core.Rings;

/// <summary>How far apart fields of different threads must lie.</summary>
internal static class CacheLine
{
    /// <summary>Two 64-byte lines: x64 prefetches lines in pairs, and lines of some arm64 processors are 128 bytes.</summary>
    public const int PaddedBytes = 128;
}
