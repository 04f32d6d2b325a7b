using System.Net;
using LowLatency.Bench.Reports;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Engine;
using LowLatency.Transport.Server;
using Xunit;

namespace LowLatency.Tests.Bench;

/// <summary>Each workload on small input, so that none rots.</summary>
public sealed class WorkloadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowlatency-bench-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void ShouldMeasureLatencyInProcess(bool polled, bool spin)
    {
        RunResult result = Run(Options("latency") with { Polled = polled, Spin = spin, Rate = 2_000 });
        AssertTimes(result);
        Assert.Equal(400, result.Messages);
        Assert.Equal("inproc", result.Server);
        Assert.True(result.FloorP50Us > 0);
        Assert.Equal(result.P50Us!.Value / result.FloorP50Us!.Value, result.RatioP50!.Value, result.RatioP50.Value * 0.001);
    }

    [Theory]
    [InlineData(true, DurabilityLevel.Memory)]
    [InlineData(true, DurabilityLevel.Process)]
    [InlineData(false, DurabilityLevel.Disk)]
    public void ShouldMeasureThroughputInProcess(bool polled, DurabilityLevel durability)
    {
        RunResult result = Run(Options("throughput") with { Polled = polled, Durability = durability, Window = 1000 });
        Assert.True(result.Verified);
        Assert.True(result.MsgsPerS > 0);
        Assert.Null(result.P50Us);
        Assert.Null(result.FloorP50Us);
    }

    [Theory]
    [InlineData(1, DurabilityLevel.Disk)]
    [InlineData(64, DurabilityLevel.Process)]
    public void ShouldMeasureConfirmsInProcess(int window, DurabilityLevel durability)
    {
        RunResult result = Run(Options("confirm") with { Polled = true, Durability = durability, Window = window });
        AssertTimes(result);
        Assert.True(result.FloorP50Us > 0);
        Assert.Contains(durability == DurabilityLevel.Disk ? "fdatasync" : "ping-pong", result.Floor, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldUseABrokerThatRuns()
    {
        using Broker broker = Broker.Open(new ServerOptions { Listen = ["tcp://127.0.0.1:0"], Broker = new BrokerOptions { DataDirectory = _folder } });
        broker.Start();
        RunResult result = Run(Options("latency") with { Door = Door.Remote, Address = broker.Addresses[0], Polled = true, Rate = 1_000 });
        AssertTimes(result);
        Assert.Equal("remote", result.Server);
        Assert.Null(result.ServerCpuPercent);
    }

    [Fact]
    public void ShouldStartAndStopAServerOfItsOwn()
    {
        RunResult result = Run(Options("throughput") with { Door = Door.Tcp, Polled = true, ServerProgram = ServerProgram() });
        Assert.True(result.Verified);
        Assert.Equal("jit", result.Server);
        Assert.NotNull(result.ServerCpuPercent);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void ShouldMeasureServerBeforeAnyMessage()
    {
        RunResult result = Run(Options("server") with { Door = Door.Tcp, ServerProgram = ServerProgram() });
        Assert.InRange(result.StartMs ?? 0, 1, 60_000);
        Assert.InRange(result.AnonymousBytes ?? 0, 100_000, 1L << 30);
        Assert.Equal(new FileInfo(ServerProgram()).Length, result.BinaryBytes);
        Assert.InRange(result.IdleCpuPercent ?? -1, 0, 200);
        var text = new StringWriter();
        ResultPrinter.PrintRuns(text, [result]);
        Assert.Contains("idle CPU", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayWhatIsWrongWhenNobodyListens()
    {
        using var socket = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        string address = $"tcp://{socket.LocalEndpoint}";
        socket.Stop();
        BenchException error = Assert.Throws<BenchException>(
            () => Run(Options("latency") with { Door = Door.Remote, Address = address, Polled = true, Spin = true }));
        Assert.Contains("127.0.0.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayWhatAServerSaidThatDidNotStart()
    {
        string program = Path.Combine(_folder, "server.sh");
        File.WriteAllText(program, "#!/bin/sh\necho no luck today >&2\nexit 3\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        BenchException error = Assert.Throws<BenchException>(() => Run(Options("throughput") with { Door = Door.Tcp, ServerProgram = program }));
        Assert.Contains("no luck today", error.Message, StringComparison.Ordinal);
    }

    private static string ServerProgram() => Path.Combine(AppContext.BaseDirectory, "lowlatency.dll");

    private static RunResult Run(RunOptions options) => Assert.Single(WorkloadRunner.Run(options, Progress.Silent));

    private RunOptions Options(string workload) => new()
    {
        Workload = workload,
        Door = Door.Inproc,
        Seconds = 0.2,
        WarmupSeconds = 0.1,
        DataFolder = _folder,
    };

    private static void AssertTimes(RunResult result)
    {
        Assert.True(result.Verified);
        Assert.True(result.P50Us > 0, result.ToString());
        Assert.True(result.P50Us <= result.P90Us && result.P90Us <= result.P99Us && result.P99Us <= result.P999Us && result.P999Us <= result.MaxUs, result.ToString());
        Assert.True(result.RatioP50 > 0);
    }
}
