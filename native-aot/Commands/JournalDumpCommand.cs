using System.CommandLine;
using System.CommandLine.Parsing;
using LowLatency.Core.Engine;
using LowLatency.Core.Journal;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency journal dump</c>: records as JSON lines.</summary>
internal static class JournalDumpCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency journal dump ./data | jq -c 'select(.type == "Drop")'
          lowlatency journal dump ./data --queue orders --type Message,Drop --headers --payload
          lowlatency journal dump ./data --queue desk/fills --from 2026-07-29T14:00:00Z --to 2026-07-29T14:05:00Z
          lowlatency journal dump ./data --from -5m
          lowlatency journal dump ./data --position 67,112,960..67,200,000

        One record a line, in the order in which they were written; docs/journal.md says what each type means. A queue, or an
        exchange, of a virtual host other than / is named with it: desk/fills. Where a name is missing and an id stands, the thing
        is not durable or was deleted. Bytes that are no UTF-8 come as base64, under the name with Base64 behind it.
        Only messages, drops and defers tell a time: for --from and --to others have that of the record before them.
        --position A is the record that covers position A, A..B all that begin from A to B.
        Exit codes as of 'journal verify'; standard error says where the journal ends, or where reading stopped.
        """;

    internal static Command Create(TeachingHelp help)
    {
        Argument<string> folder = JournalCommand.Folder();
        Option<string?> queue = ModelOptions.Text("--queue", "Only records about this queue: orders, or desk/orders in virtual host desk.");
        Option<long?> from = Time("--from", "Only from this time on: ISO 8601, or before now, such as -5m.");
        Option<long?> to = Time("--to", "Only up to this time.");
        var position = new Option<PositionRange?>("--position")
        {
            Description = "Only the record at a position, or those that begin between two.",
            HelpName = "A[..B]",
            CustomParser = result => PositionRange.TryParse(result.Tokens[0].Value, out PositionRange range)
                ? range
                : Parsers.Fail<PositionRange?>(result, $"--position is '{result.Tokens[0].Value}': write a position, such as 4096, or two with dots between them, such as 4096..8192."),
        };
        var type = new Option<RecordType[]>("--type")
        {
            Description = "Only records of these types, with commas between them.",
            HelpName = "types",
            CustomParser = ParseTypes,
        };
        Option<bool> headers = ModelOptions.Flag("--headers", "Show properties and header tables of messages.");
        Option<bool> payload = ModelOptions.Flag("--payload", "Show bodies of messages.");
        var command = new Command("dump", "Shows the records of a journal, one JSON object a line.") { folder, queue, from, to, position, type, headers, payload };
        command.SetAction(parsed => JournalDumpRun.Run(new JournalDumpOptions
        {
            Folder = parsed.GetRequiredValue(folder),
            Queue = parsed.GetValue(queue),
            FromNs = parsed.GetValue(from) ?? long.MinValue,
            ToNs = parsed.GetValue(to) ?? long.MaxValue,
            Positions = parsed.GetValue(position) ?? PositionRange.All,
            Types = parsed.GetValue(type) ?? [],
            WithHeaders = parsed.GetValue(headers),
            WithPayload = parsed.GetValue(payload),
        }));
        help.Teach(command, Lesson);
        return command;
    }

    private static Option<long?> Time(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            string? problem = JournalTime.TryParse(text, UnixClock.NowNs(), out long ns);
            return problem == null ? ns : Parsers.Fail<long?>(result, $"{name} is '{text}': {problem}.");
        },
    };

    private static RecordType[] ParseTypes(ArgumentResult result)
    {
        string[] words = result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
        var types = new RecordType[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!Enum.TryParse(words[i], ignoreCase: true, out types[i]) || RecordDecoders.Find(types[i]) == null)
                return Parsers.Fail<RecordType[]>(result, $"--type is '{words[i]}': write names of types, such as {string.Join(", ", Enum.GetNames<RecordType>())}.");
        }
        return types;
    }
}
