using System.CommandLine;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency journal</c>: looks at a journal.</summary>
internal static class JournalCommand
{
    private const string Lesson =
        """
        Example:
          lowlatency journal verify ./data

        Reads every record of the journal and checks its checksums; writes nothing. A broker may be running on the folder.
        Exit code 0: every record is as it was written (a torn tail, which the next start cuts off, is no damage).
        16: something that was confirmed is damaged or missing.
        """;

    internal static Command Create(TeachingHelp help)
    {
        var folder = new Argument<string>("folder") { Description = "Data folder of a broker." };
        var verify = new Command("verify", "Checks every record of a journal.") { folder };
        verify.SetAction(parsed => JournalVerifyRun.Run(parsed.GetRequiredValue(folder)));
        help.Teach(verify, Lesson);
        var command = new Command("journal", "Looks at a broker's journal.") { verify };
        help.Teach(command, Lesson);
        return command;
    }
}
