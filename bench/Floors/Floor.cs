using System.Diagnostics;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>The floor of one run: measured half before the workload and half after it, never beside it.</summary>
internal sealed class Floor(FloorKind kind, int size, string dataFolder)
{
    /// <summary>Times in nanoseconds, of all measurements together.</summary>
    internal Histogram Results { get; } = new();

    internal string? Name => kind == FloorKind.None ? null : NameOf(kind, size);

    internal void Measure(double seconds)
    {
        switch (kind)
        {
            case FloorKind.None:
                break;
            case FloorKind.SpinningPingPong:
                PingPong.Measure(size, spin: true, seconds, Results);
                break;
            case FloorKind.BlockingPingPong:
                PingPong.Measure(size, spin: false, seconds, Results);
                break;
            case FloorKind.Sync:
                SyncFloor.Measure(dataFolder, zeroed: false, seconds, Results);
                break;
            default:
                throw new UnreachableException();
        }
    }

    internal static string NameOf(FloorKind kind, int size) => kind switch
    {
        FloorKind.SpinningPingPong => $"TCP ping-pong, spinning, {size} B",
        FloorKind.BlockingPingPong => $"TCP ping-pong, blocking, {size} B",
        FloorKind.Sync => "4 KiB append + fdatasync",
        _ => throw new UnreachableException(),
    };
}
