using System.Text.Json;
using LowLatency.Tests.Journals;
using Xunit;

namespace LowLatency.Tests.Cli;

/// <summary><c>lowlatency journal list</c>, <c>dump</c>, <c>find</c> and <c>export</c> on the journal of a broker that was killed.</summary>
public sealed class JournalToolTests(JournalOfADesk desk) : IClassFixture<JournalOfADesk>
{
    [Fact]
    public void ShouldListEveryFileWithWhatIsInIt()
    {
        using Tool list = Run("list");
        string[] rows = list.OutputText.Split('\n');
        Assert.Contains(rows, row => row.Contains("segment-0000000000000000.log", StringComparison.Ordinal) && row.Contains("closed", StringComparison.Ordinal));
        Assert.Single(rows, row => row.Contains(" current ", StringComparison.Ordinal));
        string total = Assert.Single(rows, row => row.Contains("│ total", StringComparison.Ordinal));
        // Each of six is held by 'copies' at least and counted once; the dead letter is a message of its own; and eight more.
        Assert.Equal("15", Cells(total)[7]);
        Assert.All(rows.Where(row => row.Contains("segment-", StringComparison.Ordinal)), row => Assert.Matches("closed|current|ready", row));
        Assert.Contains("The journal ends at position", list.Error, StringComparison.Ordinal);
        Assert.Equal(desk.Before, desk.Hashes());
    }

    [Fact]
    public void ShouldDumpRecordsByQueueTypeAndPosition()
    {
        List<JsonElement> all = Lines("dump", "--headers", "--payload");
        Assert.Equal(all.Select(line => Long(line, "position")).Order(), all.Select(line => Long(line, "position")));
        Assert.Contains(all, line => Text(line, "type") == "Marker");
        JsonElement rejected = all.First(line => Text(line, "type") == "Message" && Id(line) == "rejected");
        Assert.Equal(("desk-1", "ticks", "eu.bid", "rejected é"), (Text(rejected, "publisher"), Text(rejected, "exchange"), Text(rejected, "routingKey"), Text(rejected, "payload")));
        Assert.Equal(["copies", "orders"], rejected.GetProperty("routes").EnumerateArray().Select(route => Text(route, "queue")).Order(StringComparer.Ordinal));
        JsonElement binary = all.First(line => Text(line, "type") == "Message" && Id(line) == "scheduled");
        Assert.Equal("//4=", Text(binary, "payloadBase64"));

        List<JsonElement> drops = Lines("dump", "--queue", "orders", "--type", "drop,ACK");
        Assert.Equal(["Ack", "Drop"], drops.Select(line => Text(line, "type")).Order(StringComparer.Ordinal));
        Assert.Equal("Rejected", drops.Where(line => Text(line, "type") == "Drop").Select(line => Text(line, "reason")).Single());
        Assert.Empty(Lines("dump", "--queue", "dead", "--type", "Ack"));

        JsonElement one = Assert.Single(Lines("dump", "--position", $"{Long(rejected, "position") + 40:N0}"));
        Assert.Equal(Long(rejected, "position"), Long(one, "position"));
        long last = Long(drops[1], "position");
        Assert.Equal(all.Where(line => Long(line, "position") >= 4096 && Long(line, "position") <= last).Count(), Lines("dump", "--position", $"4096..{last}").Count);
    }

