using System.CommandLine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency journal</c>: looks at a journal.</summary>
internal static class JournalCommand
{
    private const string VerifyLesson =
        """
        Example:
          lowlatency journal verify ./data

        Reads every record of the journal and checks its checksums; writes nothing. A broker may be running on the folder.
        Exit code 0: every record is as it was written (a torn tail, which the next start cuts off, is no damage).
        16: something that was confirmed is damaged or missing.
        """;

    private const string ListLesson =
        """
        Example:
          lowlatency journal list ./data

        'used' is what records take in a segment; 'live' are messages that some queue holds, waiting or unacknowledged, each
        counted once: what keeps a segment from being used again. Times are those that records tell; many tell none.
        States: closed, current (the journal ends in it), ready (made ahead), stale (needed no longer), spare, damaged
        (reading stopped in it), not read. Exit codes as of 'journal verify'.
        """;

    private const string Lesson =
        """
        Examples:
          lowlatency journal verify ./data                        # is every record as it was written?
          lowlatency journal list ./data                          # which files, and what keeps them
          lowlatency journal dump ./data --queue orders           # records as JSON lines
          lowlatency journal find ./data --id 4711-A              # the life of a message
          lowlatency journal export ./data --queue orders         # the messages that a queue holds, as JSON lines

        They open the folder for reading only and write nothing in it; a broker may be running on it.
        """;

    internal static Command Create(TeachingHelp help)
    {
        var command = new Command("journal", "Looks at a broker's journal.")
        {
            Create(help, "verify", "Checks every record of a journal.", VerifyLesson, JournalVerifyRun.Run),
            Create(help, "list", "Lists the files of a journal: what is in them, and what of it is needed.", ListLesson, JournalListRun.Run),
            JournalDumpCommand.Create(help),
            JournalMessageCommands.CreateFind(help),
            JournalMessageCommands.CreateExport(help),
        };
        help.Teach(command, Lesson);
        return command;
    }

    /// <summary>The folder to look at.</summary>
    internal static Argument<string> Folder() => new("folder") { Description = "Data folder of a broker." };

    private static Command Create(TeachingHelp help, string name, string description, string lesson, Func<string, int> run)
    {
        Argument<string> folder = Folder();
        var command = new Command(name, description) { folder };
        command.SetAction(parsed => run(parsed.GetRequiredValue(folder)));
        help.Teach(command, lesson);
        return command;
    }
}
