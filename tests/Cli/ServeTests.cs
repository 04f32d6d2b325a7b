using System.Net;
using System.Net.Sockets;
using Xunit;

namespace LowLatency.Tests.Cli;

public sealed class ServeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowlatency-serve-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(ToolBroker.SigTerm)]
    [InlineData(ToolBroker.SigInt)]
    public void ShouldStopInOrderAndFindEverythingAgain(int signal)
    {
        using var broker = new ToolBroker([]);
        Assert.Contains("data " + broker.Folder, broker.Tool.OutputText, StringComparison.Ordinal);
        Assert.Contains("recovered nothing", broker.Tool.OutputText, StringComparison.Ordinal);
        using Tool pub = Tool.Run("1\n2\n3\n"u8, "pub", "orders", "-c", broker.Address);
        using Tool first = Tool.Run([], "sub", "orders", "-c", broker.Address, "--count", "1");
        Assert.Equal(0, broker.Stop(signal));
        Assert.Contains("\nstopped in ", broker.Tool.OutputText, StringComparison.Ordinal);
        broker.Restart();
        Assert.Contains("recovered 2 messages waiting", broker.Tool.OutputText, StringComparison.Ordinal);
        Assert.Contains("no torn tail, after a stop in order", broker.Tool.OutputText, StringComparison.Ordinal);
        using Tool second = Tool.Run([], "sub", "orders", "-c", broker.Address, "--count", "2");
        Assert.Equal("2\n3\n", second.OutputText);
    }

    [Fact]
    public void ShouldStopWhileClientsAreConnected()
    {
        using var broker = new ToolBroker([]);
        using Tool sub = Tool.Start("sub", "orders", "-c", broker.Address, "--reconnect-timeout", "0");
        using Tool pub = Tool.Run("1\n"u8, "pub", "orders", "-c", broker.Address);
        sub.WaitUntil(() => sub.OutputText == "1\n", "the message had come");
        Assert.Equal(0, broker.Stop());
        sub.WaitForExit();
        Assert.NotEqual(0, sub.ExitCode);
    }

    [Fact]
    public void ShouldNameItsThreadsForThoseWhoLookFromOutside()
    {
        using var broker = new ToolBroker(["--threading", "dedicated"]);
        IEnumerable<string> names = Directory.GetDirectories($"/proc/{broker.Tool.ProcessId}/task").Select(task => File.ReadAllText(task + "/comm").TrimEnd());
        Assert.Superset(new HashSet<string> { "engine", "transport", "flusher", "preparer" }, names.ToHashSet());
    }

    [Fact]
    public void ShouldRefuseASecondBrokerOnTheSameFolder()
    {
        using var broker = new ToolBroker([]);
        using Tool second = Tool.Run([], "serve", "--data", broker.Folder, "--listen", "tcp://127.0.0.1:0");
        AssertOneLine(second, 14, broker.Folder);
        using Tool pub = Tool.Run("1\n"u8, "pub", "orders", "-c", broker.Address);
        Assert.Equal(0, pub.ExitCode);
    }

    [Fact]
    public void ShouldSayThatAPortIsInUse()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = $"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        using Tool serve = Tool.Run([], "serve", "--data", Path.Combine(_folder, "data"), "--listen", address);
        AssertOneLine(serve, 10, address);
    }

    [Fact]
    public void ShouldSayThatAnAddressIsNotOfThisMachine()
    {
        using Tool serve = Tool.Run([], "serve", "--data", Path.Combine(_folder, "data"), "--listen", "tcp://192.0.2.1:0");
        AssertOneLine(serve, 11, "tcp://192.0.2.1:0");
    }

    [Fact]
    public void ShouldMakeItsFolderButNotTheParent()
    {
        string missing = Path.Combine(_folder, "missing");
        using Tool serve = Tool.Run([], "serve", "--data", Path.Combine(missing, "data"), "--listen", "tcp://127.0.0.1:0");
        AssertOneLine(serve, 12, missing);
        Assert.False(Directory.Exists(missing));
    }

    [Fact]
    public void ShouldSayThatAFileIsNoFolder()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        using Tool serve = Tool.Run([], "serve", "--data", file, "--listen", "tcp://127.0.0.1:0");
        Assert.NotEqual(0, serve.ExitCode);
        AssertOneLine(serve, serve.ExitCode, file);
    }

    [Fact]
    public void ShouldListenOnSeveralAddressesAndStopWithItsInput()
    {
        using Tool serve = Tool.Start(
            "serve", "--data", Path.Combine(_folder, "data"), "--listen", "tcp://127.0.0.1:0", "--listen", "tcp://127.0.0.1:0", "--stats", "--stop-with-input");
        serve.WaitUntil(() => serve.OutputText.Split("\nlistening tcp://127.0.0.1:").Length == 3 && serve.OutputText.EndsWith('\n'), "it listened twice");
        serve.Feed([]);
        serve.WaitForExit();
        Assert.Equal(0, serve.ExitCode);
        Assert.Contains("stats messages-in=0 messages-out=0 duplicates=0", serve.OutputText, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldRecogniseDamageInsteadOfServingIt()
    {
        using var broker = new ToolBroker([]);
        using Tool pub = Tool.Run("one\ntwo\nthree\n"u8, "pub", "orders", "-c", broker.Address);
        Assert.Equal(0, broker.Stop());
        using Tool intact = Tool.Run([], "journal", "verify", broker.Folder);
        Assert.Equal(0, intact.ExitCode);
        Assert.Contains("as they were written.", intact.OutputText, StringComparison.Ordinal);
        Assert.Contains("after a stop in order", intact.OutputText, StringComparison.Ordinal);

        string segment = Directory.GetFiles(broker.Folder, "segment-*").Order(StringComparer.Ordinal).First();
        byte[] bytes = File.ReadAllBytes(segment);
        int at = bytes.AsSpan().IndexOf("two"u8);
        bytes[at] ^= 1;
        File.WriteAllBytes(segment, bytes);
        using Tool damaged = Tool.Run([], "journal", "verify", broker.Folder);
        Assert.Equal(16, damaged.ExitCode);
        Assert.Contains("damaged", damaged.OutputText, StringComparison.Ordinal);
        using Tool serve = Tool.Run([], "serve", "--data", broker.Folder, "--listen", "tcp://127.0.0.1:0");
        AssertOneLine(serve, 16, Path.GetFileName(segment));
    }

    [Fact]
    public void ShouldNotChangeAJournalByVerifyingIt()
    {
        using var broker = new ToolBroker([]);
        using Tool pub = Tool.Run("one\ntwo\nthree\n"u8, "pub", "orders", "-c", broker.Address);
        broker.Tool.Kill();
        string[] files = Directory.GetFiles(broker.Folder).Order(StringComparer.Ordinal).ToArray();
        byte[][] before = Array.ConvertAll(files, File.ReadAllBytes);
        using Tool verify = Tool.Run([], "journal", "verify", broker.Folder);
        Assert.Equal(0, verify.ExitCode);
        Assert.Equal(files, Directory.GetFiles(broker.Folder).Order(StringComparer.Ordinal));
        for (int i = 0; i < files.Length; i++)
            Assert.True(before[i].AsSpan().SequenceEqual(File.ReadAllBytes(files[i])), files[i]);
    }

    internal static void AssertOneLine(Tool tool, int exitCode, string says)
    {
        Assert.Equal(exitCode, tool.ExitCode);
        Assert.Contains(says, tool.Error, StringComparison.Ordinal);
        Assert.Single(tool.Error.TrimEnd().Split('\n'));
        Assert.StartsWith("lowlatency: ", tool.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", tool.Error, StringComparison.Ordinal);
    }
}
