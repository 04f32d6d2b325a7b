using System.Globalization;
using System.Text;
using LowLatency.Core.Compression;
using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>Compression as a user of the command line asks for it, sees it and misses it.</summary>
public sealed class CompressionTests
{
    private const string NoLibrary = "liblz4-of-nowhere.so";
    private const int Lines = 20_000;

    private static readonly byte[] Input = Encoding.ASCII.GetBytes(string.Concat(
        Enumerable.Range(0, Lines).Select(i => string.Create(CultureInfo.InvariantCulture, $"35=X|55=ACME|270={1000 + i % 7}.25|271={100 * (i % 3)}|34={i}|\n"))));

    [Theory]
    [InlineData("--compress", "")]
    [InlineData(null, "?compress")]
    public void ShouldCompressBothWays(string? option, string query)
    {
        using var broker = new ToolBroker(["--stats"]);

        ShouldGiveBack(broker, option, query, "");

        broker.Stop();
        (long wireIn, long framesIn) = Stat(broker.Tool.OutputText, "compressed-in");
        (long wireOut, long framesOut) = Stat(broker.Tool.OutputText, "compressed-out");
        Assert.InRange(framesIn, Input.Length / 2, long.MaxValue);
        Assert.InRange(framesOut, Input.Length / 2, long.MaxValue);
        Assert.InRange(wireIn, 1, framesIn / 2);
        Assert.InRange(wireOut, 1, framesOut / 2);
        Assert.DoesNotContain("LZ4", broker.Tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayThatTheBrokerHasNoLibraryAndWorkWithout()
    {
        using var broker = new ToolBroker(["--stats"], (Lz4.LibraryVariable, NoLibrary));

        string notice = Assert.Single(broker.Tool.Error.Split('\n'), line => line.Contains("LZ4", StringComparison.Ordinal));
        Assert.StartsWith($"lowlatency: The LZ4 library {NoLibrary} is not on this machine", notice, StringComparison.Ordinal);
        ShouldGiveBack(broker, "--compress", "", "does not compress");
        broker.Stop();
        Assert.Equal((0, 0), Stat(broker.Tool.OutputText, "compressed-in"));
    }

    [Fact]
    public void ShouldGrantNothingWhenToldSo()
    {
        using var broker = new ToolBroker(["--stats", "--no-compression"]);

        ShouldGiveBack(broker, "--compress", "", "does not compress");
        broker.Stop();
        Assert.Equal((0, 0), Stat(broker.Tool.OutputText, "compressed-out"));
        Assert.DoesNotContain("LZ4", broker.Tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayThatTheClientHasNoLibraryAndWorkWithout()
    {
        using var broker = new ToolBroker([]);
        using Tool pub = Tool.StartWith(Lz4.LibraryVariable, NoLibrary, "pub", "orders", "-c", broker.Address, "--compress");
        pub.Feed("one\n"u8);
        pub.WaitForExit();

        Assert.Equal(0, pub.ExitCode);
        Assert.Contains($"{NoLibrary} is not on this machine", pub.Error, StringComparison.Ordinal);
        using Tool sub = Tool.Run([], "sub", "orders", "-c", broker.Address, "--count", "1");
        Assert.Equal("one\n", sub.OutputText);
        Assert.DoesNotContain("LZ4", sub.Error, StringComparison.Ordinal); // It did not ask.
    }

    private static void ShouldGiveBack(ToolBroker broker, string? option, string query, string reason)
    {
        string[] options = option == null ? [] : [option];
        using Tool pub = Tool.Run(Input, ["pub", "orders", "-c", broker.Address + query, .. options]);
        using Tool sub = Tool.Run([], ["sub", "orders", "-c", broker.Address + query, "--count", $"{Lines}", .. options]);
        foreach (Tool tool in new[] { pub, sub })
        {
            Assert.Equal(0, tool.ExitCode);
            Assert.Contains(reason, tool.Error, StringComparison.Ordinal);
            if (reason.Length == 0)
                Assert.DoesNotContain("compress", tool.Error, StringComparison.Ordinal);
        }

        Assert.True(Input.AsSpan().SequenceEqual(sub.Output));
    }

    private static (long Wire, long Frames) Stat(string output, string name)
    {
        string value = output.Split(' ', '\n').Single(word => word.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];
        string[] parts = value.Split('/');
        return (long.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
