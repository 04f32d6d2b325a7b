using System.Globalization;
using LowLatency.Bench.Reports;

namespace LowLatency.Bench.Suite;

/// <summary>One figure of the table in docs/performance.md.</summary>
/// <param name="Id">Short name for <c>--only</c>.</param>
/// <param name="What">What is measured.</param>
/// <param name="Reach">What it is to reach, in words.</param>
/// <param name="Arguments">The command that measures it alone.</param>
/// <param name="Describe">The figure, from the medians of its runs.</param>
/// <param name="IsReached">Whether it is good enough; null when it was not measured.</param>
internal sealed record SuiteRow(
    string Id,
    string What,
    string Reach,
    string Arguments,
    Func<RunResult, string> Describe,
    Func<RunResult, bool?> IsReached)
{
    internal static IReadOnlyList<SuiteRow> All { get; } =
    [
        new("latency-spin", "one-way latency over TCP, 128 B, 10,000/s, level `process`, spinning",
            "p50 ≤ 1.5 ×, p99 ≤ 3 × the spinning ping-pong's",
            "latency --idle spin --rate 10000 --size 128 --durability process",
            DescribeTimes, r => AtMost(r.RatioP50, 1.5) & AtMost(r.RatioP99, 3)),
        new("latency-adaptive", "the same, adaptive idle (the default)",
            "p50 ≤ 1.3 × the blocking ping-pong's",
            "latency --idle adaptive --rate 10000 --size 128 --durability process",
            DescribeTimes, r => AtMost(r.RatioP50, 1.3)),
        new("confirm-disk", "confirm at `disk`, one message at a time",
            "p50 ≤ 1.6 × a bare 4 KiB append + fdatasync",
            "confirm --durability disk --window 1 --size 128",
            DescribeTimes, r => AtMost(r.RatioP50, 1.6)),
        new("throughput-tcp", "throughput 1 → 1 over TCP, 128 B, level `process`, manual acks",
            "≥ 4,000,000 msg/s",
            "throughput --door tcp --size 128 --durability process",
            DescribeRate, r => AtLeast(r.MsgsPerS, 4_000_000)),
        new("throughput-disk", "the same at `disk`, window 1,000",
            "≥ 700,000 msg/s",
            "throughput --door tcp --size 128 --durability disk --window 1000",
            DescribeRate, r => AtLeast(r.MsgsPerS, 700_000)),
        new("throughput-inproc", "throughput in-process, 128 B, level `process`",
            "≥ 6,000,000 msg/s",
            "throughput --door inproc --idle spin --size 128 --durability process",
            DescribeRate, r => AtLeast(r.MsgsPerS, 6_000_000)),
        new("ring", "ring, one producer to one consumer, 128 B records, two threads",
            "≥ 20,000,000 records/s",
            "throughput --door ring --size 128",
            DescribeRate, r => AtLeast(r.MsgsPerS, 20_000_000)),
        new("server", "AOT server: start to accepting with an empty journal / idle anonymous memory / binary",
            "≤ 60 ms / ≤ 32 MiB / ≤ 15 MB",
            "server",
            DescribeServer, r => AtMost(r.StartMs, 60) & AtMost(r.AnonymousBytes, 32 * 1024 * 1024) & AtMost(r.BinaryBytes, 15e6)),
        new("idle", "CPU of an idle server with 10 idle connections, adaptive",
            "≤ 1 % of a core",
            "server",
            r => $"{Format.Number(r.IdleCpuPercent)} % [{Format.Number(r.IdleCpuPercentMin)} – {Format.Number(r.IdleCpuPercentMax)}]",
            r => AtMost(r.IdleCpuPercent, 1)),
    ];

    private static string DescribeTimes(RunResult r) =>
        $"p50 {Format.Us(r.P50Us)} µs = {Format.Ratio(r.RatioP50)} [{Format.Ratio(r.RatioP50Min)} – {Format.Ratio(r.RatioP50Max)}], "
        + $"p99 {Format.Us(r.P99Us)} µs = {Format.Ratio(r.RatioP99)} [{Format.Ratio(r.RatioP99Min)} – {Format.Ratio(r.RatioP99Max)}]; "
        + $"floor {Format.Us(r.FloorP50Us)} / {Format.Us(r.FloorP99Us)} µs"
        + (r.FloorPacedP99Us is null ? "" : $"; floor on the same schedule p99 {Format.Us(r.FloorPacedP99Us)} µs, p99 = {Format.Ratio(r.RatioPacedP99)} of it");

    private static string DescribeRate(RunResult r) =>
        $"{Format.Count(r.MsgsPerS)} /s [{Format.Count(r.MsgsPerSMin)} – {Format.Count(r.MsgsPerSMax)}]";

    private static string DescribeServer(RunResult r) => string.Create(CultureInfo.InvariantCulture,
        $"{r.StartMs:0.0} ms [{r.StartMsMin:0.0} – {r.StartMsMax:0.0}] / {r.AnonymousBytes / 1048576:0.0} MiB / {r.BinaryBytes / 1e6:0.0} MB ({r.Server})");

    private static bool? AtMost(double? value, double limit) => value is null ? null : value <= limit;

    private static bool? AtLeast(double? value, double limit) => value is null ? null : value >= limit;
}