    [Fact]
    public void ShouldDumpRecordsByTime()
    {
        int all = Lines("dump").Count;
        JsonElement first = Lines("dump", "--type", "Message")[0];
        Assert.Equal(all, Lines("dump", "--from", "-1d").Count + Lines("dump", "--to", "-1d").Count);
        Assert.Empty(Lines("dump", "--from", "2199-01-01T00:00:00Z"));
        Assert.Contains(Lines("dump", "--from", Text(first, "time"), "--to", Text(first, "time")), line => Long(line, "position") == Long(first, "position"));
        using Tool wrong = Tool.Run([], "journal", "dump", desk.Folder, "--from", "noon");
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("-5m", wrong.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("acknowledged", "now: orders: gone: acknowledged")]
    [InlineData("rejected", "now: orders: gone: rejected by its consumer")]
    [InlineData("requeued", "now: orders: unacknowledged")]
    [InlineData("unacknowledged", "now: orders: unacknowledged")]
    [InlineData("waiting", "now: orders: waiting")]
    [InlineData("scheduled", "now: copies: held until")]
    public void ShouldTellTheLifeOfAMessage(string id, string now)
    {
        using Tool find = Run("find", "--id", id);
        Assert.Contains(now, find.OutputText, StringComparison.Ordinal);
        Assert.Contains($"message id      {id}\n", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("publisher       desk-1, its message", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("exchange        ticks", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("What the journal does not tell", find.OutputText, StringComparison.Ordinal);
        if (id != "scheduled")
            Assert.Contains("now: copies: waiting", find.OutputText, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldTellHowItCameBack()
    {
        using Tool find = Run("find", "--id", "requeued");
        string[] lines = Array.FindAll(find.OutputText.Split('\n'), line => line.Contains("  orders  ", StringComparison.Ordinal));
        Assert.Equal(4, lines.Length);
        Assert.EndsWith("put in, sequence 3", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("  delivered", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("returned to its place (come back once)", lines[2], StringComparison.Ordinal);
        Assert.EndsWith("delivered again, flagged as redelivered (it had come back once)", lines[3], StringComparison.Ordinal);
        // The record of a delivery tells no time: the times of those around it stand.
        Assert.Contains(" … ", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldFollowAMessageToItsDeadLetter()
    {
        JsonElement message = Lines("dump", "--type", "Message", "--headers").First(line => Id(line) == "rejected");
        using Tool find = Run("find", "--position", $"{Long(message, "position")}");
        Assert.Contains($"dead letter of  the message at position {Long(message, "position"):N0}\n", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("now: dead: waiting", find.OutputText, StringComparison.Ordinal);
        Assert.Equal(2, find.OutputText.Split('\n').Count(line => line.StartsWith("message at position", StringComparison.Ordinal)));
    }

    [Fact]
    public void ShouldSayWhatIsNotThere()
    {
        AssertLastLine(Tool.Run([], "journal", "find", desk.Folder, "--id", "nobody"), 20, "no message with the id 'nobody'");
        AssertLastLine(Tool.Run([], "journal", "find", desk.Folder, "--position", "4096"), 20, "a record of type Marker");
        AssertLastLine(Tool.Run([], "journal", "export", desk.Folder, "--queue", "nobody"), 20, "orders");
        using Tool dump = Run("dump", "--queue", "nobody");
        Assert.Contains("defines no queue 'nobody'", dump.Error, StringComparison.Ordinal);
        using var empty = new TemporaryFolder();
        File.WriteAllText(empty.File("letter.txt"), "dear");
        foreach (string command in new[] { "list", "dump", "export" })
            AssertLastLine(Tool.Run([], "journal", command, empty.Path), 12, "serve --data");
    }

    [Fact]
    public void ShouldExportWhatQueuesHold()
    {
        List<JsonElement> orders = Lines("export", "--queue", "orders");
        Assert.Equal(["requeued é", "unacknowledged é", "waiting é"], orders.Select(line => Text(line, "payload")));
        Assert.Equal(["unacknowledged", "unacknowledged", "waiting"], orders.Select(line => Text(line, "state")));
        Assert.Equal([3L, 4, 5], orders.Select(line => Long(line, "sequence")));
        JsonElement dead = Assert.Single(Lines("export", "--queue", "//dead"));
        Assert.Equal("orders", Text(dead.GetProperty("headers").GetProperty("x-death")[0], "queue"));
        List<JsonElement> copies = Lines("export", "--queue", "copies");
        Assert.Equal(5 + 1 + 8, copies.Count);
        Assert.Equal(200_000, Text(copies[5], "payload").Length);
        Assert.Equal(("scheduled", "//4="), (Text(copies[^1], "state"), Text(copies[^1], "payloadBase64")));
        Assert.Equal(orders.Count + 1 + copies.Count, Lines("export").Count);
        Assert.Equal(desk.Before, desk.Hashes());
    }

    [Fact]
    public void ShouldWriteOverNoFileUnlessForced()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("out.jsonl");
        using (Tool first = Run("export", "--queue", "orders", "--output", path))
            Assert.Contains("3 messages of 1 queue written", first.Error, StringComparison.Ordinal);
        byte[] written = File.ReadAllBytes(path);
        Assert.Equal(3, written.AsSpan().Count((byte)'\n'));
        AssertLastLine(Tool.Run([], "journal", "export", desk.Folder, "--output", path), 3, "--force");
        Assert.Equal(written, File.ReadAllBytes(path));
        using Tool forced = Run("export", "--queue", "dead", "--output", path, "--force");
        Assert.Single(File.ReadAllLines(path));
        string segment = Path.Combine(desk.Folder, "segment-0000000000000000.log");
        AssertLastLine(Tool.Run([], "journal", "export", desk.Folder, "--output", segment, "--force"), 2, "folder of the journal");
        Assert.Equal(desk.Before, desk.Hashes());
    }

    [Fact]
    public void ShouldReadAFolderThatCannotBeWrittenAndLeaveItAsItIs()
    {
        using var mount = new TemporaryFolder();
        SystemCommand.Run("mount", "--bind", desk.Folder, mount.Path);
        try
        {
            SystemCommand.Run("mount", "-o", "remount,ro,bind", mount.Path);
            foreach (string[] command in new string[][] { ["list"], ["dump"], ["find", "--id", "waiting"], ["export"] })
            {
                using Tool tool = Tool.Run([], ["journal", command[0], mount.Path, .. command[1..]]);
                Assert.True(tool.ExitCode == 0, tool.Error);
                Assert.NotEmpty(tool.Output);
            }
        }
        finally
        {
            SystemCommand.Run("umount", mount.Path);
        }
        Assert.Equal(desk.Before, desk.Hashes());
    }

    [Fact]
    public void ShouldGoAsFarAsADamagedJournalAllows()
    {
        using TemporaryFolder folder = Copy();
        // Confirmed at level disk, and more after it: the markers know that it was durable.
        JsonElement damaged = Lines("dump", "--type", "Message", "--headers").First(line => Id(line) == "requeued");
        using (FileStream segment = File.OpenWrite(folder.File("segment-0000000000000000.log")))
        {
            segment.Position = Long(damaged, "position") + 33;
            segment.WriteByte(0xEE);
        }
        string where = $"Reading stopped at position {Long(damaged, "position")}";
        foreach (string[] command in new string[][] { ["list"], ["dump"], ["find", "--id", "acknowledged"], ["export", "--queue", "orders"] })
        {
            using Tool tool = Tool.Run([], ["journal", command[0], folder.Path, .. command[1..]]);
            Assert.Equal(16, tool.ExitCode);
            Assert.Contains(where, tool.Error, StringComparison.Ordinal);
            if (command[0] == "export")
                Assert.Equal(2, tool.OutputText.Count(letter => letter == '\n'));
            else if (command[0] == "find")
                Assert.Contains("now: orders: waiting", tool.OutputText, StringComparison.Ordinal);
            else if (command[0] == "list")
                Assert.Contains(" damaged ", tool.OutputText, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ShouldTellWhatARestartDidToAMessage()
    {
        using TemporaryFolder folder = Copy();
        using Tool broker = Tool.Start("serve", "--data", folder.Path, "--listen", "tcp://127.0.0.1:0", "--segment-size", "1MiB");
        broker.WaitUntil(() => broker.OutputText.Contains("\nlistening ", StringComparison.Ordinal), "it listened");
        broker.Signal(ToolBroker.SigTerm);
        broker.WaitForExit();
        using Tool find = Tool.Run([], "journal", "find", folder.Path, "--id", "requeued");
        Assert.Contains("back in its place: the broker was started again, its consumers were gone (come back 2 times)", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("now: orders: waiting", find.OutputText, StringComparison.Ordinal);
        Assert.Contains("after a stop in order", find.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void ShouldSayThatABrokerHasItOpen()
    {
        using var broker = new ToolBroker([]);
        using Tool pub = Tool.Run("1\n2\n"u8, "pub", "orders", "-c", broker.Address);
        using Tool list = Tool.Run([], "journal", "list", broker.Folder);
        Assert.Equal(0, list.ExitCode);
        Assert.Contains("A broker (process ", list.Error, StringComparison.Ordinal);
        using Tool export = Tool.Run([], "journal", "export", broker.Folder, "--queue", "orders");
        Assert.Equal(2, export.OutputText.Count(letter => letter == '\n'));
        Assert.Equal(0, broker.Stop());
        using Tool after = Tool.Run([], "journal", "list", broker.Folder);
        Assert.DoesNotContain("A broker (process ", after.Error, StringComparison.Ordinal);
        Assert.Contains("after a stop in order", after.Error, StringComparison.Ordinal);
    }

    private TemporaryFolder Copy()
    {
        var folder = new TemporaryFolder();
        foreach (string file in Directory.EnumerateFiles(desk.Folder))
            File.Copy(file, folder.File(Path.GetFileName(file)));
        return folder;
    }

    private Tool Run(string command, params string[] arguments)
    {
        Tool tool = Tool.Run([], ["journal", command, desk.Folder, .. arguments]);
        Assert.True(tool.ExitCode == 0, tool.Error);
        return tool;
    }

    private List<JsonElement> Lines(string command, params string[] arguments)
    {
        using Tool tool = Run(command, arguments);
        return tool.OutputText.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
    }

    private static void AssertLastLine(Tool tool, int exitCode, string says)
    {
        using (tool)
        {
            Assert.Equal(exitCode, tool.ExitCode);
            string last = tool.Error.TrimEnd().Split('\n')[^1];
            Assert.StartsWith("lowlatency: ", last, StringComparison.Ordinal);
            Assert.Contains(says, last, StringComparison.Ordinal);
            Assert.Empty(tool.Output);
        }
    }

    private static string[] Cells(string row) => row.Split('│', StringSplitOptions.TrimEntries)[1..];

    private static string Text(JsonElement line, string name) => line.TryGetProperty(name, out JsonElement value) ? value.GetString()! : "";

    private static long Long(JsonElement line, string name) => line.GetProperty(name).GetInt64();

    private static string Id(JsonElement line) => line.TryGetProperty("properties", out JsonElement properties) ? Text(properties, "messageId") : "";
}
