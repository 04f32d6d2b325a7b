using System.CommandLine;
using LowLatency.Server.Cli;
using LowLatency.Server.Inspection;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency journal find</c> and <c>export</c>: about messages rather than records.</summary>
internal static class JournalMessageCommands
{
    private const string FindLesson =
        """
        Examples:
          lowlatency journal find ./data --id 4711-A
          lowlatency journal find ./data --position 67,112,960

        Tells the life of a message, and of the dead letters that were made of it: when it was published by whom to which
        exchange and key, into which queues it was put with which sequence, when it was delivered, came back, left, why, and
        where it is now. --id is the message-id property; several messages may have it, and the first 100 are told of. Where a record
        tells no time the times of the records around it stand. Exit codes as of 'journal verify', and 20: no such message.
        """;

    private const string ExportLesson =
        """
        Examples:
          lowlatency journal export ./data --queue orders --output orders.jsonl
          lowlatency journal export ./data | jq -c 'select(.state == "waiting") | {queue, payload}'
          lowlatency journal export ./data --queue orders | jq -r .payload | lowlatency pub orders --connect tcp://other:7400

        Writes what durable queues hold, queue by queue in the order of their sequences, one JSON object a line: with queue,
        sequence, state (waiting, unacknowledged, delayed, scheduled), exchange, routing key, times, properties, headers and payload
        (payloadBase64 where it is no UTF-8). Nothing is taken out of the journal. To give it back to a broker, give it the payloads,
        each without a newline in it.
        Exit codes as of 'journal verify', and 20: no such queue.
        """;

    internal static Command CreateFind(TeachingHelp help)
    {
        Argument<string> folder = JournalCommand.Folder();
        Option<string?> id = ModelOptions.Text("--id", "The message-id property of the message.", "id");
        var position = new Option<long?>("--position")
        {
            Description = "A position in the record of the message.",
            HelpName = "number",
            CustomParser = result => PositionRange.TryNumber(result.Tokens[0].Value, out long number)
                ? number
                : Parsers.Fail<long?>(result, $"--position is '{result.Tokens[0].Value}': write a whole number, such as 4096."),
        };
        var command = new Command("find", "Tells the life of one message.") { folder, id, position };
        command.Validators.Add(result =>
        {
            if ((result.GetResult(id) == null) == (result.GetResult(position) == null))
                result.AddError("Name the message, by --id or by --position.");
        });
        command.SetAction(parsed => JournalFindRun.Run(parsed.GetRequiredValue(folder), parsed.GetValue(id), parsed.GetValue(position) ?? 0));
        help.Teach(command, FindLesson);
        return command;
    }

    internal static Command CreateExport(TeachingHelp help)
    {
        Argument<string> folder = JournalCommand.Folder();
        Option<string?> queue = ModelOptions.Text("--queue", "Only this queue: orders, or desk/orders in virtual host desk. [default: all]");
        Option<string?> output = ModelOptions.Text("--output", "Write to this file, which must not be there. [default: standard output]", "path");
        Option<bool> force = ModelOptions.Flag("--force", "Write over the file.");
        var command = new Command("export", "Writes the messages that queues hold, one JSON object a line.") { folder, queue, output, force };
        command.Validators.Add(result =>
        {
            if (result.GetValue(force) && result.GetResult(output) == null)
                result.AddError("--force is about a file: name it with --output.");
        });
        command.SetAction(parsed => JournalExportRun.Run(parsed.GetRequiredValue(folder), parsed.GetValue(queue), parsed.GetValue(output), parsed.GetValue(force)));
        help.Teach(command, ExportLesson);
        return command;
    }
}
