using System.Text.RegularExpressions;
using LowLatency.Core.Engine;
using LowLatency.Transport.Wire;
using Xunit;

namespace LowLatency.Tests.Wire;

/// <summary>docs/protocol.md says what the code and the vectors say.</summary>
public partial class ProtocolDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "protocol.md"));

    [Fact]
    public void ShouldShowTheSessionOfTheVectors()
    {
        int start = Document.IndexOf("## 9. A session", StringComparison.Ordinal);
        string section = Document[start..Document.IndexOf("## 10.", StringComparison.Ordinal)];
        List<(string Sender, string Type, string Hex)> shown = [];
        foreach (string line in section.Split('\n'))
        {
            if (FirstLine().Match(line) is { Success: true } first)
                shown.Add((first.Groups[1].Value, first.Groups[2].Value, Spaces().Replace(first.Groups[3].Value, "")));
            else if (FurtherLine().Match(line) is { Success: true } further)
                shown[^1] = (shown[^1].Sender, shown[^1].Type, shown[^1].Hex + Spaces().Replace(further.Value, ""));
        }

        Assert.Equal(
            ProtocolVectors.Session.Select(step => (step.Sender[..1], step.Frame.Type.ToString(), Convert.ToHexStringLower(step.Frame.Bytes))),
            shown);
    }

    [Fact]
    public void ShouldListEveryErrorCode()
    {
        Assert.Equal(
            Enum.GetValues<ErrorCode>().Where(code => code is not (ErrorCode.None or ErrorCode.NotConnected)).Select(code => $"{(int)code} {code}").Order(),
            ErrorRow().Matches(Document).Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}").Order());
    }

    [Fact]
    public void ShouldDescribeEveryFrame()
    {
        // A heading can name several frames: "### 50 DeleteQueue, 52 DeleteExchange (c)".
        IEnumerable<string> described = FrameHeading().Matches(Document)
            .SelectMany(heading => FrameInHeading().Matches(heading.Value))
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}");

        Assert.Equal(Enum.GetValues<FrameType>().Select(type => $"{(int)type} {type}").Order(), described.Order());
    }

    [GeneratedRegex("^([cs]) ([A-Z]\\w+) +([0-9a-f ]+)$")]
    private static partial Regex FirstLine();

    [GeneratedRegex("^ {21}(?:[0-9a-f]{16} ?)+$")]
    private static partial Regex FurtherLine();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();

    [GeneratedRegex("^\\| (\\d{3}) \\| (\\w+) \\|", RegexOptions.Multiline)]
    private static partial Regex ErrorRow();

    [GeneratedRegex("^### .*$", RegexOptions.Multiline)]
    private static partial Regex FrameHeading();

    [GeneratedRegex("(\\d+) ([A-Z]\\w+)")]
    private static partial Regex FrameInHeading();
}
