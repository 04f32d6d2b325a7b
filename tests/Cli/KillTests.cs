using System.Text;
using Xunit;

namespace LowLatency.Tests.Cli;

public sealed class KillTests : IDisposable
{
    private readonly ToolBroker _broker = new([]);

    public void Dispose() => _broker.Dispose();

    [Fact]
    public void ShouldGiveBackEveryByteThoughTheBrokerIsKilledTwice()
    {
        byte[] input = Lines(Stress.Scale(150_000));
        int lines = input.AsSpan().Count((byte)'\n') + 1;
        using Tool sub = Tool.Start("sub", "orders", "-c", _broker.Address, "--count", $"{lines}");
        using Tool pub = Tool.Start("pub", "orders", "-c", _broker.Address, "--durability", "disk", "--window", "1000");
        var feeder = new Thread(() => pub.Feed(input));
        feeder.Start();
        for (int kill = 1; kill <= 2; kill++)
        {
            long threshold = input.Length * kill / 3;
            sub.WaitUntil(() => sub.OutputLength > threshold, "enough had come");
            _broker.KillAndRestart();
        }
        feeder.Join();
        pub.WaitForExit();
        sub.WaitForExit();
        Assert.Equal(0, pub.ExitCode);
        Assert.Equal(0, sub.ExitCode);
        Assert.Contains($"{lines:N0} messages confirmed at level disk", pub.Error, StringComparison.Ordinal);
        Assert.Contains("reconnect", pub.Error + sub.Error, StringComparison.Ordinal);
        Assert.True(input.AsSpan().SequenceEqual(sub.Output), "Other bytes came back.");
        Assert.Equal(0, _broker.Stop());
    }

    [Fact]
    public void ShouldGiveUpOnABrokerThatDoesNotComeBack()
    {
        using Tool pub = Tool.Start("pub", "orders", "-c", _broker.Address, "--reconnect-timeout", "1");
        pub.Type("one\n"u8);
        using Tool sub = Tool.Run([], "sub", "orders", "-c", _broker.Address, "--count", "1");
        Assert.Equal("one\n", sub.OutputText);
        _broker.Tool.Kill();
        pub.WaitForExit();
        Assert.Equal(4, pub.ExitCode);
        Assert.Contains("confirmed at level disk", pub.Error, StringComparison.Ordinal);
        Assert.Contains("--reconnect-timeout", pub.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldKeepWhatWasConfirmedOverAKill()
    {
        byte[] input = Lines(1000);
        using Tool pub = Tool.Run(input, "pub", "kept", "-c", _broker.Address);
        Assert.Equal(0, pub.ExitCode);
        _broker.KillAndRestart();
        Assert.Contains("recovered 1,001 messages waiting", _broker.Tool.OutputText, StringComparison.Ordinal);
        using Tool sub = Tool.Run([], "sub", "kept", "-c", _broker.Address, "--count", "1001");
        Assert.True(input.AsSpan().SequenceEqual(sub.Output));
    }

    /// <summary>Lines of all sorts; the last without a newline.</summary>
    private static byte[] Lines(int count)
    {
        var random = new Random(11);
        var text = new StringBuilder();
        for (int line = 1; line <= count; line++)
            text.Append(line).Append(random.Next(20) == 0 ? "\r\n\n"[..random.Next(1, 3)] : "").Append((char)random.Next(32, 256), random.Next(60)).Append('\n');
        text.Append("the end");
        // An added empty line counts too.
        return TrimLines(Encoding.Latin1.GetBytes(text.ToString()), count);
    }

    private static byte[] TrimLines(byte[] bytes, int count)
    {
        int at = 0;
        for (int line = 0; line < count; line++)
            at += bytes.AsSpan(at).IndexOf((byte)'\n') + 1;
        return [.. bytes.AsSpan(0, at), .. "the end"u8];
    }
}
