using System.CommandLine;
using LowLatency.Server.Commands;

namespace LowLatency.Server.Cli;

/// <summary>The commands of the program, and how it ends: with one line on standard error and an exit code, never with a stack trace.</summary>
internal static class CommandTree
{
    private const string Lesson =
        $"""
        A first round, in two terminals:
          lowlatency serve --data ./data
          seq 1 1000000 | lowlatency pub orders && lowlatency sub orders --count 1000000 | tail -1

        To see what it does when it is killed, and how fast it is here: lowlatency demo
        To see whether it does what its model says, through crashes: lowlatency simulate --seeds 1000

        {ExitCode.Table}
        """;

    internal static int Run(string[] args) => Run(args, Console.Error);

    /// <param name="args">Command line.</param>
    /// <param name="error">Where errors go.</param>
    /// <returns>Exit code.</returns>
    internal static int Run(string[] args, TextWriter error)
    {
        RootCommand root = Create();
        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is not TeachingHelp)
            return Complain(parsed, error);
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (CliException problem)
        {
            Terminal.Error.Line("lowlatency: " + problem.Message);
            return problem.ExitCode;
        }
        catch (Exception problem)
        {
            // Ours to fix: the trace is what a report needs.
            Terminal.Error.Line($"lowlatency: this is a bug, please report it with the lines below.\n{problem}");
            return ExitCode.Bug;
        }
    }

    private static RootCommand Create()
    {
        var root = new RootCommand("LowLatency, a message broker for trading workloads: server, client tools and proof in one program.");
        TeachingHelp help = TeachingHelp.Install(root);
        root.Subcommands.Add(ServeCommand.Create(help));
        root.Subcommands.Add(PubCommand.Create(help));
        root.Subcommands.Add(SubCommand.Create(help));
        root.Subcommands.Add(DeclareCommand.Create(help));
        root.Subcommands.Add(DeleteCommand.Create(help));
        root.Subcommands.Add(DeleteCommand.CreatePurge(help));
        root.Subcommands.Add(DemoCommand.Create(help));
        root.Subcommands.Add(SimulateCommand.Create(help));
        root.Subcommands.Add(JournalCommand.Create(help));
        help.Teach(root, Lesson);
        return root;
    }

    private static int Complain(ParseResult parsed, TextWriter error)
    {
        string command = parsed.CommandResult.Command is RootCommand ? "lowlatency" : $"lowlatency {parsed.CommandResult.Command.Name}";
        // An unknown word also leaves something required missing: the word is what is wrong.
        string problem = parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is no command or option here." : parsed.Errors[0].Message;
        error.WriteLine($"lowlatency: {problem} See '{command} --help'.");
        return ExitCode.BadArguments;
    }
}
