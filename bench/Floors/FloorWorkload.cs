using LowLatency.Bench.Reports;
using LowLatency.Core.Metrics;

namespace LowLatency.Bench.Floors;

/// <summary>All floors of the machine, one after the other.</summary>
internal static class FloorWorkload
{
    private const int SmallCopy = 128;
    private const int LargeCopy = 64 * 1024 * 1024;

    /// <param name="size">Bytes of a ping-pong message.</param>
    /// <param name="dataFolder">Where the file that is synced is made.</param>
    /// <param name="seconds">How long each floor is measured.</param>
    /// <param name="progress">Told what is measured.</param>
    internal static RunResult Run(int size, string dataFolder, double seconds, Progress progress)
    {
        var floors = new List<FloorResult>();
        FloorResult spinning = Measure(Floor.NameOf(FloorKind.SpinningPingPong, size), h => PingPong.Measure(size, true, seconds, h));
        Measure(Floor.NameOf(FloorKind.BlockingPingPong, size), h => PingPong.Measure(size, false, seconds, h));
        Measure(Floor.NameOf(FloorKind.Sync, size), h => SyncFloor.Measure(dataFolder, false, seconds, h));
        Measure("the same over blocks written before", h => SyncFloor.Measure(dataFolder, true, seconds, h));
        Measure("system call", h => ProcessorFloor.MeasureSystemCall(Math.Min(seconds, 0.5), h));
        Measure("clock read", h => ProcessorFloor.MeasureClockRead(Math.Min(seconds, 0.5), h));
        progress.Say($"  memory copies");
        return new RunResult
        {
            Workload = "floor",
            Size = size,
            Seconds = seconds,
            Floor = spinning.Name,
            FloorP50Us = spinning.P50Us,
            FloorP99Us = spinning.P99Us,
            Floors = floors,
            CopySmallBytesPerS = ProcessorFloor.MeasureCopy(SmallCopy, Math.Min(seconds, 0.5)),
            CopyLargeBytesPerS = ProcessorFloor.MeasureCopy(LargeCopy, Math.Min(seconds, 0.5)),
        };

        FloorResult Measure(string name, Action<Histogram> measure)
        {
            progress.Say($"  {name}");
            var times = new Histogram();
            measure(times);
            FloorResult result = FloorResult.From(name, times);
            floors.Add(result);
            return result;
        }
    }
}
