using System.Runtime.InteropServices;
using LowLatency.Bench.Machine;
using Xunit;

namespace LowLatency.Tests.Bench;

public class MachineTests
{
    [Fact]
    public unsafe void ShouldCountWhatThisProcessDoes()
    {
        ProcessCounters before = ProcessCounters.Read(0);
        using var first = new SemaphoreSlim(0);
        using var second = new SemaphoreSlim(0);
        const int rounds = 50;
        const int blockBytes = 64 * 1024 * 1024; // So much comes fresh from the system, not from what was freed before: every page faults.
        var block = (byte*)NativeMemory.Alloc(blockBytes);
        var other = new Thread(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                first.Wait();
                new Span<byte>(block + i * (blockBytes / rounds), 64 * 1024).Fill(1);
                second.Release();
            }
            first.Wait(); // Alive, so that its counters are there to be read.
        });
        other.Start();
        for (int i = 0; i < rounds; i++)
        {
            first.Release();
            second.Wait();
        }
        ProcessCounters counted = ProcessCounters.Read(Environment.ProcessId) - before;
        first.Release();
        other.Join();
        NativeMemory.Free(block);
        Assert.True(counted.MinorFaults > 0, counted.ToString());
        Assert.True(counted.CpuSeconds >= 0, counted.ToString());
        Assert.True(ProcessCounters.Read(0).VoluntarySwitches > 0, counted.ToString());
    }

    [Fact]
    public void ShouldReadMemoryOfProcess()
        => Assert.InRange(ProcessCounters.ReadAnonymousBytes(Environment.ProcessId) ?? 0, 1_000_000, 100L << 30);

    [Fact]
    public void ShouldBeZeroForProcessThatIsGone() => Assert.Equal(default, ProcessCounters.Read(int.MaxValue));

    [Fact]
    public void ShouldDescribeMachineAndFileSystem()
    {
        Assert.Contains("cores", MachineReport.Describe(), StringComparison.Ordinal);
        Assert.Equal("proc", MachineReport.FileSystemOf("/proc"));
        Assert.NotEqual("unknown", MachineReport.FileSystemOf(Path.GetTempPath()));
    }

    [Fact]
    public void ShouldReadCpuTicks()
    {
        (long total, long steal) = MachineReport.ReadCpuTicks();
        Assert.True(total > 0);
        Assert.InRange(steal, 0, total);
    }
}
