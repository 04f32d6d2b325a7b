using System.Text;
using Xunit;

namespace LowLatency.Tests.Cli;

public sealed class PubSubTests(ToolBroker broker) : IClassFixture<ToolBroker>
{
    private const int MiB = 1024 * 1024;

    public static TheoryData<string, string> Inputs => new()
    {
        { "empty-input", "" },
        { "one-newline", "\n" },
        { "empty-lines", "\n\na\n\n\nb\n\n" },
        { "no-final-newline", "a\nb" },
        { "carriage-returns", "a\r\n\r\nb\r" },
        { "any-bytes", "\0\u0001\u00ff\u00fe\u0080\n\u00c3\u0028\n\t \n\u00e2\u0082" },
    };

    [Theory, MemberData(nameof(Inputs))]
    public void ShouldGiveBackEveryByte(string queue, string text)
    {
        byte[] input = Encoding.Latin1.GetBytes(text);
        int lines = text.Split('\n').Length - (text.Length == 0 || text.EndsWith('\n') ? 1 : 0);
        using Tool pub = Pub(queue, input);
        Assert.Equal(0, pub.ExitCode);
        Assert.Contains($"{lines} message", pub.Error, StringComparison.Ordinal);
        if (lines == 0)
            return;
        using Tool sub = Sub(queue, "--count", $"{lines}");
        Assert.Equal(0, sub.ExitCode);
        Assert.Equal(input, sub.Output);
    }

    [Fact]
    public void ShouldCarryALineOfTheLargestSizeAndRefuseALongerOne()
    {
        byte[] largest = new byte[MiB];
        new Random(1).NextBytes(largest);
        largest.AsSpan().Replace((byte)'\n', (byte)' ');
        byte[] input = [(byte)'a', (byte)'\n', .. largest, (byte)'\n', .. largest, (byte)'x', (byte)'\n', (byte)'b', (byte)'\n'];
        using Tool pub = Pub("large", input);
        Assert.Equal(6, pub.ExitCode);
        Assert.Contains("2 messages confirmed", pub.Error, StringComparison.Ordinal);
        Assert.Contains("Line 3 has 1,048,577 bytes", pub.Error, StringComparison.Ordinal);
        Assert.Contains("--max-body-length", pub.Error, StringComparison.Ordinal);
        using Tool sub = Sub("large", "--count", "2");
        Assert.True(input.AsSpan(0, MiB + 3).SequenceEqual(sub.Output));
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("process")]
    [InlineData("disk")]
    public void ShouldNameTheLevelOfConfirms(string level)
    {
        using Tool pub = Pub("levels", "a\nb\n"u8, "--durability", level);
        Assert.Equal(0, pub.ExitCode);
        Assert.Contains($"2 messages confirmed at level {level}", pub.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldNameTheFullQueueAndTheFirstLineThatWasRejected()
    {
        using Tool pub = Pub("narrow", "1\n2\n3\n4\n5\n"u8, "--max-length", "3");
        Assert.Equal(6, pub.ExitCode);
        Assert.Contains("3 messages confirmed", pub.Error, StringComparison.Ordinal);
        Assert.Contains("the first is line 4", pub.Error, StringComparison.Ordinal);
        Assert.Contains("'narrow'", pub.Error, StringComparison.Ordinal);
        using Tool sub = Sub("narrow", "--count", "3");
        Assert.Equal("1\n2\n3\n", sub.OutputText);
    }

    [Fact]
    public void ShouldLeaveWhatItDidNotWriteToTheNext()
    {
        using Tool pub = Pub("shared", "1\n2\n3\n4\n5\n"u8);
        using Tool first = Sub("shared", "--count", "2");
        using Tool second = Sub("shared", "--count", "3");
        Assert.Equal("1\n2\n", first.OutputText);
        Assert.Equal("3\n4\n5\n", second.OutputText);
    }

    [Fact]
    public void ShouldEndWithItsOwnCodeWhenTooFewArrive()
    {
        using Tool pub = Pub("few", "1\n2\n"u8);
        using Tool sub = Sub("few", "--count", "3", "--timeout-idle", "1");
        Assert.Equal(7, sub.ExitCode);
        Assert.Equal("1\n2\n", sub.OutputText);
        Assert.Contains("2 of 3", sub.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSendEachLineOfAPersonWhoTypesAtOnce()
    {
        using Tool pub = Tool.Start("pub", "typed", "-c", broker.Address);
        using Tool sub = Tool.Start("sub", "typed", "-c", broker.Address);
        pub.Type("hello\n"u8);
        sub.WaitUntil(() => sub.OutputText == "hello\n", "the line had come");
        pub.Type("again"u8);
        pub.Feed([]);
        sub.WaitUntil(() => sub.OutputText == "hello\nagain", "the rest had come");
        pub.WaitForExit();
        Assert.Equal(0, pub.ExitCode);
        sub.Signal(ToolBroker.SigTerm);
        sub.WaitForExit();
        Assert.Equal(0, sub.ExitCode);
        Assert.Contains("2 messages written and acknowledged", sub.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldNotAcknowledgeWhatItsReaderDidNotTake()
    {
        const int Lines = 50_000; // More than fits into a pipe.
        byte[] input = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, Lines).Select(line => $"line {line}\n")));
        using Tool pub = Pub("broken", input);
        using (Tool sub = Tool.StartWithClosedOutput("sub", "broken", "-c", broker.Address, "--count", $"{Lines}"))
        {
            sub.WaitForExit();
            Assert.Equal(3, sub.ExitCode);
        }
        // What was in the pipe when its reader went away was written.
        const int PipeLength = 65_536;
        using Tool second = Sub("broken", "--timeout-idle", "1");
        int missing = input.Length - second.Output.Length;
        Assert.InRange(missing, 0, PipeLength);
        Assert.True(input.AsSpan(missing).SequenceEqual(second.Output));
    }

    [Fact]
    public void ShouldSayThatAQueueIsMissingWhenItMayNotDeclare()
    {
        using Tool pub = Pub("missing", "1\n"u8, "--no-declare");
        using Tool sub = Sub("missing", "--no-declare");
        Assert.Equal(5, pub.ExitCode);
        Assert.Contains("missing", pub.Error, StringComparison.Ordinal);
        Assert.Equal(5, sub.ExitCode);
        Assert.Contains("missing", sub.Error, StringComparison.Ordinal);
    }

    private Tool Pub(string queue, ReadOnlySpan<byte> input, params ReadOnlySpan<string> arguments)
        => Tool.Run(input, ["pub", queue, "-c", broker.Address, .. arguments]);

    private Tool Sub(string queue, params ReadOnlySpan<string> arguments)
        => Tool.Run([], ["sub", queue, "-c", broker.Address, .. arguments]);
}
