using System.Text;
using LowLatency.Core.Compression;
using LowLatency.Core.Journal;
using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>A journal most of whose segments are compressed: what the commands show of it, and where it can be used.</summary>
public sealed class CompressedJournalTests : IDisposable
{
    private const int SegmentSize = 1 << 20;
    private const int Lines = 12_000;
    private const string NoLibrary = "liblz4-of-nowhere.so";
    private static readonly string[] Small = ["--segment-size", "1MiB", "--journal-memory", "0"];

    private readonly ToolBroker _broker = new(Small);

    public void Dispose() => _broker.Dispose();

    [Fact]
    public void ShouldBeReadByEveryCommand()
    {
        string[] lines = Publish(_broker);
        WaitUntilCompressed(_broker, 2);
        Assert.Equal(0, _broker.Stop());

        using Tool verify = Tool.Run([], "journal", "verify", _broker.Folder);
        Assert.Equal(0, verify.ExitCode);
        Assert.DoesNotContain("damaged", verify.OutputText, StringComparison.Ordinal);
        using Tool list = Tool.Run([], "journal", "list", _broker.Folder);
        Assert.Contains($"{Lines:N0}", list.OutputText.Split('\n').Single(row => row.Contains("│ total", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.InRange(list.OutputText.Split('\n').Count(row => row.Contains(" closed, compressed ", StringComparison.Ordinal)), 2, Lines / 1000);
        using Tool dump = Tool.Run([], "journal", "dump", _broker.Folder, "--type", "Message", "--payload");
        string[] dumped = dump.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(lines, dumped.Select(Payload));
        string position = dumped[100].Split(',')[0][("{\"position\":".Length)..];
        using Tool find = Tool.Run([], "journal", "find", _broker.Folder, "--position", position);
        Assert.Contains("now: orders: waiting", find.OutputText, StringComparison.Ordinal);
        using Tool export = Tool.Run([], "journal", "export", _broker.Folder, "--queue", "orders");
        Assert.Equal(lines, export.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Payload));

        _broker.Restart();
        using Tool sub = Tool.Run([], "sub", "orders", "-c", _broker.Address, "--count", $"{Lines}");
        Assert.Equal(lines, sub.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void ShouldSayWhichLibraryIsMissing()
    {
        Publish(_broker);
        WaitUntilCompressed(_broker, 1);
        Assert.Equal(0, _broker.Stop());
        string before = SeveralSegments.Hashes(_broker.Folder);
        foreach (string[] command in new string[][] { ["serve", "--data", _broker.Folder, "--listen", "tcp://127.0.0.1:0"], ["journal", "verify", _broker.Folder], ["journal", "list", _broker.Folder] })
        {
            using Tool tool = Tool.StartWith(Lz4.LibraryVariable, NoLibrary, command);
            tool.WaitForExit();
            Assert.Equal(21, tool.ExitCode);
            Assert.Contains("segment-", tool.Error, StringComparison.Ordinal);
            Assert.Contains($".log in {_broker.Folder} is compressed. The LZ4 library {NoLibrary} is not on this machine: install it (liblz4-1", tool.Error, StringComparison.Ordinal);
        }
        Assert.Equal(before, SeveralSegments.Hashes(_broker.Folder));
        _broker.Restart();
    }

    [Theory]
    [InlineData("--no-compression", null)]
    [InlineData("--stats", NoLibrary)]
    public void ShouldCompressNothingWhereItIsNotToOrCannot(string option, string? library)
    {
        using var broker = new ToolBroker([.. Small, option], library == null ? null : (Lz4.LibraryVariable, library));
        Publish(broker);
        using Tool sub = Tool.Run([], "sub", "orders", "-c", broker.Address, "--count", $"{Lines}");
        Assert.Equal(0, broker.Stop());
        Assert.Equal(library != null, broker.Tool.Error.Contains($"{NoLibrary} is not on this machine", StringComparison.Ordinal));
        Assert.All(Segments(broker), file => Assert.Equal(SegmentSize, file.Length));
    }

    private static string[] Publish(ToolBroker broker)
    {
        string[] lines = [.. Enumerable.Range(0, Lines).Select(i => $"order {i} {new string((char)('a' + i % 26), 1000)}")];
        using Tool pub = Tool.Run(Encoding.ASCII.GetBytes(string.Join('\n', lines) + "\n"), "pub", "orders", "-c", broker.Address, "--durability", "disk");
        Assert.Equal(0, pub.ExitCode);
        return lines;
    }

    private static void WaitUntilCompressed(ToolBroker broker, int count) =>
        broker.Tool.WaitUntil(() => Segments(broker).Count(file => file.Length < SegmentSize) >= count, $"{count} segments are compressed");

    private static IEnumerable<FileInfo> Segments(ToolBroker broker) =>
        new DirectoryInfo(broker.Folder).EnumerateFiles().Where(file => JournalFiles.IsSegment(file.Name, out _));

    private static string Payload(string line)
    {
        int start = line.IndexOf("\"payload\":\"", StringComparison.Ordinal) + "\"payload\":\"".Length;
        return line[start..line.IndexOf('"', start)];
    }
}
