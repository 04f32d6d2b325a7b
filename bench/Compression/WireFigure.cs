using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;

namespace LowLatency.Bench.Compression;

/// <summary>Throughput over TCP on this machine with and without compression, and the bytes that it leaves on the wire.</summary>
/// <remarks>A loopback carries more than any network: what compression costs shows here, what it brings is the bytes.</remarks>
internal static class WireFigure
{
    internal static IEnumerable<Figure> Measure(CompressionBenchOptions options)
    {
        foreach (BodyContent content in new[] { BodyContent.Quotes, BodyContent.Noise })
        {
            string name = content.ToString().ToLowerInvariant();
            var plain = new List<double?>();
            var results = new List<RunResult>();
            for (int run = 0; run < options.Runs; run++)
            {
                options.Progress.Say($"  {name}, run {run + 1} of {options.Runs} …");
                // By turns: what the machine does meanwhile meets both.
                plain.Add(Run(options, content, compress: false).MsgsPerS);
                results.Add(Run(options, content, compress: true));
            }
            RunResult median = RunResult.MedianOf(results);
            yield return new("wire", $"{name}, {options.Size} B: throughput 1 → 1 over TCP, as it is", Quantiles.Median(plain), "/s");
            yield return new("wire", "… compressed in both directions", median.MsgsPerS, "/s");
            yield return new("wire", $"… sent by the server per delivery, of {median.SentFrameBytesPerMsg:0} B of frames", median.SentBytesPerMsg, "B");
        }
    }

    private static RunResult Run(CompressionBenchOptions options, BodyContent content, bool compress)
    {
        RunResult result = BrokerRun.Run(options.Server with { Workload = "throughput", Size = options.Size, Content = content, Compress = compress }, Progress.Silent);
        return result.Verified == true ? result : throw new BenchException("messages were lost, repeated, out of order or altered");
    }
}
