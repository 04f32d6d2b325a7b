using LowLatency.Server.Cli;
using Xunit;

namespace LowLatency.Tests.Cli;

public class ArgumentTests
{
    public static TheoryData<string, string> BadArguments => new()
    {
        { "", "--help" },
        { "serv", "serv" },
        { "serve --nope", "--nope" },
        { "serve --listen nonsense", "nonsense" },
        { "serve --listen inproc://orders", "tcp://host:port" },
        { "serve --listen tcp://127.0.0.1:99999", "99999" },
        { "serve --segment-size 3MiB", "power of two" },
        { "serve --segment-size many", "'many'" },
        { "serve --segment-size 1", "1 MiB to 1 GiB" },
        { "serve --threading both", "shared, dedicated" },
        { "serve --idle sleep", "adaptive, spin, yield" },
        { "serve --max-body-length 100GiB", "64 MiB" },
        { "serve --max-queues none", "'none'" },
        { "serve --ingress-capacity 3MiB", "power of two" },
        { "pub", "pub" },
        { "pub orders --durability paper", "memory, process, disk" },
        { "pub orders --window 0", "from 1 to 65,536" },
        { "pub orders --connect tcp://127.0.0.1:0", "port 0" },
        { "pub orders --declare --no-declare", "exclude each other" },
        { "pub orders --max-length 5 --no-declare", "--max-length" },
        { "sub", "sub" },
        { "sub orders --count -1", "-1" },
        { "sub orders --credit 100000", "65,536" },
        { "journal", "journal" },
        { "journal verify", "verify" },
        { "journal dump d --type Nothing", "SnapshotBegin" },
        { "journal dump d --position 5..4", "4096..8192" },
        { "journal dump d --from noon", "-5m" },
        { "journal find d", "--id or by --position" },
        { "journal find d --id 1 --position 2", "--id or by --position" },
        { "journal export d --force", "--output" },
        { "demo --rate 1", "from 100" },
        { "simulate --steps many", "'many'" },
        { "simulate --without kill,nothing", "'nothing'" },
    };

    [Theory, MemberData(nameof(BadArguments))]
    public void ShouldExplainBadArgumentsInOneLine(string line, string says)
    {
        var error = new StringWriter();
        TextWriter console = Console.Error;
        int exitCode = CommandTree.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), error);
        Assert.Equal(2, exitCode);
        Assert.Contains(says, error.ToString(), StringComparison.Ordinal);
        Assert.Contains("--help", error.ToString(), StringComparison.Ordinal);
        Assert.Single(error.ToString().TrimEnd().Split('\n'));
        Assert.Same(console, Console.Error);
    }

    [Fact]
    public void ShouldSayWhatToDoWhenNoBrokerAnswers()
    {
        using Tool pub = Tool.Run("1\n"u8, "pub", "orders", "--connect", "tcp://127.0.0.1:1");
        ServeTests.AssertOneLine(pub, 4, "lowlatency serve");
        using Tool unknown = Tool.Run([], "sub", "orders", "--connect", "tcp://no-such-host.invalid:7400");
        ServeTests.AssertOneLine(unknown, 4, "no-such-host.invalid");
    }

    [Fact]
    public void ShouldSayThatAnInputCannotBeRead()
    {
        using Tool pub = Tool.Run([], "pub", "orders", "--file", "/no/such/file.csv", "--connect", "tcp://127.0.0.1:1");
        ServeTests.AssertOneLine(pub, 3, "/no/such/file.csv");
    }

    [Fact]
    public void ShouldSayThatAFolderToVerifyIsMissing()
    {
        using Tool verify = Tool.Run([], "journal", "verify", "/no/such/folder");
        ServeTests.AssertOneLine(verify, 12, "/no/such/folder");
    }

    [Theory]
    [InlineData("--help", "Exit codes:")]
    [InlineData("serve --help", "Examples:")]
    [InlineData("pub --help", "Examples:")]
    [InlineData("sub -h", "Examples:")]
    [InlineData("demo --help", "ledger")]
    [InlineData("journal verify --help", "Example:")]
    public void ShouldTeachWithHelp(string line, string says)
    {
        using Tool help = Tool.Run([], line.Split(' '));
        Assert.Equal(0, help.ExitCode);
        Assert.Contains(says, help.OutputText, StringComparison.Ordinal);
        Assert.Contains("Usage:", help.OutputText, StringComparison.Ordinal);
        Assert.Empty(help.Error);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("64KiB", 65_536)]
    [InlineData("64 mib", 67_108_864)]
    [InlineData("2G", 2_147_483_648)]
    [InlineData("1,000", 1000)]
    public void ShouldUnderstandSizes(string text, long bytes)
    {
        Assert.True(Quantity.TryParseBytes(text, out long parsed));
        Assert.Equal(bytes, parsed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MiB")]
    [InlineData("-1")]
    [InlineData("1.5MiB")]
    [InlineData("99999999999GiB")]
    public void ShouldRefuseWhatIsNoSize(string text) => Assert.False(Quantity.TryParseBytes(text, out _));

    [Theory]
    [InlineData(0, "0 ns")]
    [InlineData(999, "999 ns")]
    [InlineData(8_040, "8.04 µs")]
    [InlineData(51_230, "51.2 µs")]
    [InlineData(130_000, "130 µs")]
    [InlineData(4_560_000, "4.56 ms")]
    [InlineData(1_200_000_000, "1.20 s")]
    public void ShouldWriteTimesWithThreeDigits(long ns, string text) => Assert.Equal(text, Quantity.Duration(ns));

    [Fact]
    public void ShouldAlignATable()
    {
        var table = new TextTable("", "a", "long header");
        table.Add("x", "1,000", "2");
        table.AddRule();
        table.Add("a longer name", "3");
        string[] lines = table.Format().Split('\n');
        Assert.All(lines, line => Assert.Equal(lines[0].Length, line.Length));
        Assert.Equal("│ x             │ 1,000 │           2 │", lines[3]);
    }
}
