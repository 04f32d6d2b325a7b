using System.Diagnostics;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>The floor of one run: measured half before the workload and half after it, never beside it.</summary>
internal sealed class Floor(FloorKind kind, int size, string dataFolder)
{
    /// <summary>Times in nanoseconds, of all measurements together.</summary>
    internal Histogram Results { get; } = new();

    /// <summary>Ping-pongs only: round trips on the workload's own schedule, from the moment when each was due.</summary>
    internal Histogram Paced { get; } = new();

    internal string? Name => kind == FloorKind.None ? null : NameOf(kind, size);

    /// <param name="pacedSeconds">How long to measure on a schedule of <paramref name="rate"/> a second; 0: not.</param>
    internal void Measure(double seconds, double pacedSeconds, int rate)
    {
        Measure(seconds);
        if (pacedSeconds > 0 && kind is FloorKind.SpinningPingPong or FloorKind.BlockingPingPong)
            PingPong.Measure(size, kind == FloorKind.SpinningPingPong, pacedSeconds, Paced, rate);
    }

    private void Measure(double seconds)
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
