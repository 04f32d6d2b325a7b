using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary>Definitions, and the options of pub and sub beside lines in and lines out.</summary>
public sealed class ModelTests(ToolBroker broker) : IClassFixture<ToolBroker>
{
    [Fact]
    public void ShouldDeclareRouteAndDelete()
    {
        Ok("declare", "exchange", "ticks", "--kind", "topic");
        Assert.Contains("Queue 'acme': 0 messages ready", Ok("declare", "queue", "acme", "--max-length", "100", "--overflow", "drop-head"), StringComparison.Ordinal);
        Ok("declare", "binding", "ticks", "acme", "--key", "*.ACME.#");
        using Tool pub = Run("1\n2\n"u8, "pub", "eu.ACME.bid", "--exchange", "ticks", "--mandatory");
        Assert.Equal(0, pub.ExitCode);
        using Tool lost = Run("3\n"u8, "pub", "eu.OTHER", "--exchange", "ticks", "--mandatory");
        Assert.Equal(6, lost.ExitCode);
        Assert.Contains("312", lost.Error, StringComparison.Ordinal);
        using Tool got = Run([], "sub", "acme", "--get", "10", "--wait", "5");
        Assert.Equal((0, "1\n2\n"), (got.ExitCode, got.OutputText));
        Ok("delete", "binding", "ticks", "acme", "--key", "*.ACME.#");
        Ok("delete", "exchange", "ticks", "--if-unused");
        Assert.Contains("and 0 messages with it", Ok("delete", "queue", "acme", "--if-empty"), StringComparison.Ordinal);
        using Tool again = Run([], "delete", "queue", "acme");
        Assert.Equal(5, again.ExitCode);
        Assert.Contains("404", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldShowTheBrokersRefusal()
    {
        Ok("declare", "queue", "kept", "--message-ttl", "5000");
        using Tool other = Run([], "declare", "queue", "kept", "--message-ttl", "6000");
        Assert.Equal(5, other.ExitCode);
        Assert.Contains("x-message-ttl", other.Error, StringComparison.Ordinal);
        using Tool wrong = Run([], "declare", "queue", "x", "--overflow", "maybe");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("reject-publish, drop-head", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldBrowseConflateAndPurge()
    {
        using Tool pub = Run("1\n2\n3\n"u8, "pub", "looked-at", "--header", "symbol=ACME");
        Assert.Equal(0, pub.ExitCode);
        using Tool browse = Run([], "sub", "looked-at", "--browse", "--count", "3");
        Assert.Equal((0, "1\n2\n3\n"), (browse.ExitCode, browse.OutputText));
        using Tool conflate = Run([], "sub", "looked-at", "--conflate", "--key", "symbol", "--count", "1");
        Assert.Equal((0, "3\n"), (conflate.ExitCode, conflate.OutputText));
        Assert.Contains("3 messages removed", Ok("purge", "looked-at"), StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSendPropertiesAndTakeThemByPriority()
    {
        Ok("declare", "queue", "urgent", "--max-priority", "10");
        using Tool low = Run("low\n"u8, "pub", "urgent", "--priority", "1");
        using Tool high = Run("high\n"u8, "pub", "urgent", "--priority", "9");
        using Tool late = Run("late\n"u8, "pub", "urgent", "--delay", "200");
        using Tool gone = Run("gone\n"u8, "pub", "urgent", "--expiration", "0", "--priority", "10");
        using Tool sub = Run([], "sub", "urgent", "--no-ack", "--exclusive", "--count", "3");
        Assert.Equal((0, "high\nlow\nlate\n"), (sub.ExitCode, sub.OutputText));
    }

    [Fact]
    public void ShouldUseAVirtualHost()
    {
        Ok("declare", "virtual-host", "desk", "--max-queues", "1");
        using Tool pub = Run("1\n"u8, "pub", "q", "--virtual-host", "desk");
        Assert.Equal(0, pub.ExitCode);
        using Tool full = Run("1\n"u8, "pub", "q2", "--virtual-host", "desk");
        Assert.Equal(5, full.ExitCode);
        using Tool sub = Tool.Run([], ["sub", "q", "-c", broker.Address + "/desk", "--count", "1"]);
        Assert.Equal((0, "1\n"), (sub.ExitCode, sub.OutputText));
        using Tool none = Run([], "sub", "q", "--virtual-host", "none");
        Assert.Equal(5, none.ExitCode);
        Assert.Contains("530", none.Error, StringComparison.Ordinal);
        Ok("delete", "virtual-host", "desk");
    }

    private string Ok(params ReadOnlySpan<string> arguments)
    {
        using Tool tool = Run([], arguments);
        Assert.True(tool.ExitCode == 0, tool.Error);
        return tool.Error;
    }

    private Tool Run(ReadOnlySpan<byte> input, params ReadOnlySpan<string> arguments) => Tool.Run(input, [.. arguments, "-c", broker.Address]);
}
